import json
import math
from dataclasses import replace

import numpy as np
import pytest

from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.schema import Entity, Quintuple, SceneGraph, SceneObject, TagSet
from eega_pyg.tagging import Extraction

PERSON, PLACE = Entity(0, 2, 'per', 0.75), Entity(3, 4, 'loc', 0.5)
QUINTUPLE = Quintuple(PERSON, PLACE, 'place_of_birth', 0.25)


@pytest.fixture
def result():
    nodes = np.array([[0.5, 0.7, 0.0, 0.1], [0.5, 0.3, 1.0, 0.9]])
    return Result(
        'Ann <Lee> of Rome', ((0, 3), (4, 9), (10, 12), (13, 17)),
        Extraction([PERSON, PLACE], [QUINTUPLE]),
        SceneGraph((SceneObject('woman', box=(0, 0, 1, 1)), SceneObject('tower'))),
        alignment=Alignment(nodes, 1 - nodes))


def test_an_entity_is_aligned_by_the_mean_of_its_words(result):
    first, second = result.to_dict()['entities'][0]['objects']
    assert first == {
        'object': 0,
        'label': 'woman',
        'box': [0, 0, 1, 1],
        'strength': pytest.approx(0.6),
        'edge_strength': pytest.approx(0.4)
    }
    assert second['label'] == 'tower' and second['strength'] == pytest.approx(0.4)
    assert [o.label for o in result.entities[1].objects] == ['tower', 'woman']


def test_words_of_two_windows_are_aligned_by_the_mean():
    left = Alignment(np.array([[1.0, 0.5], [0.0, 0.5]]), np.full((2, 2), 0.5))
    right = Alignment(np.array([[0.1, 0.2], [0.9, 0.8]]), np.full((2, 2), 0.5))
    merged = Alignment.merge([((0, 1), left), ((1, 2), right)], 3)
    np.testing.assert_allclose(merged.nodes, [[1.0, 0.3, 0.2], [0.0, 0.7, 0.8]])


def test_pairs_of_two_windows_have_the_mean_and_unseen_ones_none():
    tags = TagSet(('a', ), ())
    one = np.broadcast_to(np.array([1.0, 0.0]), (2, 2, 2))
    other = np.broadcast_to(np.array([0.5, 0.5]), (2, 2, 2))
    table = PairProbabilities(tags, [((0, 1), one), ((1, 2), other)]).table([0, 1, 2])
    np.testing.assert_allclose(table[..., 0],
                               [[1, 1, np.nan], [1, 0.75, 0.5], [np.nan, 0.5, 0.5]])


def test_a_direction_that_the_model_does_not_know_is_named():
    result = Result(
        'Ann of Rome', ((0, 3), (4, 6), (7, 11)),
        Extraction([Entity(0, 1, 'per', 1.0),
                    Entity(2, 3, 'loc', 1.0)], [
                        q := Quintuple(Entity(0, 1, 'per', 1.0), Entity(
                            2, 3, 'loc', 1.0), 'of', 1.0)
                    ]), SceneGraph(), undirected=frozenset([q]))
    assert result.to_dict()['quintuples'][0]['directed'] is False
    assert "'Ann' -of- 'Rome'" in repr(result)


def test_the_forms_of_a_result_say_the_same(result):
    assert json.loads(result.to_json()) == result.to_dict()
    text = repr(result)
    assert "'Ann <Lee>' -place_of_birth-> 'Rome' 25 %" in text
    assert 'seen: woman, tower' in text


def test_numbers_that_json_does_not_know_are_null(result):
    result = replace(result, metadata={'likes': math.nan, 'of': [math.inf, 1.5, {1}]})
    known = json.loads(result.to_json(), parse_constant=pytest.fail)['metadata']
    assert known == {'likes': None, 'of': [None, 1.5, '{1}']}


def test_a_notebook_is_given_escaped_text(result):
    page = result._repr_html_()
    assert 'Ann &lt;Lee&gt; <sub>per</sub></mark> of <mark' in page
    assert '<Lee>' not in page


def test_what_was_found_is_given_with_text_type_place_and_probability(result):
    person, place = result.entities
    assert (person.text, person.type, person.start, person.end) == ('Ann <Lee>', 'per',
                                                                    0, 9)
    assert (place.text, place.probability) == ('Rome', 0.5)
    assert person.objects[0].label == 'woman' and person.objects[1].box is None
    quintuple, = result.quintuples
    assert (quintuple.head, quintuple.relation,
            quintuple.tail) == (person, 'place_of_birth', place)
    assert quintuple.probability == 0.25 and quintuple.directed
    assert quintuple.to_tuple() == ('Ann <Lee>', 'per', 'Rome', 'loc', 'place_of_birth')
    plain = Result(result.text, result.offsets, result.extraction, SceneGraph())
    assert plain.entities[0].objects is None
    assert 'objects' not in plain.to_dict()['entities'][0]
    assert plain.words == ['Ann', '<Lee>', 'of', 'Rome']
