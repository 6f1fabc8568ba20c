import json

import pytest
import torch

from eega_pyg.vision.predicates.geometry import pair_geometry
from eega_pyg.vision.readers.vrd import pair_tensors, read_vrd, recall, split_images


@pytest.fixture
def folder(tmp_path):
    def thing(category, box):
        return {'category': category, 'bbox': box}

    man, hat = thing(0, [10, 50, 0, 20]), thing(1, [10, 20, 5, 15])
    contents = {
        'annotations_train': {
            'a.jpg': [{
                'predicate': p,
                'subject': s,
                'object': o
            } for p, s, o in ((0, man, hat), (1, man, hat), (1, man, hat), (2, hat,
                                                                            man))],
            'none.jpg': []
        },
        'objects': ['man', 'hat'],
        'predicates': ['wear', 'has', 'on'],
        'train_image_metadata': {
            'a.jpg': {
                'width': 40,
                'height': 100
            }
        },
    }
    for name, value in contents.items():
        (tmp_path / f'{name}.json').write_text(json.dumps(value))
    return tmp_path


def test_annotations_become_distinct_objects_and_triples(folder):
    (image, ), predicates = read_vrd(folder)
    assert predicates == ['wear', 'has', 'on']
    assert image.labels == ['man', 'hat']
    assert image.boxes == [(0, .1, .5, .5), (.125, .1, .375, .2)]
    assert image.triples == {(0, 1): {0, 1}, (1, 0): {2}}
    # echo -n a.jpg | sha1sum
    assert image.split == 5
    subjects, objects, boxes, _ = pair_tensors([image])
    assert (subjects, objects) == (['man', 'hat'], ['hat', 'man'])
    assert torch.allclose(boxes, torch.tensor(image.boxes))


@pytest.mark.parametrize('file, change, message', [
    ('train_image_metadata', lambda v: v.clear(), "a.jpg: its size is not in 'train_i"),
    ('train_image_metadata', lambda v: v['a.jpg'].update(width=0),
     'metadata.json: a.jpg.width: expected a number >= 1'),
    ('annotations_train', lambda v: v['a.jpg'][0].update(predicate=3),
     r'train.json: a.jpg: \[0\].predicate: expected an index below 3 .got 3'),
    ('annotations_train', lambda v: v['a.jpg'][1]['object'].update(category=-1),
     r'a.jpg: \[1\].object.category: expected a number >= 0'),
    ('annotations_train', lambda v: v['a.jpg'][0]['subject'].update(bbox=[1]),
     r'a.jpg: \[0\].subject.bbox: expected 4 values'),
    ('annotations_train', lambda v: v.update(b=3), 'b: expected a list'),
    ('objects', lambda v: v.append('\ud800'),
     r'objects.json: \[2\]: expected a string'),
])
def test_a_wrong_annotation_is_named(folder, file, change, message):
    path = folder / f'{file}.json'
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=message):
        read_vrd(folder)


def test_recall_by_hand():
    triples = [{(0, 1): {0, 1}, (1, 0): {2}}, {(0, 1): {1}}]
    scores = [
        torch.tensor([[.6, .3, .1], [.5, .2, .3]]),
        torch.tensor([[.2, .7, .1]]),
    ]
    # The best of each pair: 0 is right, 0 is wrong, 1 is right.
    one = recall(triples, scores, per_pair=1)
    assert one.total == pytest.approx(2 / 4)
    assert one.by_predicate == {0: 1, 1: 1 / 2, 2: 0}
    # The first three of the first image: (pair 0, 0), (pair 1, 0), then 1 or 2.
    assert recall(triples, scores, per_pair=3, k=2).total == pytest.approx(2 / 4)
    assert recall(triples, scores, per_pair=3, k=50).total == 1


@pytest.mark.real
def test_the_shipped_model_beats_what_the_labels_alone_say(shared_data,
                                                           predicate_model):
    images, predicates = read_vrd(shared_data / 'vrd')
    assert list(predicate_model.predicates) == predicates
    train, tune, report = split_images(images)
    assert (len(train), len(tune), len(report)) == (3079, 466, 235)
    for part in (tune, report):
        subjects, objects, *boxes = pair_tensors(part)
        with torch.no_grad():
            scores, _ = predicate_model(predicate_model.embedder(subjects),
                                        predicate_model.embedder(objects),
                                        pair_geometry(*boxes))
        scores = list(scores.split([len(i.triples) for i in part]))
        triples = [i.triples for i in part]
        assert recall(triples, scores, per_pair=1).total > 0.565
        assert recall(triples, scores, per_pair=70).total > 0.92
