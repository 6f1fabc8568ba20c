import json
import os
from functools import partial

import numpy as np
import pytest

from eega_pyg.datasets import JMERE, JSONLines
from eega_pyg.datasets.pairs import PairReader
from eega_pyg.formats import convert
from eega_pyg.schema import (
    ENTITY,
    JMERE_TAGS,
    OBJECT,
    PAIR,
    Annotation,
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    TagSet,
)
from eega_pyg.tagging import encode

load = partial(JSONLines, log=False)
GRAPH = SceneGraph((SceneObject('dog'), SceneObject('mat'), SceneObject('hat')))


def line(text, entities, relations=(), **fields):
    r"""A text with entities that are given by what stands there."""
    spans = [(text.index(name), name, kind) for name, kind in entities]
    return json.dumps({
        'text':
        text,
        'entities': [{
            'start': start,
            'end': start + len(name),
            'type': kind
        } for start, name, kind in spans],
        'relations': [{
            'head': h,
            'tail': t,
            'type': kind
        } for h, t, kind in relations],
        **fields
    })


TRAIN = [
    line('Ann Lee joins Acme.', [('Ann Lee', 'per'), ('Acme', 'org')],
         [(0, 1, 'member_of')], caption='a woman holding a red cup'),
    line('Oslo sleeps.', [('Oslo', 'place')], scene_graph=GRAPH.to_dict(),
         image_id='ann.jpg'),
    line('Nobody is here.', [], image_id='ann.jpg'),
]
VAL = [line('Bob works for Zeta.', [('Bob', 'per'), ('Zeta', 'org')])]


@pytest.fixture
def root(tmp_path):
    raw = tmp_path / 'root' / 'raw'
    raw.mkdir(parents=True)
    (raw / 'train.jsonl').write_text('\n'.join(TRAIN))
    (raw / 'val.jsonl').write_text('\n'.join(VAL))
    caption = {'img_id': 'ann.jpg', 'caption': 'a man near a car'}
    (raw / 'captions_train.jsonl').write_text(json.dumps(caption))
    return tmp_path / 'root'


def files(root):
    return [
        n for n in sorted(os.listdir(root / 'processed'))
        if n not in ('.lock', 'tools.json')
    ]


def test_texts_are_graphs_with_tags_of_their_own(root, monkeypatch):
    train = load(root)
    assert train.tags == TagSet(('org', 'per', 'place'), ('member_of', ))
    assert train.entities == 'all'
    ann, oslo, nobody = train
    assert ann.words == ['Ann', 'Lee', 'joins', 'Acme', '.']
    assert ann.quintuples == [[0, 2, 'per', 3, 4, 'org', 'member_of']]
    assert oslo.entities == [[0, 1, 'place']]
    for data in train:
        table = encode([Quintuple.from_list(q) for q in data.quintuples],
                       len(data.words), train.tags, 'directed',
                       Annotation(tuple(Entity(*e) for e in data.entities)))
        assert data[PAIR].tag.tolist() == table.flatten().tolist()
    # Of its own caption, its own scene graph, and the captions beside the texts.
    assert [d[OBJECT].num_nodes for d in train] == [2, 3, 2]
    assert train.statistics()['entities'] == 3

    val = load(root, split='val')
    assert val.tags == train.tags and val[0][ENTITY].type.tolist() == [2, 1]
    assert [n.split('_')[0] for n in files(root)] == ['train', 'val', 'vocabularies']
    monkeypatch.setattr(PairReader, 'pairs', lambda *args: pytest.fail('parsed again'))
    assert len(load(root)) == 3


def test_what_is_said_of_entities_changes_the_name(root):
    load(root, entities='related')
    before = files(root)
    assert load(root, entities='related').entities == 'related'
    assert files(root) == before
    load(root)
    assert len(files(root)) == len(before) + 2


def test_given_vocabularies_and_tags_need_no_train_file(root):
    train = load(root)
    (root / 'raw' / 'train.jsonl').unlink()
    val = load(root, split='val', tags=train.tags, vocabularies=train.vocabularies)
    assert val.entities == 'all'  # By the file that is there.
    assert len(val) == 1


@pytest.mark.parametrize('name, text, message', [
    ('val.jsonl', line('Rex barks.', [('Rex', 'dog')]),
     r"val.jsonl:1: entities\[0\]: unknown type 'dog' \(known: org, per, place\)"),
    ('val.jsonl', '{"text":', 'val.jsonl:1: not valid JSON'),
    ('train.jsonl', '{}', "train.jsonl:1: missing 'text'"),
])
def test_a_wrong_line_leaves_no_file_of_its_split(root, name, text, message):
    (root / 'raw' / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        load(root, split='val')
    processed = files(root) if (root / 'processed').is_dir() else []
    assert not [n for n in processed if n.startswith('val')]


@pytest.mark.parametrize('split, missing, message', [
    ('train', 'train', "no '.*train.jsonl': put the texts"),
    ('val', 'val', "no '.*val.jsonl': move about a tenth"),
    ('val', 'train', "no '.*train.jsonl': put the texts"),
    ('test', 'test', "no '.*test.jsonl'"),
])
def test_a_missing_file_is_named(root, split, missing, message):
    (root / 'raw' / f'{missing}.jsonl').unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match=message):
        load(root, split=split)
    assert not (root / 'processed').exists()


def test_a_picture_is_read_where_nothing_else_is_known(root):
    seen = []

    def parser(pictures):
        seen.extend(picture.size for picture in pictures)
        return [GRAPH] * len(pictures)

    from PIL import Image
    Image.new('RGB', (3, 2)).save(root / 'raw' / 'a.png')
    image = {'image': 'a.png'}
    texts = [
        line('Ann sleeps.', [('Ann', 'per')], **image),
        line('Bob sleeps.', [('Bob', 'per')], caption='a cat', **image),
        line('Kim sleeps.', [('Kim', 'per')], image_id='ann.jpg', **image),
    ]
    (root / 'raw' / 'train.jsonl').write_text('\n'.join(texts))
    parser.identity = lambda: ['fixed']
    train = load(root, image_parser=parser)
    assert seen == [(3, 2)]
    assert [d[OBJECT].num_nodes for d in train] == [3, 1, 2]
    name = train.processed_file_names
    Image.new('RGB', (4, 4)).save(root / 'raw' / 'a.png')
    assert load(root, image_parser=parser).processed_file_names != name


def test_lines_of_mnre_are_the_same_graphs_as_json_lines(tmp_path, raw_files):
    for name in ('lines', 'json'):
        (tmp_path / name / 'raw').mkdir(parents=True)
        for file, text in raw_files.items():
            (tmp_path / name / 'raw' / file).write_text(text)
    raw = tmp_path / 'json' / 'raw'
    for split in ('train', 'val'):
        convert(raw / f'mnre_{split}.txt', raw / f'{split}.jsonl', 'mnre', 'jsonl')
    for split in ('train', 'val'):
        lines = JMERE(str(tmp_path / 'lines'), split, log=False)
        texts = load(str(tmp_path / 'json'), split, JMERE_TAGS)
        assert texts.entities == 'related'
        assert texts.vocabularies.fingerprint == lines.vocabularies.fingerprint
        assert len(texts) == len(lines)
        for one, other in zip(texts, lines):
            assert one.to_dict().keys() == other.to_dict().keys()
            assert one.quintuples == other.quintuples
            assert one.entities == other.entities
            for store in one.node_types + one.edge_types:
                for name, value in one[store].items():
                    assert np.array_equal(value, other[store][name]), (store, name)
