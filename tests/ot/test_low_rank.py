from typing import List, NamedTuple

import numpy as np
import ot
import pytest
import torch

from eega_pyg.ot import (
    LowRankOutput,
    LowRankProblem,
    LowRankSinkhorn,
    Sinkhorn,
    exact_wasserstein,
    linear_problem,
    low_rank_problem,
)


class Clouds(NamedTuple):
    r"""Two clouds of points and their masses."""
    x: np.ndarray
    y: np.ndarray
    a: np.ndarray
    b: np.ndarray


def clouds(count: int, seed: int = 0) -> List[Clouds]:
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        n, m = rng.integers(8, 30, 2)
        a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
        out.append(
            Clouds(rng.normal(size=(n, 3)),
                   0.7 * rng.normal(size=(m, 3)) + 0.5 * rng.normal(size=3),
                   a / a.sum(), b / b.sum()))
    return out


def batched(pairs: List[Clouds], dtype: torch.dtype = torch.float64) -> dict:
    x, y, a, b = (torch.as_tensor(np.concatenate(z)).to(dtype) for z in zip(*pairs))
    sizes = [[len(z) for z in side] for side in list(zip(*pairs))[:2]]
    index = torch.arange(len(pairs))
    batch_s, batch_t = (index.repeat_interleave(torch.tensor(size)) for size in sizes)
    return dict(x_s=x, x_t=y, batch_s=batch_s, batch_t=batch_t, a=a, b=b)


PAIRS = clouds(100)
GIVEN = batched(PAIRS)


def check(out: LowRankOutput, problem: LowRankProblem, atol: float = 1e-12) -> None:
    r"""Whether the factors meet all their marginals, and make the plan of the cost."""
    assert (out.q >= 0).all() and (out.r >= 0).all()
    for x, mass in ((out.q, problem.a), (out.r, problem.b)):
        torch.testing.assert_close(x.sum(2), mass, rtol=0, atol=atol)
        torch.testing.assert_close(x.sum(1), out.g, rtol=0, atol=atol)
    plan = torch.einsum('bik,bk,bjk->bij', out.q, torch.where(out.g > 0, 1 / out.g, 0),
                        out.r)
    torch.testing.assert_close(out.plan(), plan, rtol=0, atol=atol)
    cost = problem.cost_s @ problem.cost_t.transpose(1, 2)
    torch.testing.assert_close(out.linear, (plan * cost).sum((1, 2)), rtol=1e3 * atol,
                               atol=1e3 * atol)
    assert (out.marginal_error <= 100 * atol).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_factors_meet_their_marginals_and_are_stationary(dtype: torch.dtype) -> None:
    problem = low_rank_problem(**batched(PAIRS, dtype))
    out = LowRankSinkhorn(5, num_iters=200)(problem)
    assert out.converged.double().mean() > 0.97
    check(out, problem, 1e-12 if dtype == torch.float64 else 1e-6)


def rank_one_gap(out: LowRankOutput, problem: LowRankProblem, pair: int) -> float:
    r"""The duality gap of the linearised problem, as a linear program."""
    from scipy.optimize import linprog
    n, m = int((problem.a[pair] > 0).sum()), int((problem.b[pair] > 0).sum())
    q, r, g = out.q[pair, :n].numpy(), out.r[pair, :m].numpy(), out.g[pair].numpy()
    cost = (problem.cost_s[pair, :n] @ problem.cost_t[pair, :m].T).numpy()
    rank = len(g)
    slopes = [cost @ r / g, cost.T @ q / g, -((cost @ r) * q).sum(0) / g**2]
    rows = []
    for size, first in ((n, 0), (m, n * rank)):
        for i in range(size):
            row = np.zeros((n + m + 1) * rank)
            row[first + i * rank:first + (i + 1) * rank] = 1
            rows.append(row)
    for size, first in ((n, 0), (m, n * rank)):
        for k in range(rank):
            row = np.zeros((n + m + 1) * rank)
            row[first + k:first + size * rank:rank] = 1
            row[(n + m) * rank + k] = -1
            rows.append(row)
    wanted = np.concatenate(
        [problem.a[pair, :n], problem.b[pair, :m],
         np.zeros(2 * rank)])
    flat = np.concatenate([x.ravel() for x in slopes])
    best = linprog(flat, A_eq=np.stack(rows), b_eq=wanted)
    here = flat @ np.concatenate([x.ravel() for x in (q, r, g)])
    return float(here - best.fun)


def test_no_linear_program_finds_more_than_the_tolerance() -> None:
    problem = low_rank_problem(**GIVEN)
    mean = torch.einsum('bi,bid,bjd,bj->b', problem.a, problem.cost_s, problem.cost_t,
                        problem.b)
    for tol in (1e-1, 1e-3):
        out = LowRankSinkhorn(4, tol=tol)(problem)
        for i in range(8):
            gap = rank_one_gap(out, problem, i) / float(mean[i])
            assert -1e-6 < gap <= tol + 1e-6 and out.converged[i]
    few = LowRankSinkhorn(4, num_iters=2)(problem)
    assert not few.converged.any()
    check(few, problem)


