r"""Whatever says ``converged`` is right, in any unit and both precisions."""
from functools import cache

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment, linprog

from eega_pyg.ot import (
    exact_gromov_wasserstein,
    exact_wasserstein,
    gromov_wasserstein,
    proximal_point,
    sinkhorn,
)

PRECISIONS = [torch.float32, torch.float64]
UNITS = [(1e-12, torch.float32), (1e12, torch.float32), (1e-5, torch.float64),
         (1., torch.float64)]
SHAPES = [(1, 1), (1, 6), (5, 1), (6, 6), (4, 9), (2, 2), (7, 3), (12, 12)]


def optimum(cost, a, b):
    r"""By an interior point or simplex solver that knows of no forbidden pairs: they
    are no variables."""
    n, m = cost.shape
    i, j = np.nonzero(np.isfinite(cost))
    if not i.size:
        return None
    rows = np.zeros((n + m, i.size))
    rows[i, np.arange(i.size)] = 1
    rows[n + j, np.arange(i.size)] = 1
    found = linprog(cost[i, j], A_eq=rows, b_eq=np.concatenate([a, b]), method='highs')
    return found.fun if found.status == 0 else None


def masses(n, rng, zeros):
    mass = rng.random(n) + 0.1
    if zeros and n > 2:
        mass[rng.integers(n)] = 0
    return mass / mass.sum()


def problem(shape, rng, kind):
    n, m = shape
    cost = rng.random(shape)
    if kind == 'forbidden':
        cost[rng.random(shape) < 0.3] = np.inf
    elif kind == 'equal':
        cost = cost[np.zeros(n, int)] if n % 2 else np.ones(shape)
    elif kind == 'far':  # One node is far from all others.
        cost[rng.integers(n)] += 1e6
    elif kind == 'clusters':
        cost = 1e-3 * cost + (np.arange(n)[:, None] % 2 != np.arange(m) % 2)
    elif kind == 'negative':
        cost -= 5
    zeros = kind == 'zeros'
    return cost, masses(n, rng, zeros), masses(m, rng, zeros)


def batch(kind, seed=0):
    r"""Pairs of all shapes, ragged: padding holds what no cost is."""
    rng = np.random.default_rng(seed)
    pairs = [problem(shape, rng, kind) for shape in SHAPES]
    cost = torch.full((len(pairs), 12, 12), torch.nan, dtype=torch.float64)
    a, b = torch.zeros(2, len(pairs), 12, dtype=torch.float64)
    for i, (c, p, q) in enumerate(pairs):
        cost[i, :c.shape[0], :c.shape[1]] = torch.as_tensor(c)
        a[i, :p.size], b[i, :q.size] = torch.as_tensor(p), torch.as_tensor(q)
    return pairs, cost, a, b


KINDS = ['plain', 'forbidden', 'equal', 'far', 'clusters', 'negative', 'zeros']


@cache
def optima(kind):
    r"""The optimum of each pair of a batch, in the unit 1."""
    return [optimum(*pair) for pair in batch(kind)[0]]


@cache
def proximal(kind, unit, dtype):
    _, cost, a, b = batch(kind)
    return proximal_point((unit * cost).to(dtype), a.to(dtype), b.to(dtype))


