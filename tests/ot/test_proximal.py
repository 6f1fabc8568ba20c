import ot
import pytest
import torch
from ot_cases import batched, cases

from eega_pyg.ot import proximal_point

PAIRS = cases(210)
COST, _, _, A, B = batched(PAIRS)


@pytest.mark.slow
def test_distances_are_those_of_the_simplex() -> None:
    out = proximal_point(COST, A, B)
    exact = torch.tensor([float(ot.emd2(p.a, p.b, p.cost)) for p in PAIRS],
                         dtype=torch.float64)
    assert (out.linear - exact).abs().max() < 1e-4
    assert out.marginal_error.max() < 1e-12
    assert out.converged.all()
    # The gap that lets a pair stop is a true bound.
    lower = (A * out.potential_s).sum(1) + (B * out.potential_t).sum(1)
    assert (lower <= exact + 1e-9).all() and (exact <= out.linear + 1e-9).all()


def test_too_few_iterations_are_not_called_converged() -> None:
    out = proximal_point(COST, A, B, num_iters=2, inner_iters=20)
    exact = torch.tensor([float(ot.emd2(p.a, p.b, p.cost)) for p in PAIRS],
                         dtype=torch.float64)
    mean = torch.einsum('bi,bij,bj->b', A, COST, B)
    assert not out.converged.all()
    assert ((out.linear - exact) <= 1e-4 * mean)[out.converged].all()


@pytest.mark.parametrize('value', [float('nan'), -float('inf')])
def test_a_cost_that_is_no_number_is_not_called_converged(value: float) -> None:
    cost = COST[:3].clone()
    cost[1, 0, 0] = value
    assert proximal_point(cost, A[:3], B[:3]).converged.tolist() == [True, False, True]


@pytest.mark.slow
def test_slopes_are_the_optimal_plan_and_potentials() -> None:
    cost, a, b = COST[:20].clone(), A[:20].clone(), B[:20].clone()
    cost.requires_grad_(), a.requires_grad_()
    out = proximal_point(cost, a, b)
    out.linear.sum().backward()
    assert cost.grad is not None and a.grad is not None
    torch.testing.assert_close(cost.grad, out.plan)
    step = torch.zeros_like(a)
    step[:, 0] = -1e-3 * (A[:20, 1] > 0)
    step[:, 1] = 1e-3 * (A[:20, 1] > 0)
    for i, pair in enumerate(PAIRS[:20]):
        k = pair.cost.shape[0]
        moved = (a[i] + step[i]).detach().numpy()[:k]
        change = ot.emd2(moved, pair.b, pair.cost) - ot.emd2(pair.a, pair.b, pair.cost)
        # The distance is convex in the masses: its slope is a bound from below.
        assert float((a.grad[i] * step[i]).sum()) <= change + 1e-4


def test_a_step_that_grows_is_refused() -> None:
    with pytest.raises(ValueError, match='decay'):
        proximal_point(COST, A, B, decay=1.5)
