import pytest
import torch

from eega_pyg.metrics import VIEWS, ExtractionScore, extraction_scores
from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

JOHN, MARY = Entity(0, 2, 'per'), Entity(3, 4, 'per')
ACME, OSLO = Entity(5, 7, 'org'), Entity(8, 9, 'loc')

GOLD = [
    [Quintuple(JOHN, ACME, 'member_of'),
     Quintuple(JOHN, MARY, 'peer')],
    [Quintuple(ACME, OSLO, 'locate_at')],
    [],
]
ACME_AS_LOC = Entity(5, 7, 'loc')
PREDS = [
    # One right, probabilities aside; one turned round; one entity in no quintuple.
    Extraction([Entity(0, 2, 'per', .9), MARY, ACME, OSLO], [
        Quintuple(Entity(0, 2, 'per', .9), ACME, 'member_of', .5),
        Quintuple(MARY, JOHN, 'peer')
    ]),
    # A wrong type.
    Extraction([ACME_AS_LOC, OSLO], [Quintuple(ACME_AS_LOC, OSLO, 'locate_at')]),
    # One too many.
    Extraction([JOHN, MARY], [Quintuple(JOHN, MARY, 'peer')]),
]
# correct, predicted, given: counted by hand.
COUNTS = {
    'quintuple': (2, 4, 3),
    'directed': (1, 4, 3),
    'triple': (3, 4, 3),
    'entity': (4, 8, 5),
    'quintuple_entity': (4, 7, 5),
    'span': (5, 8, 5),
}


def counts(metric):
    return metric.correct.item(), metric.predicted.item(), metric.given.item()


@pytest.mark.parametrize('view', VIEWS)
def test_scores_counted_by_hand(view):
    metric = ExtractionScore(view)
    metric.update(PREDS, GOLD)
    assert counts(metric) == COUNTS[view]
    correct, predicted, given = COUNTS[view]
    precision, recall = correct / predicted, correct / given
    out = metric.compute()
    assert out[f'{view}_precision'].item() == pytest.approx(precision)
    assert out[f'{view}_recall'].item() == pytest.approx(recall)
    assert out[f'{view}_f1'].item() == pytest.approx(2 * precision * recall /
                                                     (precision + recall))


@pytest.mark.parametrize('view', VIEWS)
def test_what_is_said_twice_counts_once(view):
    once, twice = ExtractionScore(view), ExtractionScore(view)
    once.update(PREDS, GOLD)
    twice.update([Extraction(p.entities * 2, p.quintuples * 2) for p in PREDS],
                 [gold * 2 for gold in GOLD])
    assert counts(once) == counts(twice)


@pytest.mark.parametrize('view', VIEWS)
def test_a_sentence_is_only_compared_with_its_own_target(view):
    metric = ExtractionScore(view)
    quintuple = Quintuple(JOHN, MARY, 'peer')
    metric.update([Extraction([JOHN, MARY], [quintuple]),
                   Extraction([], [])], [[], [quintuple]])
    assert metric.correct == 0
    assert metric.compute()[f'{view}_f1'] == 0


@pytest.mark.parametrize('view', VIEWS)
def test_nothing_predicted_and_nothing_given_score_0(view):
    metric = ExtractionScore(view)
    metric.update([Extraction([], [])], [[]])
    assert [value.item() for value in metric.compute().values()] == [0, 0, 0]


@pytest.mark.parametrize('view', VIEWS)
def test_two_processes_score_as_one(view):
    # What torch.distributed would gather: each state of this process and the other's.
    other = ExtractionScore(view)
    other.update(PREDS[1:], GOLD[1:])
    rest = iter([other.correct, other.predicted, other.given])
    metric = ExtractionScore(
        view, dist_sync_fn=lambda value, group: [value, next(rest)],
        distributed_available_fn=lambda: True)
    metric.update(PREDS[:1], GOLD[:1])

    whole = ExtractionScore(view)
    whole.update(PREDS, GOLD)
    assert metric.compute() == whole.compute()
    assert next(rest, None) is None


def test_all_views_in_one_flat_dictionary():
    scores = extraction_scores()
    # On this first batch all views of quintuples agree, and all of entities:
    scores.update([Extraction([JOHN, MARY], [Quintuple(JOHN, MARY, 'peer')])],
                  [[Quintuple(JOHN, MARY, 'peer')]])
    scores.compute()
    scores.reset()
    for pred, gold in zip(PREDS, GOLD):
        scores.update([pred], [gold])
    out = scores.compute()
    assert set(out) == {
        f'{view}_{part}'
        for view in VIEWS
        for part in ('precision', 'recall', 'f1')
    }
    for view, (correct, predicted, given) in COUNTS.items():
        assert out[f'{view}_precision'].item() == pytest.approx(correct / predicted)
        assert out[f'{view}_recall'].item() == pytest.approx(correct / given)
        assert out[f'{view}_f1'].item() == pytest.approx(2 * correct /
                                                         (predicted + given))


def test_a_batch_score_is_of_the_batch_and_the_total_of_all():
    metric = ExtractionScore('directed')
    first = metric(PREDS[:1], GOLD[:1])
    second = metric(PREDS[1:], GOLD[1:])
    assert first['directed_f1'].item() == pytest.approx(2 * 1 / (2 + 2))
    assert second['directed_f1'].item() == 0
    assert counts(metric) == COUNTS['directed']
    assert torch.is_tensor(first['directed_f1'])


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="got 'triples'"):
        ExtractionScore('triples')
    with pytest.raises(ValueError, match='got 3 and 2'):
        ExtractionScore('entity').update(PREDS, GOLD[:2])
