import pytest

from eega_pyg.extraction import least_certain_first, rated


def result(entities, quintuples):
    return {
        'text': 'x',
        'entities': [{
            'probability': p
        } for p in entities],
        'quintuples': [{
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
    found = rated(result(entities, quintuples), threshold)
    assert found.certainty == certainty
    assert [q['probability'] for q in found.result['quintuples']] == kept
    assert found.result['entities'] == result(entities, [])['entities']


def test_equal_ones_stay_in_their_order():
    found = [
        rated({
            **result([p], []), 'text': t
        }) for t, p in zip('abcd', (0.5, 1.0, 0.25, 0.5))
    ]
    assert [r.result['text'] for r in least_certain_first(found)] == list('cadb')
