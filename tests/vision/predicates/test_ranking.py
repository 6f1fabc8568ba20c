import pytest

from eega_pyg.schema import SceneObject, ScenePredicate
from eega_pyg.vision.predicates.ranking import EXCLUSIVE, SPATIAL, chosen

PEOPLE = [SceneObject('person') for _ in range(10)]


def worth(predicates):
    return [(p.score, p) for p in predicates]


def group(score=0.4):
    r"""Each two of ten people: one behind the other, the nearer the likelier."""
    return [
        ScenePredicate(i, 'behind', j, score - (j - i) / 100) for i in range(10)
        for j in range(i + 1, 10)
    ]


def test_one_spatial_predicate_does_not_fill_the_graph_of_a_group():
    hats = [SceneObject('hat') for _ in range(3)]
    worn = [ScenePredicate(i, 'wear', 10 + i, 0.15) for i in range(3)]
    found = chosen(PEOPLE + hats, worth(group() + worn), 20, 0.1, repeat=0.5)
    # 0.39, 0.195; the third of them would count 0.0975.
    assert [p.predicate for p in found] == ['behind', 'behind', 'wear', 'wear', 'wear']
    everything = chosen(PEOPLE + hats, worth(group() + worn), 20, 0.1, repeat=1.)
    assert [p.predicate for p in everything] == ['behind'] * 20


def test_both_directions_are_one_kind_and_other_labels_another():
    objects = [SceneObject('man'), SceneObject('car'), SceneObject('man'),
               SceneObject('tree')]  # yapf: disable
    candidates = worth([
        ScenePredicate(0, 'next to', 1, 0.9),
        ScenePredicate(1, 'next to', 2, 0.8),
        ScenePredicate(2, 'next to', 3, 0.3)
    ])
    found = chosen(objects, candidates, 2, 0., repeat=0.1)
    assert [(p.subject, p.object) for p in found] == [(0, 1), (2, 3)]
    # All three, with their probabilities:
    assert [p.score for p in chosen(objects, candidates, 3, 0., 0.1)] == [0.9, 0.8, 0.3]


def test_two_objects_whose_best_predicate_is_a_repeat_have_their_next_one():
    candidates = [(s, ScenePredicate(i, name, i + 1, s)) for i in (0, 2)
                  for name, s in (('behind', 0.4 - i / 100), ('near', 0.3))]
    found = chosen(PEOPLE, candidates, 20, 0.1, repeat=0.5)
    assert [(p.subject, p.predicate) for p in found] == [(0, 'behind'), (2, 'near')]


def test_worth_decides_and_the_score_stays():
    rare, frequent = ScenePredicate(0, 'ride', 1, 0.3), ScenePredicate(0, 'on', 1, 0.5)
    assert chosen(PEOPLE, [(0.5, frequent), (0.6, rare)], 9, 0.1, 0.5) == [rare]
    assert chosen(PEOPLE, [(0.5, frequent), (0.6, rare)], 9, 0.4, 0.5) == [frequent]


def test_repeats_that_are_not_spatial_count_in_full():
    hats = [SceneObject('hat') for _ in range(10)]
    worn = [ScenePredicate(i, 'wear', 10 + i, 0.2) for i in range(10)]
    assert chosen(PEOPLE + hats, worth(worn), 20, 0.2, repeat=0.) == worn


def test_a_hat_has_one_wearer_and_a_horse_may_be_looked_at_by_two():
    objects = [SceneObject('man'), SceneObject('woman'), SceneObject('hat')]
    two = [ScenePredicate(0, 'wear', 2, 0.6), ScenePredicate(1, 'wear', 2, 0.7)]
    assert chosen(objects, worth(two), 20, 0.1, repeat=0.5) == [two[1]]
    look = [ScenePredicate(0, 'look', 2, 0.6), ScenePredicate(1, 'look', 2, 0.7)]
    assert chosen(objects, worth(look), 20, 0.1, repeat=0.5) == look[::-1]


@pytest.mark.parametrize('repeat', [0., 0.5, 1.])
def test_what_counts_is_what_a_loop_over_the_candidates_finds(repeat):
    candidates = group()
    left, found = sorted(candidates, key=lambda p: -p.score), []
    while left and len(found) < 7:  # The best of the rest, given what is there.
        best = left.pop(0)
        if best.score * repeat**len(found) < 0.05:
            break
        found.append(best)
    assert chosen(PEOPLE, worth(candidates), 7, 0.05, repeat) == found


def test_the_names_are_the_models_own(predicate_model):
    assert SPATIAL | EXCLUSIVE <= set(predicate_model.predicates)
    assert not SPATIAL & {'wear', 'hold', 'ride', 'on', 'in', 'has', 'sit next to'}
