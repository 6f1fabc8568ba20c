import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases, graphs
from scipy.optimize import linear_sum_assignment

from eega_pyg.ot import (
    edge_cost,
    exact_gromov_wasserstein,
    exact_wasserstein,
    gromov_wasserstein,
    quadratic_problem,
)

PAIRS = cases(30, seed=1, max_t=30)
COST, D_S, D_T, A, B = batched(PAIRS)


def test_the_simplex_is_pots() -> None:
    out = exact_wasserstein(COST, A, B)
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        np.testing.assert_allclose(out.plan[i, :k, :n],
                                   ot.emd(pair.a, pair.b, pair.cost), atol=1e-14)
    dual = (A * out.potential_s).sum(1) + (B * out.potential_t).sum(1)
    torch.testing.assert_close(dual, out.linear)
    assert out.converged.all()


@pytest.mark.parametrize('mass, shift', [(1., -5.), (1e4, 0.)])
def test_single_precision_large_masses_and_negative_costs_are_solved(
        mass: float, shift: float) -> None:
    a, b = (mass * A).float(), (mass * B).float()
    out = exact_wasserstein(COST.float() + shift, a, b)
    assert out.converged.all()
    expected = exact_wasserstein(COST, A, B)
    torch.testing.assert_close(out.linear.double() / mass, expected.linear + shift,
                               rtol=1e-5, atol=1e-5)
    dual = (a * out.potential_s).sum(1) + (b * out.potential_t).sum(1)
    torch.testing.assert_close(dual, out.linear, rtol=1e-4, atol=1e-4)
    fused = exact_gromov_wasserstein(D_S.float(), D_T.float(), a, b,
                                     cost=COST.float() + shift)
    assert fused.converged.all() and (fused.marginal_error < 1e-5).all()


INF = float('inf')


def test_costs_of_two_blocks_are_least_in_each() -> None:
    # POT leaves a speck of mass where costs are infinite.
    cost = torch.tensor(
        [[3, 1, INF, INF, INF], [3, 3, INF, INF, INF], [INF, INF, 5000, 1000, 1000],
         [INF, INF, 1, 5000, 10000], [INF, INF, 1000, 5000, 10000]], dtype=torch.double)
    a = torch.tensor([.3, .1, .2, .2, .2], dtype=torch.double)
    out = exact_wasserstein(cost, a, torch.full((5, ), .2, dtype=torch.double))
    assert out.converged and float(out.linear) == pytest.approx(1201)


def test_blocks_of_any_size_of_costs_are_solved_apart() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        n = int(rng.integers(2, 5))
        cost = np.full((2 * n, 2 * n), INF)
        expected = 0.
        for block in (slice(0, n), slice(n, 2 * n)):
            part = 10**rng.uniform(-2, 6, (n, n))
            cost[block, block] = part
            expected += part[linear_sum_assignment(part)].sum() / (2 * n)
        out = exact_wasserstein(torch.as_tensor(cost))
        assert out.converged and float(out.linear) == pytest.approx(expected)


@pytest.mark.parametrize('top', [1., INF])
def test_it_is_compiled(top: float) -> None:
    cost = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(0))
    cost[0, 0, 0] = top
    run = torch.compile(lambda c: exact_wasserstein(c).linear, backend='eager')
    assert torch.equal(run(cost), exact_wasserstein(cost).linear)


def test_conditional_gradient_is_pots() -> None:
    out = exact_gromov_wasserstein(D_S, D_T, A, B)
    for i, pair in enumerate(PAIRS):
        value = ot.gromov.gromov_wasserstein2(pair.d_s, pair.d_t, pair.a, pair.b)
        np.testing.assert_allclose(out.quadratic[i], value, rtol=1e-6, atol=1e-9)
    assert out.converged.all()


def test_fused_conditional_gradient_is_pots() -> None:
    out = exact_gromov_wasserstein(D_S, D_T, A, B, cost=COST, weight=0.3)
    for i, pair in enumerate(PAIRS):
        value = ot.gromov.fused_gromov_wasserstein2(pair.cost, pair.d_s, pair.d_t,
                                                    pair.a, pair.b, alpha=0.3)
        np.testing.assert_allclose(out.regularized[i], value, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize('loss', ['square', 'absolute'])
def test_it_descends_on_neighbors_too(loss: str) -> None:
    generator = torch.Generator().manual_seed(0)
    s, t = graphs([4, 0, 6], generator), graphs([7, 5, 9], generator)
    problem = quadratic_problem(s.edge_index, edge_cost(s.x,
                                                        s.edge_index), t.edge_index,
                                edge_cost(t.x, t.edge_index), s.batch, t.batch, 3)
    end = exact_gromov_wasserstein(*problem, loss=loss, normalize=True)
    start = gromov_wasserstein(*problem, loss=loss, normalize=True, num_iters=0)
    assert end.marginal_error.max() < 1e-12
    assert end.quadratic[1] == 0
    assert (end.quadratic[[0, 2]] < 0.9 * start.quadratic[[0, 2]]).all()
    # A vertex or a point no linear problem improves: the simplex finds no descent.
    again = exact_gromov_wasserstein(*problem, loss=loss, normalize=True, plan=end.plan)
    torch.testing.assert_close(again.quadratic, end.quadratic, rtol=1e-6, atol=1e-9)
