import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases

from eega_pyg.ot import (
    LinearProblem,
    ProximalPoint,
    Sinkhorn,
    exact_wasserstein,
    partial_output,
    partial_problem,
)

PAIRS = cases(110, seed=5, max_s=8, max_t=12)
COST, _, _, A, B = batched(PAIRS)


@pytest.mark.parametrize('share', [0.2, 0.7, 1.])
def test_plans_cost_what_those_of_pot_cost(share):
    problem = partial_problem(LinearProblem(COST, A, B), share)
    exact = partial_output(exact_wasserstein(*problem))
    few = LinearProblem(*(x[:25] for x in problem))
    point = partial_output(ProximalPoint()(few))
    assert exact.converged.all() and point.converged.double().mean() > 0.95
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        if share == 1:
            expected = ot.emd2(pair.a, pair.b, pair.cost)
        else:
            plan = ot.partial.partial_wasserstein(pair.a, pair.b, pair.cost, m=share)
            expected = (plan * pair.cost).sum()
        np.testing.assert_allclose(exact.linear[i], expected, atol=1e-9)
        if i < 25 and point.converged[i]:
            np.testing.assert_allclose(point.linear[i], expected, atol=2e-4)
    for out, tol in ((exact, 1e-9), (point, 2e-4)):
        assert (out.plan.sum((1, 2)) - share).abs()[out.converged].max() < tol
        assert (out.plan.sum(2) - A[:len(out.plan)])[out.converged].max() < tol
        assert (out.plan.sum(1) - B[:len(out.plan)])[out.converged].max() < tol


def test_a_share_a_pair_and_costs_below_zero():
    share = torch.linspace(0.1, 1, len(PAIRS), dtype=torch.float64)
    out = partial_output(
        exact_wasserstein(*partial_problem(LinearProblem(COST - 3, A, B), share)))
    plain = partial_output(
        exact_wasserstein(*partial_problem(LinearProblem(COST, A, B), share)))
    torch.testing.assert_close(out.linear, plain.linear - 3 * share)


def test_with_a_regulariser_the_share_is_moved_too():
    problem = partial_problem(LinearProblem(COST[:30], A[:30], B[:30]), 0.5)
    out = partial_output(Sinkhorn(num_iters=2000, tol=1e-8)(problem))
    assert out.converged.double().mean() > 0.95
    moved = out.plan.sum((1, 2))[out.converged]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.5))


@pytest.mark.parametrize('share', [0., 1.1, -1., float('nan'), torch.ones(2, 2)])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match='share'):
        partial_problem(LinearProblem(COST, A, B), share)
