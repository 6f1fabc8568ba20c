import json
import os
from dataclasses import replace
from functools import partial

import pytest
from PIL import Image

from eega_pyg.datasets import JMERE
from eega_pyg.datasets.visual_sources import VisualSources
from eega_pyg.function_identity import function_identity
from eega_pyg.identity import digest
from eega_pyg.schema import OBJECT, REL, SceneGraph, SceneObject, ScenePredicate

load = partial(JMERE, log=False)
BOX = (0.25, 0.25, 0.5, 0.75)
#: What a detector says about the image of a caption "a woman holding a red cup".
ANN = SceneGraph((SceneObject('person', 0.9, BOX,
                              (1., 2.)), SceneObject('chair', 0.8, BOX, (3., 4.))),
                 (ScenePredicate(0, 'near', 1, 0.5), ))


class Colours:
    r"""An image parser that names pictures by their colour."""
    def __repr__(self):
        return 'Colours()'

    def __call__(self, images):
        names = {(255, 0, 0): 'red', (0, 0, 255): 'blue'}
        return [SceneGraph((SceneObject(names[i.getpixel((0, 0))]), )) for i in images]


def objects(dataset):
    return [d[OBJECT].num_nodes for d in dataset]


def pieces(dataset, label):
    from eega_pyg.datasets.cached import cached_pieces
    return cached_pieces(dataset.encoder).label(label)


def test_captions_may_be_named_as_a_visual_source(root):
    given, default = load(root, visual=['captions_{split}.jsonl']), load(root)
    assert given.processed_paths == default.processed_paths
    assert objects(given) == [2, 0]


def test_a_folder_of_scene_graphs(root):
    folder = root / 'raw' / 'scenes'
    folder.mkdir()
    (folder / 'ann.jpg.json').write_text(ANN.to_json())
    (folder / 'summary.json').write_text('{"written": 1}')
    dataset = load(root, visual=['scenes'], feature_size=2)
    assert objects(dataset) == [2, 0]
    assert dataset[0][OBJECT].feat.tolist() == [[1, 2], [3, 4]]
    assert dataset[0][OBJECT].box.tolist() == [list(BOX)] * 2
    assert dataset[0][REL].edge_type.numel() == 2 + 2
    assert load(root, visual=['scenes'])[0][OBJECT].feat.shape == (2, 0)
    with pytest.raises(ValueError, match="'ann.jpg': .*feature: expected 3 numbers"):
        load(root, visual=['scenes'], feature_size=3)
    with pytest.warns(UserWarning, match='No object of the train split has any'):
        load(root, feature_size=2)
    (folder / 'ann.jpg.json').write_text('{"objects": 3}')
    with pytest.raises(ValueError, match='ann.jpg.json: objects: expected a list'):
        load(root, visual=['scenes'])


def test_graphs_of_ones_own_and_captions_are_merged(root):
    dataset = load(root, visual=[{
        'ann.jpg': ANN
    }, 'captions_train.jsonl'], feature_size=2)
    # The person is the woman; the chair and the cup are one's own.
    assert objects(dataset) == [3, 0]
    store = dataset[0][OBJECT]
    assert store.has_box.tolist() == [True, True, False]
    assert store.feat.tolist() == [[1, 2], [3, 4], [0, 0]]
    ids = dataset[0]['label_piece'].input_ids.tolist()
    assert ids[:1] == pieces(dataset, 'woman')
    assert ids[-2:] == pieces(dataset, 'red cup')
    assert dataset[0][REL].edge_type.numel() == 2 * 2 + 3


def test_a_folder_of_images(root):
    folder = root / 'raw' / 'images'
    folder.mkdir()
    Image.new('RGB', (4, 4), 'red').save(folder / 'ann.jpg', quality=100)
    Image.new('RGB', (4, 4), 'red').save(folder / 'ann.png')
    os.replace(folder / 'ann.png', folder / 'ann.jpg')
    (folder / 'bob.jpg').write_bytes(b'no image')
    with pytest.warns(UserWarning, match='Left out: 1 of 2 images .*bob.jpg'):
        dataset = load(root, visual=['images'], image_parser=Colours())
    assert objects(dataset) == [1, 0]
    assert dataset[0]['label_piece'].input_ids.tolist() == pieces(dataset, 'red')


