import pytest

from eega_pyg.extraction import least_certain_first, rated
from eega_pyg.saving import Thresholds


def result(entities, quintuples):
    return {
        'text':
        'x',
        'entities': [{
            'start': 10 * i,
            'end': 10 * i + 1,
            'probability': p
        } for i, p in enumerate(entities)],
        'quintuples': [{
            'head': {
                'start': 0,
                'end': 1
            },
            'tail': {
                'start': 10,
                'end': 11
            },
            'probability': p
        } for p in quintuples]
    }


@pytest.mark.parametrize(
    'entities, quintuples, threshold, certainty, kept',
    [
        ([0.9, 0.8], [0.75, 0.5], 0.3, 0.5, [0.75, 0.5]),
        ([0.9, 0.4], [0.75], 0.3, 0.4, [0.75]),
        # To leave out what is right with 0.25 is right with 0.75.
        ([0.9], [0.25], 0.3, 0.75, []),
        ([0.9], [0.25, 0.3], 0.3, 0.3, [0.3]),
        ([], [], 0.3, 1.0, []),
        ([None], [None], 0.3, 1.0, [None]),
    ])
def test_the_least_certain_decision_counts(entities, quintuples, threshold, certainty,
                                           kept):
    found = rated(result(entities, quintuples), Thresholds(threshold))
    assert found.certainty == certainty
    assert [q['probability'] for q in found.result['quintuples']] == kept
    assert found.result['entities'] == result(entities, [])['entities']


@pytest.mark.parametrize(
    'quintuples, certainty, kept',
    [
        # To leave the third out is right with 0.875.
        ([0.75], 0.125, [0.125, 0.5]),
        ([], 0.5, [0.5]),
        ([0.25], 0.5, [0.5]),
    ])
def test_an_entity_of_a_stated_relation_is_stated(quintuples, certainty, kept):
    found = rated(result([0.125, 0.5, 0.125], quintuples), Thresholds(0.3, 0.4))
    assert found.certainty == certainty
    assert [e['probability'] for e in found.result['entities']] == kept


def test_equal_ones_stay_in_their_order():
    found = [
        rated({
            **result([p], []), 'text': t
        }) for t, p in zip('abcd', (0.5, 1.0, 0.25, 0.5))
    ]
    assert [r.result['text'] for r in least_certain_first(found)] == list('cadb')