@pytest.mark.slow
def test_costs_are_at_most_those_of_pot_and_above_the_optimal_one() -> None:
    out = LowRankSinkhorn(4)(low_rank_problem(**GIVEN))
    optimal = exact_wasserstein(*linear_problem(**GIVEN, cost='sqeuclidean')).linear
    ratio = []
    for i, (x, y, a, b) in enumerate(PAIRS):
        q, r, g = ot.lowrank_sinkhorn(x, y, a, b, rank=4, stopThr=1e-3, numItermax=30,
                                      warn=False)
        cost = ((q / g @ r.T) * ot.dist(x, y)).sum()
        ratio.append(float(out.linear[i]) / cost)
    assert np.mean(ratio) < 1.01 and np.mean(np.array(ratio) < 1.05) > 0.85
    assert max(ratio) < 1.3
    assert (out.linear >= optimal * (1 - 1e-9)).all()


def test_the_default_type_plays_no_part() -> None:
    problem = low_rank_problem(**batched(PAIRS[:2], torch.float32))
    expected = LowRankSinkhorn(2)(problem)
    torch.set_default_dtype(torch.float64)
    try:
        out = LowRankSinkhorn(2)(problem)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(out.linear, expected.linear)


def test_with_more_ranks_the_cost_nears_the_optimal_one() -> None:
    given = batched(PAIRS[:10])
    optimal = exact_wasserstein(*linear_problem(**given, cost='sqeuclidean')).linear
    problem = low_rank_problem(**given)
    above = [
        float((LowRankSinkhorn(rank)(problem).linear / optimal).mean())
        for rank in (1, 4, 16)
    ]
    assert above[0] > 1.2 * above[1] and above[1] > above[2] and above[2] < 1.15
    # One column is the product plan.
    product = torch.einsum('bi,bid,bjd,bj->b', problem.a, problem.cost_s,
                           problem.cost_t, problem.b)
    torch.testing.assert_close(LowRankSinkhorn(1)(problem).linear, product)


def test_costs_as_a_product_are_the_costs() -> None:
    for cost in ('cosine', 'sqeuclidean'):
        problem, dense = low_rank_problem(**GIVEN, cost=cost), linear_problem(
            **GIVEN, cost=cost)
        inside = (dense.a > 0)[:, :, None] & (dense.b > 0)[:, None]
        product = problem.cost_s @ problem.cost_t.transpose(1, 2)
        torch.testing.assert_close(product[inside], dense.cost[inside])
        torch.testing.assert_close(problem.a, dense.a)
    with pytest.raises(ValueError, match='euclidean'):
        low_rank_problem(**GIVEN, cost='euclidean')


def test_a_pair_is_the_same_alone_in_any_unit_and_of_any_mass() -> None:
    solver = LowRankSinkhorn(3, tol=1e-2)
    problem = low_rank_problem(**GIVEN)
    out = solver(problem)
    for i in (0, 7, 50):
        x, y, a, b = (torch.as_tensor(z) for z in PAIRS[i])
        alone = solver(low_rank_problem(x, y, a=a, b=b))
        torch.testing.assert_close(out.q[i, :len(x)], alone.q[0], rtol=0, atol=1e-8)
        torch.testing.assert_close(out.linear[i], alone.linear[0], rtol=1e-7, atol=0)
    scaled = solver(LowRankProblem(1e12 * problem.cost_s, problem.cost_t, *problem[2:]))
    torch.testing.assert_close(scaled.linear / 1e12, out.linear, rtol=1e-4, atol=0)
    heavy = solver(problem._replace(a=5 * problem.a, b=5 * problem.b))
    torch.testing.assert_close(heavy.linear, 5 * out.linear, rtol=1e-4, atol=0)


def test_a_pair_far_from_zero_is_the_same_beside_a_larger_one() -> None:
    torch.manual_seed(0)
    x, y, z, w = (torch.randn(n, 3, dtype=torch.float64) + 1e3 + k
                  for n, k in ((20, 0), (20, 1), (30, 0), (25, 5)))
    solver, batch = LowRankSinkhorn(3), torch.arange(2)
    alone = solver(low_rank_problem(x, y))
    both = solver(
        low_rank_problem(torch.cat([x, z]), torch.cat([y, w]),
                         batch.repeat_interleave(torch.tensor([20, 30])),
                         batch.repeat_interleave(torch.tensor([20, 25]))))
    assert both.iterations[0] == alone.iterations[0]
    torch.testing.assert_close(both.linear[0], alone.linear[0])