@pytest.mark.parametrize(
    'write', [lambda i: i[:-4], str.upper, lambda i: f'images/{i}', lambda i: i])
def test_names_that_are_written_in_another_way_are_found(root, write):
    path = root / 'raw' / 'captions_train.jsonl'
    rows = list(map(json.loads, path.read_text().splitlines()))
    rows = [{**row, 'img_id': write(row['img_id'])} for row in rows]
    if write is str.upper:  # The ending alone.
        rows = [{**row, 'img_id': f"{row['img_id'][:-4].lower()}.JPG"} for row in rows]
    path.write_text('\n'.join(map(json.dumps, rows)))
    assert objects(load(root)) == [2, 0]


def test_captions_of_other_images_are_named(root):
    path = root / 'raw' / 'captions_train.jsonl'
    path.write_text(path.read_text().replace('.jpg', '.webp'))
    with pytest.warns(
            UserWarning, match="Of the 2 images that '.*captions_train.jsonl' names, "
            "none is among the 2 images of the texts. It names 'ann.webp', "
            "'else.webp'; the texts have 'ann.jpg', 'bob.jpg'"):
        assert objects(load(root)) == [0, 0]
    (root / 'raw' / 'nothing').mkdir()
    with pytest.warns(UserWarning, match="'.*nothing' names no image"):
        load(root, visual=['nothing'])


def test_folders_and_links_to_nowhere_do_not_end_the_build(root):
    folder = root / 'raw' / 'images'
    (folder / 'bob.jpg').mkdir(parents=True)
    Image.new('RGB', (4, 4), 'red').save(folder / 'ann.png')
    os.replace(folder / 'ann.png', folder / 'ann.jpg')
    (folder / 'c.jpg').symlink_to('nowhere.jpg')
    os.mkfifo(folder / 'd.png')
    (folder / 'notes').mkdir()
    message = "Left out: 3 entries of '.*images' .*: 'bob.jpg', 'c.jpg', 'd.png'$"
    with pytest.warns(UserWarning, match=message):
        dataset = load(root, visual=['images'], image_parser=Colours())
    assert objects(dataset) == [1, 0]
    scenes = root / 'raw' / 'scenes'
    (scenes / 'bob.jpg.json').mkdir(parents=True)
    (scenes / 'ann.jpg.json').write_text(ANN.to_json())
    with pytest.warns(UserWarning, match="Left out: 1 entries .*: 'bob.jpg.json'$"):
        assert objects(load(root, visual=['scenes'])) == [2, 0]


def test_of_a_caption_without_end_the_beginning_is_read(root, monkeypatch):
    path = root / 'raw' / 'captions_train.jsonl'
    monkeypatch.setattr('eega_pyg.datasets.visual_sources.MAX_CAPTION', 30)
    path.write_text(
        json.dumps({
            'img_id': 'ann.jpg',
            'caption': 'a dog near a red cup and a man under a tree'
        }))
    with pytest.warns(UserWarning, match="1 captions of .*30th.*: those of 'ann.jpg'"):
        assert objects(load(root)) == [2, 0]


def test_the_benchmarks_pair_and_visual_genomes_form(root):
    folder = root / 'raw' / 'sgb'
    folder.mkdir()
    (folder / 'custom_data_info.json').write_text(
        json.dumps({
            'idx_to_files': ['x/ann.jpg'],
            'ind_to_classes': ['_', 'man'],
            'ind_to_predicates': ['_', 'near']
        }))
    (folder / 'custom_prediction.json').write_text(
        json.dumps({
            '0': {
                'bbox': [[0, 0, 9, 9]],
                'bbox_labels': [1],
                'bbox_scores': [0.5],
                'rel_pairs': [],
                'rel_labels': [],
                'rel_scores': []
            }
        }))
    genome = root / 'raw' / 'scene_graphs.json'
    genome.write_text(
        json.dumps([{
            'image_id':
            'bob.jpg',
            'objects': [{
                'object_id': 1,
                'names': ['dog']
            }, {
                'object_id': 2,
                'names': ['cat']
            }],
            'relationships': []
        }]))
    assert objects(load(root, visual=['sgb/custom_prediction.json'])) == [1, 0]
    assert objects(load(root, visual=['scene_graphs.json'])) == [0, 2]
    both = load(root, visual=['sgb/custom_prediction.json', 'scene_graphs.json'])
    assert objects(both) == [1, 2]


