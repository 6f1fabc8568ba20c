import json
import resource
import sys

import numpy as np
import pytest

from eega_pyg.extraction.result import Result
from eega_pyg.formats import (
    AnnotatedEntity,
    AnnotatedRelation,
    AnnotatedText,
    read_texts,
    write_texts,
)
from eega_pyg.schema import Entity, Quintuple, SceneGraph, TagSet
from eega_pyg.tagging import Extraction

ENTITIES = [{
    'start': 0,
    'end': 3,
    'type': 'per',
    'id': 'a'
}, {
    'start': 8,
    'end': 12,
    'type': 'org',
    'box': [0, 0.5, 1, 1]
}]
LINE = {
    'text': 'Ann met Acme',
    'entities': ENTITIES,
    'relations': [{
        'head': 'a',
        'tail': 1,
        'type': 'leads'
    }],
    'img_id': '7.jpg',
    'image': 'images/7.jpg',
    'caption': 'a woman',
    'scene_graph': {
        'objects': [{
            'label': 'woman'
        }]
    },
    'author': 'Bo',
    'metadata': {
        'year': 2020
    }
}


@pytest.fixture
def write(tmp_path):
    def write(*lines, ends=b'\n', start=b''):
        path = tmp_path / 'own.jsonl'
        data = [x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines]
        path.write_bytes(start + ends.join(data) + ends)
        return path

    return write


def test_every_field_is_read(write):
    text, = read_texts(write(LINE))
    assert text == AnnotatedText('Ann met Acme', (AnnotatedEntity(
        0, 3, 'per', 'a'), AnnotatedEntity(8, 12, 'org', box=(0, 0.5, 1, 1))),
                                 (AnnotatedRelation(0, 1, 'leads'), ), None, '7.jpg',
                                 'images/7.jpg', 'a woman',
                                 SceneGraph.from_dict(LINE['scene_graph']), {
                                     'author': 'Bo',
                                     'year': 2020
                                 })


def test_places_of_given_words_are_counted_in_words(write):
    text, = read_texts(
        write({
            'words': ['Ann', 'met', 'Acme', 'Inc'],
            'entities': [{
                'start': 2,
                'end': 4,
                'type': 'org',
                'text': 'Acme Inc'
            }]
        }))
    assert text.entities == (AnnotatedEntity(8, 16, 'org'), )


@pytest.mark.parametrize('ends, start', [(b'\n', b'\xef\xbb\xbf'), (b'\r\n', b''),
                                         (b'\n\r\n\n', b'')])
def test_a_byte_order_mark_and_all_line_ends_are_read(write, ends, start):
    assert len(list(read_texts(write(LINE, LINE, ends=ends, start=start)))) == 2


def test_lines_with_different_ends_are_read(tmp_path):
    line = json.dumps(LINE).encode()
    (tmp_path / 'a.jsonl').write_bytes(line + b'\r\n' + line + b'\n' + line)
    assert len(list(read_texts(tmp_path / 'a.jsonl'))) == 3


EMOJI = '😀 Ann met Bob'


@pytest.mark.parametrize('line, message', [
    (b'{"text": "Ann", "entities": [', 'not valid JSON'),
    (b'\xff', 'not UTF-8'),
    (b'[]', r'expected an object \(got \[\]\)'),
    ({
        'txt': 'Ann'
    }, r"missing 'text' \(fields: txt\)"),
    ({
        **LINE, 'text': 3
    }, r'text: expected a string \(got 3\)'),
    ({
        **LINE, 'entities': {}
    }, 'entities: expected a list'),
    ({
        **LINE, 'entities': [{
            'start': 0,
            'end': 3
        }]
    }, r"entities\[0\]: missing 'type'"),
    ({
        **LINE, 'entities': [{
            **ENTITIES[0], 'lable': 'x'
        }]
    }, r"entities\[0\]: unknown field 'lable' \(known: start, end, type"),
    ({
        **LINE, 'entities': [{
            **ENTITIES[0], 'end': 0
        }]
    }, r'entities\[0\]: expected start < end'),
    ({
        **LINE, 'entities': [{
            **ENTITIES[0], 'end': 0.5
        }]
    }, r'entities\[0\]: end: expected a whole number \(got 0.5\)'),
    ({
        **LINE, 'entities': [{
            **ENTITIES[1], 'box': [0, 0, 640, 480]
        }, ENTITIES[0]]
    }, r'entities\[0\]: box\[2\]: expected a number <= 1 \(got 640\)'),
    ({
        **LINE, 'entities': [*ENTITIES, ENTITIES[0]]
    }, r"'Ann' is an entity twice"),
    ({
        **LINE, 'entities': [*ENTITIES, {
            'start': 0,
            'end': 7,
            'type': 'per'
        }]
    }, r"the entities 'Ann' \[0, 3\) and 'Ann met' \[0, 7\) overlap"),
    ({
        **LINE, 'relations': [{
            'head': 'a',
            'tail': 'b',
            'type': 'leads'
        }]
    }, r"relations\[0\].tail: no entity has the id 'b'"),
    ({
        **LINE, 'relations': [{
            'head': 'a',
            'tail': 2,
            'type': 'leads'
        }]
    }, r'relations\[0\].tail: there is no entity 2 \(the text has 2 entities\)'),
    ({
        **LINE, 'relations': [{
            'head': 'a',
            'tail': 0,
            'type': 'leads'
        }]
    }, r"relations\[0\]: the relation 'leads' is between entity 0 and itself"),
    ({
        **LINE, 'relations': [{
            'head': 0,
            'tail': 1,
            'type': 'owns'
        }]
    }, r"relations\[0\]: unknown relation 'owns' \(known: leads\)"),
    ({
        **LINE, 'entities': [{
            **ENTITIES[0], 'type': 'PER'
        }, ENTITIES[1]]
    }, r"entities\[0\]: unknown type 'PER' \(known: per, org\)"),
    ({
        'text': EMOJI,
        'entities': [{
            'start': 3,
            'end': 6,
            'type': 'per',
            'text': 'Ann'
        }]
    }, "stands 'nn ', not 'Ann': the offsets seem to count units of UTF-16"),
    ({
        'text': EMOJI,
        'entities': [{
            'start': 5,
            'end': 8,
            'type': 'per',
            'text': 'Ann'
        }]
    }, "not 'Ann': the offsets seem to count bytes of UTF-8"),
    ({
        'text': EMOJI,
        'entities': [{
            'start': 13,
            'end': 16,
            'type': 'per'
        }]
    },
     'not inside the text of 13 characters: the offsets seem to count bytes of UTF-8'),
    ({
        'words': ['Ann'],
        'entities': [{
            'start': 0,
            'end': 2,
            'type': 'per'
        }]
    }, r'the span \[0, 2\) is not inside 1 words'),
    ({
        'text': 'An',
        'words': ['Ann']
    }, r"words\[0\]: 'Ann' is not the next word"),
])
def test_a_wrong_line_is_one_line_with_its_number(write, line, message):
    path = write(LINE, line)
    tags = TagSet(('per', 'org'), ('leads', ))
    with pytest.raises(ValueError, match=message) as e:
        list(read_texts(path, 'jsonl', tags))
    assert str(e.value).startswith(f'{path}:2: ') and '\n' not in str(e.value)