def test_products_with_the_plan() -> None:
    problem = low_rank_problem(**batched(PAIRS[:3]))
    out = LowRankSinkhorn(3)(problem)
    x, y = torch.randn(*problem.a.shape, 2).double(), torch.randn(*problem.b.shape,
                                                                  2).double()
    torch.testing.assert_close(out.forward(y), out.plan() @ y)
    torch.testing.assert_close(out.backward(x), out.plan().transpose(1, 2) @ x)


def test_the_slopes_are_those_of_the_cost_of_the_plan() -> None:
    # Clusters, as many as ranks, of equal masses: each goes to one.
    rng = np.random.default_rng(1)
    centers = np.array([[0., 0.], [8., 0.], [0., 8.]])
    x, y = (np.concatenate([c + s + rng.normal(size=(k, 2)) for c in centers])
            for k, s in ((4, 0.), (5, 1.)))
    given = batched([Clouds(x, y, np.full(12, 1 / 12), np.full(15, 1 / 15))])
    names = ['x_s', 'x_t', 'a', 'b']
    for name in names:
        given[name].requires_grad_()
    solver = LowRankSinkhorn(3, tol=1e-5)
    out = solver(low_rank_problem(**given))
    slopes = torch.autograd.grad(out.linear.sum(), [given[name] for name in names],
                                 create_graph=True)
    cost = torch.cdist(given['x_s'], given['x_t']).square()
    expected = torch.autograd.grad((out.plan()[0] * cost).sum(),
                                   (given['x_s'], given['x_t']))
    for slope, other in zip(slopes, expected):
        torch.testing.assert_close(slope, other)
    generator = torch.Generator().manual_seed(0)
    for name, slope in zip(names[2:], slopes[2:]):
        # What one cluster loses would have to go far.
        way = torch.randn(3, len(slope) // 3, generator=generator).double()
        way = 1e-4 * (way - way.mean(1, keepdim=True)).flatten()
        ends = [
            solver(low_rank_problem(**{
                **given, name: given[name] + step
            })).linear for step in (way, -way)
        ]
        torch.testing.assert_close((slope * way).sum(), (ends[0] - ends[1]).sum() / 2,
                                   rtol=1e-2, atol=1e-9)
    with pytest.raises(RuntimeError, match='differentiated once'):
        torch.autograd.grad(slopes[0].square().sum(), given['x_s'])


def test_empty_sides_equal_features_and_no_numbers_stay_with_their_pair() -> None:
    x, y = torch.randn(6, 3), torch.randn(7, 3)
    x[3:5] = 2.
    y[3:5] = 2.
    x[5] = torch.nan
    batch_s, batch_t = torch.tensor([0, 0, 0, 2, 2,
                                     3]), torch.tensor([0, 0, 0, 2, 2, 3, 3])
    solver = LowRankSinkhorn(2, num_iters=60)
    out = solver(low_rank_problem(x, y, batch_s, batch_t, 4))
    alone = solver(low_rank_problem(x[:3], y[:3]))
    torch.testing.assert_close(out.linear[0], alone.linear[0])
    assert out.converged.tolist() == [True, True, True, False]
    assert out.linear[1] == 0 and (out.q[1] == 0).all() and (out.plan()[1] == 0).all()
    assert abs(float(out.linear[2])) < 1e-9


@pytest.mark.slow
def test_time_is_linear_in_the_nodes_and_no_plan_is_held() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(20000, 4, generator=generator) for _ in range(2))
    y = 0.5 * y + 1
    out = LowRankSinkhorn(5, num_iters=100)(low_rank_problem(x, y))
    assert out.converged.all() and out.marginal_error < 1e-4
    # Of normal distributions: the optimal cost, and that of the product plan.
    assert 0.95 * 5 < float(out.linear) < 0.9 * 9


def test_with_many_ranks_it_is_near_the_entropic_plan() -> None:
    given = batched(PAIRS[:10])
    problem = linear_problem(**given, cost='sqeuclidean')
    entropic = Sinkhorn(0.3, num_iters=5000)(problem)
    low = LowRankSinkhorn(12)(low_rank_problem(**given))
    assert (low.linear < entropic.linear).all()


@pytest.mark.parametrize('options', [{
    'rank': 0
}, {
    'rank': 2,
    'tol': -1.
}, {
    'rank': 2,
    'inner_iters': 0
}])
def test_options_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match='Expected'):
        LowRankSinkhorn(**options)


def test_factors_that_do_not_match_are_refused() -> None:
    problem = low_rank_problem(**GIVEN)
    with pytest.raises(ValueError, match='Expected factors'):
        LowRankSinkhorn(2)(problem._replace(cost_s=problem.cost_s[:, :, :2]))
    with pytest.raises(ValueError, match="'float32' or 'float64'"):
        LowRankSinkhorn(2)(problem._replace(cost_s=problem.cost_s.half()))
