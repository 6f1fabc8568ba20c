r"""Counts, against cases worked out by hand and scikit-learn."""
import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from eega_pyg.schema import Entity, Quintuple
from eega_pyg.scoring import (
    RELATION_VIEWS,
    VIEWS,
    Content,
    Counts,
    items,
    macro_f1,
    total_scores,
)
from eega_pyg.tagging import Extraction

JOHN, MARY = Entity(0, 2, 'per'), Entity(3, 4, 'per')
ACME, OSLO = Entity(5, 7, 'org'), Entity(8, 9, 'loc')
ACME_AS_LOC = Entity(5, 7, 'loc')

GOLD = [
    # Oslo is in no relation.
    Content([JOHN, MARY, ACME, OSLO],
            [Quintuple(JOHN, ACME, 'member_of'),
             Quintuple(JOHN, MARY, 'peer')]),
    Content([ACME, OSLO], [Quintuple(ACME, OSLO, 'locate_at')]),
    Content([], []),
]
PREDS = [
    # One right, probabilities aside; one turned round; Oslo in no relation.
    Extraction([Entity(0, 2, 'per', .9), MARY, ACME, OSLO], [
        Quintuple(Entity(0, 2, 'per', .9), ACME, 'member_of', .5),
        Quintuple(MARY, JOHN, 'peer')
    ]),
    # A wrong type, and a wrong relation beside the right one.
    Extraction([ACME_AS_LOC, OSLO], [
        Quintuple(ACME_AS_LOC, OSLO, 'locate_at'),
        Quintuple(ACME_AS_LOC, OSLO, 'contain')
    ]),
    # Too many.
    Extraction([JOHN, MARY, OSLO], [Quintuple(JOHN, MARY, 'peer')]),
]
# correct, predicted, given: counted by hand.
COUNTS = {
    'quintuple': (2, 5, 3),
    'directed': (1, 5, 3),
    'triple': (3, 5, 3),
    'directed_triple': (2, 5, 3),
    'pair': (3, 4, 3),
    'entity': (5, 9, 6),
    'quintuple_entity': (4, 7, 5),
    'lone_entity': (1, 2, 1),
    'span': (6, 9, 6),
}


def counted(view, found, given):
    return Counts.sum(
        Counts.of(items(view, a), items(view, b)) for a, b in zip(found, given))


@pytest.mark.parametrize('view', VIEWS)
def test_items_counted_by_hand(view):
    assert counted(view, PREDS, GOLD) == COUNTS[view]
    correct, predicted, given = COUNTS[view]
    precision, recall = correct / predicted, correct / given
    scores = total_scores(PREDS, GOLD, [view])
    assert scores == {
        f'{view}_precision': precision,
        f'{view}_recall': recall,
        f'{view}_f1': pytest.approx(2 * precision * recall / (precision + recall))
    }


@pytest.mark.parametrize('view', VIEWS)
def test_what_is_said_twice_counts_once(view):
    twice = [Content(p.entities * 2, p.quintuples * 2) for p in PREDS]
    given = [Content(g.entities * 2, g.quintuples * 2) for g in GOLD]
    assert counted(view, twice, given) == COUNTS[view]


@pytest.mark.parametrize('view', [v for v in VIEWS if v != 'lone_entity'])
def test_a_text_is_only_compared_with_its_own_target(view):
    stated = Content([JOHN, MARY], [Quintuple(JOHN, MARY, 'peer')])
    nothing = Content([], [])
    counts = counted(view, [stated, nothing], [nothing, stated])
    assert counts.correct == 0 and counts.predicted == counts.given > 0
    assert (counts.precision, counts.recall, counts.f1) == (0, 0, 0)


def test_fractions_without_a_denominator_are_0():
    nothing = Content([], [])
    assert set(total_scores([nothing], [nothing]).values()) == {0}
    assert macro_f1([]) == 0


def test_entities_of_quintuples_are_given_where_no_others_are_annotated():
    content = Content.of_quintuples([Quintuple(JOHN, ACME, 'member_of')])
    assert items('entity', content) == items('quintuple_entity', content)
    assert items('lone_entity', content) == set()


def test_types_score_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    types = ['per', 'org', 'loc', 'misc']
    sides = rng.choice([*types, 'none'], size=(2, 40, 5))
    found, given = ([
        Content([Entity(i, i + 1, t) for i, t in enumerate(row) if t != 'none'], [])
        for row in side
    ] for side in sides)
    flat = [side.ravel() for side in (sides[1], sides[0])]
    for average in ('micro', 'macro'):
        expected = precision_recall_fscore_support(*flat, labels=types, average=average)
        if average == 'micro':
            scores = total_scores(found, given, ['entity'])
            assert list(scores.values()) == pytest.approx(expected[:3], abs=1e-12)
        else:
            parts = [
                counted(
                    'entity',
                    *([
                        Content([e for e in c.entities if e.type == t], [])
                        for c in side
                    ] for side in (found, given))) for t in types
            ]
            assert macro_f1(parts) == pytest.approx(expected[2], abs=1e-12)


def test_relations_score_as_in_a_loop():
    rng = np.random.default_rng(1)

    def drawn():
        pairs = {tuple(rng.choice(4, 2, replace=False).tolist()) for _ in range(3)}
        entities = [Entity(i, i + 1, rng.choice(['a', 'b'])) for i in range(4)]
        return Content(entities, [
            Quintuple(entities[i], entities[j], rng.choice(['r', 's']))
            for i, j in pairs
        ])

    found, given = ([drawn() for _ in range(50)] for _ in range(2))
    for view in RELATION_VIEWS:
        counts = [0, 0, 0]
        for ours, theirs in zip(found, given):
            kinds = [[], []]
            for kind, content in zip(kinds, (ours, theirs)):
                for q in content.quintuples:
                    if not any(same(view, q, other) for other in kind):
                        kind.append(q)
            counts[0] += sum(any(same(view, a, b) for b in kinds[1]) for a in kinds[0])
            counts[1] += len(kinds[0])
            counts[2] += len(kinds[1])
        assert counted(view, found, given) == tuple(counts), view


def same(view, a, b):
    r"""Whether two quintuples are the same in a view, in words."""
    if view != 'pair' and a.relation != b.relation:
        return False

    def like(x, y):
        typed = view in ('quintuple', 'directed')
        return x.span == y.span and (not typed or x.type == y.type)

    straight = like(a.head, b.head) and like(a.tail, b.tail)
    turned = like(a.head, b.tail) and like(a.tail, b.head)
    return straight or turned and not view.startswith('directed')


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="got 'triples'"):
        items('triples', GOLD[0])
    with pytest.raises(ValueError, match='argument 2 is shorter'):
        total_scores(PREDS, GOLD[:2])