def test_a_name_that_is_nearly_that_of_a_field_is_warned_of(write):
    with pytest.warns(UserWarning, match="'relation' is passed on .* was 'relations'"):
        list(read_texts(write({'text': 'Ann', 'relation': []})))


def test_what_was_extracted_is_read_as_annotated(tmp_path):
    ann, acme = Entity(0, 1, 'per', 0.75), Entity(2, 3, 'org', 0.5)
    found = Quintuple(ann, acme, 'leads', 0.25)
    result = Result('Ann  met Acme.', ((0, 3), (5, 8), (9, 13), (13, 14)),
                    Extraction([ann, acme], [found]), SceneGraph(), '7.jpg',
                    undirected=frozenset([found]), metadata={'author': 'Bo'})
    (tmp_path / 'r.jsonl').write_text(result.to_json() + '\n', encoding='utf-8')
    text, = read_texts(tmp_path / 'r.jsonl')
    assert text == AnnotatedText('Ann  met Acme.', (AnnotatedEntity(
        0, 3, 'per', probability=0.75), AnnotatedEntity(9, 13, 'org', probability=0.5)),
                                 (AnnotatedRelation(0, 1, 'leads', 0.25, False), ),
                                 None, '7.jpg', scene_graph=SceneGraph(),
                                 metadata={'author': 'Bo'})


@pytest.mark.parametrize('change, message', [
    ({'quintuples': [{'head': {'type': 'loc'}}]},
     r"quintuples\[0\].head.type: is 'loc', but 'per' of the entity at \[0, 3\)"),
    ({'quintuples': [{'tail': {'text': 'Acme Inc'}}]},
     r"quintuples\[0\].tail.text: is 'Acme Inc', but 'Acme' of the .*: correct both"),
    ({'relations': []}, "both 'quintuples' and 'relations'"),
])  # yapf: disable
def test_a_correction_that_would_be_lost_is_named(write, change, message):
    ann, acme = Entity(0, 1, 'per', 0.75), Entity(2, 3, 'org', 0.5)
    line = Result('Ann met Acme', ((0, 3), (4, 7), (8, 12)),
                  Extraction([ann, acme], [Quintuple(ann, acme, 'leads', 0.25)]),
                  SceneGraph()).to_dict()
    for side, fields in change.get('quintuples', [{}])[0].items():
        line['quintuples'][0][side].update(fields)
    path = write({**line, **({} if 'quintuples' in change else change)})
    with pytest.raises(ValueError, match=message):
        list(read_texts(path))


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / 'out.jsonl'
    path.write_text('before')

    def texts():
        yield AnnotatedText('Ann')
        raise ValueError('the second is broken')

    with pytest.raises(ValueError, match='broken'):
        write_texts(texts(), path)
    assert path.read_text() == 'before' and list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_large_file_is_not_held_whole(tmp_path):
    path = tmp_path / 'large.jsonl'
    line = json.dumps({**LINE, 'metadata': {'filler': 'x' * 2000}}) + '\n'
    with open(path, 'w') as f:
        for _ in range(12_000):
            f.write(line)
    assert path.stat().st_size > 25e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in read_texts(path)) == 12_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert sys.platform != 'linux' or np.abs(grown) < 10_000  # In kB.
