r"""Intervals and tests, against SciPy."""
import numpy as np
import pytest
from scipy import stats

from eega_pyg.scoring import paired_tests, resampled_f1
from eega_pyg.scoring.resampling import f1_of, interval


def counts(rng, number, right):
    r"""Texts with one or two given items, of which a share is right."""
    given = rng.integers(1, 3, number)
    correct = rng.binomial(given, right)
    return np.stack([correct, correct + rng.integers(0, 2, number), given], -1)


def statistic(table):
    return lambda texts: float(f1_of(table[texts].sum(0)))


def test_f1_by_hand():
    assert f1_of(np.array([[1, 2, 4], [0, 0, 0], [3, 3, 3]])).tolist() == [1 / 3, 0, 1]


def test_the_interval_is_that_of_scipy():
    table = counts(np.random.default_rng(0), 80, 0.6)
    found = stats.bootstrap((np.arange(80), ), statistic(table), n_resamples=9999,
                            vectorized=False, method='percentile',
                            random_state=np.random.default_rng(1)).confidence_interval
    assert interval(resampled_f1(table, 9999)) == pytest.approx((found.low, found.high),
                                                                abs=5e-3)


def test_the_seed_alone_decides():
    table = counts(np.random.default_rng(0), 20, 0.6)
    once, twice, other = (resampled_f1(table, 50, seed) for seed in (3, 3, 4))
    assert (once == twice).all() and (once != other).any()


def test_randomisation_is_the_permutation_test_of_scipy():
    rng = np.random.default_rng(2)
    first, second = counts(rng, 9, 0.4), counts(rng, 9, 0.8)
    second[:, 2] = first[:, 2]  # The same is given.
    both = np.concatenate([first, second])
    found = stats.permutation_test((np.arange(9), np.arange(9, 18)),
                                   lambda a, b: statistic(both)(b) - statistic(both)(a),
                                   permutation_type='samples', vectorized=False,
                                   n_resamples=np.inf)  # All 512.
    test, = paired_tests(first[:, None], second[:, None], draws=20_000)
    assert test.difference == pytest.approx(found.statistic)
    assert 0.01 < found.pvalue < 0.9
    assert test.p_randomisation == pytest.approx(found.pvalue, abs=0.01)


def test_the_paired_bootstrap_is_a_loop_over_all_samples():
    first, second = (np.array(x) for x in ([[1, 1, 1], [0, 1, 1], [0, 0, 2]],
                                           [[1, 1, 1], [1, 1, 1], [1, 2, 2]]))
    delta = float(f1_of(second.sum(0)) - f1_of(first.sum(0)))
    samples = np.stack(np.meshgrid(*[range(3)] * 3), -1).reshape(-1, 3)
    deltas = np.array(
        [f1_of(second[s].sum(0)) - f1_of(first[s].sum(0)) for s in samples])
    expected = (np.abs(deltas - delta) >= abs(delta) - 1e-12).mean()
    test, = paired_tests(first[:, None], second[:, None], draws=20_000)
    assert test.p_bootstrap == pytest.approx(expected, abs=0.01)
    assert 0.02 < expected < 0.98


def test_equal_systems_do_not_differ():
    table = counts(np.random.default_rng(0), 30, 0.5)[:, None]
    assert paired_tests(table, table, 100) == [(0, (0, 0), 1, 1)]


def test_systems_that_change_places_have_the_same_p_values():
    rng = np.random.default_rng(5)
    first, second = (counts(rng, 60, share)[:, None] for share in (0.5, 0.6))
    there, = paired_tests(first, second, 500)
    back, = paired_tests(second, first, 500)
    assert back.difference == -there.difference
    assert back.p_bootstrap == there.p_bootstrap
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert back.p_randomisation == pytest.approx(there.p_randomisation, abs=0.08)


def test_where_nothing_differs_few_p_values_are_low():
    rng = np.random.default_rng(6)
    tests = [
        paired_tests(*(counts(rng, 80, 0.5)[:, None] for _ in range(2)), 200)[0]
        for _ in range(100)
    ]
    for name in ('p_bootstrap', 'p_randomisation'):
        low = sum(getattr(t, name) <= 0.05 for t in tests)
        assert low <= 12, name  # 5 are expected; 13 come once in a thousand times.