def test_whatever_changes_what_is_seen_changes_the_name(root, monkeypatch):
    folder = root / 'raw' / 'images'
    folder.mkdir()
    Image.new('RGB', (4, 4), 'red').save(folder / 'ann.png')
    changes = [
        {},
        {
            'visual': [{
                'ann.jpg': ANN
            }]
        },
        {
            'visual': [{
                'bob.jpg': ANN
            }]
        },
        {
            'visual': [{
                'ann.jpg': ANN
            }, 'captions_train.jsonl']
        },
        {
            'visual': ['captions_train.jsonl', {
                'ann.jpg': ANN
            }]
        },
        {
            'visual': ['images'],
            'image_parser': Colours()
        },
        {
            'visual': ['images'],
            'image_parser': lambda images: [SceneGraph() for _ in images]
        },
        {
            'feature_size': 2
        },
    ]
    names = [load(root, **change).processed_paths[0] for change in changes]
    Image.new('RGB', (4, 4), 'blue').save(folder / 'ann.png')
    names.append(
        load(root, visual=['images'], image_parser=Colours()).processed_paths[0])
    # The rules of the caption parser and of merging count, too.
    monkeypatch.setattr('eega_pyg.datasets.visual_sources.CAPTION_RULES', -1)
    names.append(load(root).processed_paths[0])
    assert len(set(names)) == len(names) == 10


@pytest.mark.slow
def test_objects_are_told_apart_by_what_their_results_depend_on():
    from eega_pyg.vision import RCNNDetector, SceneParser, SSDLiteDetector
    kwargs = {'weights': None, 'seed': 0}
    detector = SSDLiteDetector(**kwargs)
    parsers = [
        SceneParser(detector),
        SceneParser(detector, min_score=0.9),
        SceneParser(detector, max_predicates=3),
        SceneParser(SSDLiteDetector(weights=None, seed=1)),
        SceneParser(SSDLiteDetector(**kwargs, top_k=3)),
        SceneParser(SSDLiteDetector(**kwargs, score_threshold=0.01)),
        SceneParser(SSDLiteDetector(**kwargs, nms_threshold=0.1)),
        SceneParser(RCNNDetector.mask_rcnn(**kwargs)),
        SceneParser(RCNNDetector.mask_rcnn(**kwargs, min_size=400)),
    ]
    assert len({digest(function_identity(p)) for p in parsers}) == len(parsers)
    again = SceneParser(SSDLiteDetector(**kwargs))
    assert function_identity(again) == function_identity(parsers[0])


def test_functions_are_told_apart_by_their_defaults():
    def make(k):
        def transform(data, *, by=k):
            return data * by

        return transform

    assert function_identity(make(1)) == function_identity(make(1))
    assert function_identity(make(1)) != function_identity(make(2))

    class Nameless:
        def __call__(self, data):
            return data

    with pytest.raises(ValueError, match="<.*Nameless object .* a method 'identity'"):
        function_identity(Nameless())


@pytest.mark.parametrize('change, message', [
    ({
        'visual': 'captions.jsonl'
    }, "sequence of visual sources .got the string 'captions.jsonl'"),
    ({
        'visual': ['mnre_train.txt']
    }, "mnre_train.txt' is no visual source"),
])
def test_what_cannot_be_a_source_is_named(change, message, root):
    with pytest.raises(ValueError, match=message):
        load(root, **change)


def test_a_missing_source_is_an_os_error(root):
    with pytest.raises(FileNotFoundError, match="no visual source '.*gone.jsonl'"):
        load(root, visual=['gone.jsonl'])


def test_features_of_another_size_are_named(root):
    with pytest.raises(ValueError, match='expected 3 numbers .got 2'):
        load(root, visual=[{'ann.jpg': ANN}], feature_size=3)


def test_further_texts_need_not_have_the_images_of_a_source(root, recwarn):
    data = load(root)
    records = [replace(r, image_id=f'{i}.png') for i, r in enumerate(data.records())]
    assert objects(data.build(records)) == [0, 0]
    assert not [w for w in recwarn if 'images' in str(w.message)]


def test_what_is_seen_in_a_data_set_depends_on_no_single_text():
    class Listening(Colours):
        reads_text = True

    with pytest.raises(ValueError, match='beside several texts.*its labels'):
        VisualSources([], None, 10, Listening())
