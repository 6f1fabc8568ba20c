import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.training.threshold import best_threshold, curve

FINDS = st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.5, 0.9]), st.booleans()),
                 max_size=12)


def kept(finds, given, least):
    found = [right for p, right in finds if p >= least]
    return (sum(found) / max(len(found), 1), sum(found) / given,
            2 * sum(found) / (len(found) + given))


@given(FINDS, st.integers(0, 3))
def test_a_curve_is_what_counting_at_each_probability_gives(finds, missed):
    number = sum(right for _, right in finds) + missed + 1
    points = curve(np.array([p for p, _ in finds]),
                   np.array([r for _, r in finds], dtype=bool), number)
    assert points.threshold.tolist() == sorted({p for p, _ in finds}, reverse=True)
    for least, *values in zip(*points):
        assert values == pytest.approx(kept(finds, number, least))


@given(FINDS, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_the_best_threshold_has_the_best_f1_of_those_precise_enough(finds, precision):
    number = sum(right for _, right in finds) + 1
    found = [np.array([p for p, _ in finds]), np.array([r for _, r in finds], bool)]
    best = best_threshold(*found, number, precision)
    values = [kept(finds, number, p) for p, _ in finds]
    if not values:
        assert best == 0
    elif any(v[0] >= precision for v in values):
        assert kept(finds, number, best)[0] >= precision
        assert kept(finds, number,
                    best)[2] == max(v[2] for v in values if v[0] >= precision)
    else:
        assert kept(finds, number, best)[0] == max(v[0] for v in values)


def test_a_threshold_lies_between_two_probabilities_and_is_0_where_all_is_kept():
    probability, right = np.array([0.4, 0.8]), np.array([False, True])
    assert best_threshold(probability, right, 1) == pytest.approx(0.6)
    assert best_threshold(probability, ~right, 1) == 0
    for number in (0, 5):  # Then no probability is better than another.
        assert best_threshold(probability, right & ~right, number) == 0
