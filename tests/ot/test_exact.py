import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases, graphs

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