@cache
def regularised(kind):
    r"""Of each pair that has a plan: the mean cost, and the cost of POT's plan."""
    found = []
    for best, (c, p, q) in zip(optima(kind), batch(kind)[0]):
        if best is None:
            found.append(None)
            continue
        finite, product = np.isfinite(c), np.outer(p, q)
        known = np.where(finite, c, 0)
        mean = (product * np.abs(known)).sum() / product[finite].sum()
        big = np.where(finite, c, 1e4)
        plan = ot.sinkhorn(p[p > 0], q[q > 0], big[p > 0][:, q > 0], 0.1 * mean,
                           numItermax=20000, stopThr=1e-13, warn=False)
        found.append((mean, (plan * known[p > 0][:, q > 0]).sum()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('unit, dtype', UNITS, ids=str)
def test_wasserstein_that_converged_is_the_optimum(kind, dtype, unit):
    pairs, cost, a, b = batch(kind)
    expected = optima(kind)
    args = (unit * cost).to(dtype), a.to(dtype), b.to(dtype)
    exact = exact_wasserstein(*args)
    for out, tol in ((exact, 1e-8), (proximal(kind, unit, dtype), 2e-4)):
        for i, (c, p, q) in enumerate(pairs):
            if expected[i] is None:
                assert not out.converged[i]
                continue
            if out is exact:
                assert out.converged[i]
            if out.converged[i]:
                scale = np.abs(c[np.isfinite(c)]).mean()
                rounding = 50 * torch.finfo(dtype).eps * np.abs(c[np.isfinite(c)]).max()
                error = abs(out.linear[i].double().item() / unit - expected[i])
                assert error <= tol * scale + rounding, (i, c.shape, error / scale)
                assert out.marginal_error[i] < 1e-5
                assert (out.plan[i][cost[i] == torch.inf] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_proximal_points_and_sinkhorn_do_converge(kind):
    _, cost, a, b = batch(kind)
    possible = torch.tensor([best is not None for best in optima(kind)])
    for out in (proximal(kind, *UNITS[-1]), sinkhorn(cost, a, b, num_iters=5000)):
        assert (out.converged == possible).double().mean() > 0.8


@pytest.mark.parametrize('kind', [k for k in KINDS if k not in ('far', 'clusters')])
@pytest.mark.parametrize('unit, dtype', UNITS, ids=str)
def test_sinkhorn_that_converged_is_the_regularised_optimum(kind, dtype, unit):
    _, cost, a, b = batch(kind)
    out = sinkhorn((unit * cost).to(dtype), a.to(dtype), b.to(dtype))
    for i, expected in enumerate(regularised(kind)):
        if expected is None:
            assert not out.converged[i]
        elif out.converged[i]:
            mean, value = expected
            assert abs(out.linear[i].item() / unit - value) <= 1e-3 * mean


@pytest.mark.parametrize('big', [1e2, 1e4, 1e8, 1e16, np.inf])
@pytest.mark.parametrize('share, n', [(0.1, 5), (0.3, 6), (0.6, 5)])
def test_pairs_forbidden_by_any_cost_are_not_used(big, share, n):
    rng = np.random.default_rng(n - 5)
    cost, forbidden = rng.random((n, n)), rng.random((n, n)) < share
    forbidden[np.arange(n), rng.permutation(n)] = False
    i, j = linear_sum_assignment(np.where(forbidden, 1e3, cost))
    expected = cost[i, j].mean()
    given = torch.as_tensor(np.where(forbidden, big, cost))
    exact, point = exact_wasserstein(given), proximal_point(given)
    soft = sinkhorn(given, epsilon=0.02)
    assert exact.converged and point.converged
    np.testing.assert_allclose(exact.linear.item(), expected, rtol=1e-9)
    np.testing.assert_allclose(point.linear.item(), expected, atol=1e-4)
    np.testing.assert_allclose(soft.linear.item(), expected, atol=0.02)


def test_what_no_plan_can_avoid_is_not_called_converged():
    torch.manual_seed(0)
    cost = torch.rand(3, 4, 4, dtype=torch.float64)
    cost[0, 2] = torch.inf  # A node that may go nowhere,
    cost[1, :2, 1:] = torch.inf  # and two that may go to one place alone.
    structure = torch.rand(3, 4, 4, dtype=torch.float64)
    for out in (sinkhorn(cost), proximal_point(cost), exact_wasserstein(cost),
                gromov_wasserstein(structure, structure, cost=cost),
                exact_gromov_wasserstein(structure, structure, cost=cost)):
        assert out.converged.tolist() == [False, False, True]
        assert (out.plan[cost == torch.inf] == 0).all()
        assert out.linear.isfinite().all()


@pytest.mark.parametrize('value', [float('nan'), -float('inf')])
def test_what_is_no_number_is_not_called_converged(value):
    torch.manual_seed(0)
    cost = torch.rand(2, 4, 4, dtype=torch.float64)
    cost[1, 0, 0] = value
    structure = torch.rand(2, 4, 4, dtype=torch.float64)
    for out in (sinkhorn(cost), proximal_point(cost), exact_wasserstein(cost),
                gromov_wasserstein(structure, structure, cost=cost),
                exact_gromov_wasserstein(structure, structure, cost=cost)):
        assert out.converged.tolist() == [True, False]


def structures(kind, rng):
    sizes = [(5, 6), (1, 4), (3, 1), (7, 7)]
    n, m = (max(x) for x in zip(*sizes))
    d_s, d_t = torch.zeros(4, n, n).double(), torch.zeros(4, m, m).double()
    a, b = torch.zeros(4, n).double(), torch.zeros(4, m).double()
    for i, (k, m_i) in enumerate(sizes):
        for d, mass, size in ((d_s, a, k), (d_t, b, m_i)):
            x = rng.random((size, size))
            if kind == 'equal':
                x = np.ones((size, size))
            elif kind == 'zeros':
                x[size // 2] = 0
            d[i, :size, :size] = torch.as_tensor(x + x.T)
            mass[i, :size] = torch.as_tensor(masses(size, rng, kind == 'zeros'))
    cost = torch.as_tensor(rng.random((4, n, m)))
    if kind == 'forbidden':
        away = torch.as_tensor(rng.random((4, n, m))) < 0.2
        cost[away & (a > 0)[:, :, None] & (b > 0)[:, None, :]] = torch.inf
    return d_s, d_t, a, b, cost


@pytest.mark.parametrize('loss', ['square', 'absolute'])
@pytest.mark.parametrize('kind', ['plain', 'equal', 'zeros', 'forbidden'])
@pytest.mark.parametrize('dtype', PRECISIONS, ids=str)
def test_gromov_wasserstein_that_converged_is_stationary_in_any_unit(loss, kind, dtype):
    d_s, d_t, a, b, cost = structures(kind, np.random.default_rng(3))
    power = 2 if loss == 'square' else 1
    fused = kind == 'forbidden'
    first = None
    for unit in (1., 1e-15, 1e15):
        args = [(unit * x).to(dtype) for x in (d_s, d_t)] + [a.to(dtype), b.to(dtype)]
        options = {'loss': loss}
        if fused:
            options['cost'] = (unit**power * cost).to(dtype)
        exact = exact_gromov_wasserstein(*args, tol=1e-7, num_iters=30, **options)
        soft = gromov_wasserstein(*args, epsilon=0.2, **options)
        value = exact.regularized.double() / unit**power
        first = value if first is None else first
        torch.testing.assert_close(value, first, rtol=1e-5, atol=2e-6)
        # Forbidden: two of the four pairs have no plan.
        assert exact.converged.any() and soft.converged.sum() >= (2 if fused else 4)
        for i in range(4):
            sides = (d_s[i], d_t[i], a[i], b[i])
            linear = cost[i].numpy() if fused else None
            if exact.converged[i]:
                slope, t = slope_at(*sides, exact.plan[i].double(), loss, linear)
                best = optimum(
                    slope,
                    *(x[x.cumsum(0) <= 2][:k].numpy()
                      for x, k in zip((a[i], b[i]), t.shape)))
                used = np.isfinite(slope)
                gain = (t[used] * slope[used]).sum() - best
                assert gain <= 1e-6 * np.abs(slope[used]).mean() + 1e-12
            if soft.converged[i] and kind != 'equal':
                slope, t = slope_at(*sides, soft.plan[i].double(), loss, linear)
                check_regularised(*sides, slope, t, loss, linear)


def slope_at(d_s, d_t, a, b, plan, loss, cost):
    r"""The slope of the objective in the plan, by a literal sum."""
    k, n = (int((mass > 0).nonzero().max()) + 1 for mass in (a, b))
    x, y, t = d_s[:k, :k].numpy(), d_t[:n, :n].numpy(), plan[:k, :n].numpy()
    gap = np.abs(x[:, None, :, None] - y[None, :, None, :])
    gap = gap**2 if loss == 'square' else gap
    slope = 2 * np.einsum('ijkl,kl->ij', gap, t)
    return (slope if cost is None else 0.5 * slope + 0.5 * cost[:k, :n]), t


def check_regularised(d_s, d_t, a, b, slope, t, loss, cost):
    r"""With the regulariser, the slope is a sum of one term a row and one a column."""
    product = np.outer(a[:t.shape[0]], b[:t.shape[1]])
    at_product, _ = slope_at(d_s, d_t, a, b, a[:, None] * b, loss, cost)
    used = (product > 0) & np.isfinite(slope)
    unit = (product * np.abs(at_product))[used].sum() / product[used].sum()
    weight = np.where(used, t, 0)
    rest = np.where(t > 0, slope, 0) / (0.2 * unit) + np.log(
        np.where(weight > 0, t, 1) / np.where(product > 0, product, 1))
    for _ in range(500):
        for axis in (0, 1):
            total = weight.sum(axis, keepdims=True)
            mean = (weight * rest).sum(axis, keepdims=True)
            rest = rest - mean / np.where(total > 0, total, 1)
    assert (weight * rest**2).sum()**0.5 < 0.02
