import numpy as np
import pytest

from eega_pyg.schema import JMERE_TAGS, Entity, Quintuple
from eega_pyg.tagging import Extraction
from eega_pyg.training.evaluation import FEW, SentenceScores
from eega_pyg.training.pair_tagging import choice

ANN, ACME, OSLO = Entity(0, 1, 'per'), Entity(2, 3, 'org'), Entity(4, 5, 'loc')
MEMBER, AT = Quintuple(ANN, ACME, 'member_of'), Quintuple(ACME, OSLO, 'locate_at')


def scored(*pairs):
    scores = SentenceScores()
    for i, (found, given) in enumerate(pairs):
        entities = sorted({e for q in found for e in (q.head, q.tail)})
        scores.windows['', i] = [(0, Extraction(entities, list(found)))]
        scores.targets['', i] = list(given)
    return scores


def test_the_interval_of_two_sentences_is_that_of_their_four_samples():
    # Right, and missed: drawn twice each, the F1 is 1, 2/3, 2/3 and 0.
    assert scored(([MEMBER], [MEMBER]), ([], [AT])).interval() == (0, 1)
    assert scored(*[([MEMBER], [MEMBER])] * 3).interval() == (1, 1)


def test_the_interval_of_many_sentences_is_as_wide_as_that_of_a_share():
    right = np.random.default_rng(1).random(400) < 0.6
    # One is found and one is given in each, so that F1 is the share that is right.
    low, high = scored(*[([MEMBER] if r else [AT], [MEMBER]) for r in right]).interval()
    share = right.mean()
    wide = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert (low, high) == pytest.approx((share - wide, share + wide), abs=0.01)


def test_few_and_held_out_sentences_are_told():
    few, many = ([([MEMBER], [MEMBER])] * n for n in (FEW - 1, FEW))
    assert scored(*many).caveat() == ''
    assert scored(*many).caveat(held_out=True).count('held out of the training') == 1
    assert 'between 100 and 100 %' in scored(*few).caveat()


def test_where_no_quintuple_is_found_yet_entities_decide():
    def scores(quintuples, entities):
        return {'quintuple_f1': quintuples, 'entity_f1': entities}

    epochs = [
        scores(0, 0),
        scores(0, 0.3),
        scores(0, 0.5),
        scores(0.1, 0.4),
        scores(0.1, 0.6),
        scores(0.199, 0.9),
        scores(0.2, 0.1)
    ]
    assert sorted(epochs[::-1], key=lambda e: choice(e, JMERE_TAGS)) == epochs
