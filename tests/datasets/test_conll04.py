import json

import pytest

from eega_pyg.datasets import read_conll04
from eega_pyg.schema import JMERE_TAGS, UNSTATED, Entity, Quintuple, TagSet

SENTENCE = {
    'tokens': ['Ann', 'Lee', 'of', 'Acme', 'in', 'Oslo', ',', 'Norway', 'shot', 'Bob'],
    'entities': [[0, 2, 'Peop'], [3, 4, 'Org'], [5, 6, 'Loc'], [7, 8, 'Loc'],
                 [9, 10, 'Peop']],
    'relations': [[0, 2, 3, 4, 'Work_For'], [5, 6, 7, 8, 'Located_In'],
                  [0, 2, 9, 10, 'Kill'], [3, 4, 5, 6, 'OrgBased_In'],
                  [0, 2, 5, 6, 'Live_In']],
}
ANN, ACME, OSLO, NORWAY, BOB = (Entity(*span, kind)
                                for span, kind in (((0, 2), 'per'), ((3, 4), 'org'),
                                                   ((5, 6), 'loc'), ((7, 8), 'loc'),
                                                   ((9, 10), 'per')))


@pytest.fixture
def write(tmp_path):
    def write(value):
        path = tmp_path / 'train.json'
        path.write_text(value if isinstance(value, str) else json.dumps(value),
                        encoding='utf-8')
        return path

    return write


def test_relations_are_those_of_jmere_and_a_place_contains_what_is_in_it(write):
    record, = read_conll04(write([SENTENCE]), JMERE_TAGS)
    assert record.words == tuple(SENTENCE['tokens'])
    assert record.quintuples == (
        Quintuple(ANN, ACME, 'member_of'),
        Quintuple(NORWAY, OSLO, 'contain'),
        Quintuple(ACME, OSLO, 'locate_at'),
        Quintuple(ANN, OSLO, 'place_of_residence'),
    )
    assert record.annotation.entities == (ANN, ACME, OSLO, NORWAY, BOB)
    assert record.annotation.rest == UNSTATED
    assert record.annotation.tags == {
        'per', 'org', 'loc', 'misc', 'member_of', 'contain', 'locate_at',
        'place_of_residence'
    }


@pytest.mark.parametrize('change, message', [
    ({
        'tokens': None
    }, r'sentence 1: tokens: expected a list \(got None\)'),
    ({
        'tokens': ['a', '']
    }, r'sentence 1: tokens\[1\]: expected a non-empty string'),
    ({
        'entities': [[0, 2, 'Dog']],
        'relations': []
    }, "sentence 1: unknown type 'Dog'"),
    ({
        'entities': [[0, 11, 'Org']]
    }, r'sentence 1: the span \[0, 11\) is not inside 10 words'),
    ({
        'entities': [[0, '2', 'Org']]
    }, r"sentence 1: entities\[0\]\[1\]: expected a whole number \(got '2'\)"),
    ({
        'entities': [[2, 1, 'Org']]
    }, 'sentence 1: Expected 0 <= start < end'),
    ({
        'relations': [[0, 2, 3, 4, 'Likes']]
    }, "sentence 1: unknown relation 'Likes'"),
    ({
        'relations': [[0, 1, 3, 4, 'Work_For']]
    }, "sentence 1: the relation .* is not between entities"),
])
def test_a_wrong_sentence_is_named(write, change, message):
    path = write([SENTENCE, {**SENTENCE, **change}])
    with pytest.raises(ValueError, match=message) as e:
        read_conll04(path, JMERE_TAGS)
    assert str(e.value).startswith(f'{path}: ')


def test_what_is_missing_is_named(write):
    lacking = {k: v for k, v in SENTENCE.items() if k != 'entities'}
    with pytest.raises(ValueError, match="sentence 0: missing 'entities'"):
        read_conll04(write([lacking]), JMERE_TAGS)
    with pytest.raises(ValueError, match="annotated with 'contain', which is not"):
        read_conll04(write([SENTENCE]), TagSet(JMERE_TAGS.types, ()))
    for text, message in (('{}', 'expected a list'), ('[', 'not valid JSON'),
                          ('[]', 'a length of at least 1')):
        with pytest.raises(ValueError, match=message):
            read_conll04(write(text), JMERE_TAGS)
