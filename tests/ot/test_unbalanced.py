import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases

from eega_pyg.ot import LinearProblem, Sinkhorn, UnbalancedSinkhorn

PAIRS = cases(120, seed=4, max_s=8, max_t=20)
COST, _, _, A, B = batched(PAIRS)
MORE = 1.7  # The second side may weigh more.


@pytest.mark.parametrize('rho_s, rho_t', [(0.5, 0.5), (0.1, 2.), (0.3, None),
                                          (None, 0.3)])
def test_plans_are_those_of_pot(rho_s, rho_t):
    out = UnbalancedSinkhorn(0.1, rho_s, rho_t, relative=False, num_iters=20000,
                             tol=1e-11)(LinearProblem(COST, A, MORE * B))
    assert out.converged.all()
    prices = tuple(np.inf if rho is None else rho for rho in (rho_s, rho_t))
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        plan = ot.unbalanced.sinkhorn_unbalanced(pair.a, MORE * pair.b, pair.cost, 0.1,
                                                 prices, reg_type='kl',
                                                 numItermax=20000, stopThr=1e-13)
        np.testing.assert_allclose(out.plan[i, :k, :n], plan, rtol=0, atol=1e-7)
        np.testing.assert_allclose(out.linear[i], (plan * pair.cost).sum(), atol=1e-7)
        expected = objective(plan, pair.cost, pair.a, MORE * pair.b, 0.1, rho_s, rho_t)
        np.testing.assert_allclose(out.regularized[i], expected, atol=1e-6)


def kl(x, y):
    return (x * np.log(x / y) - x + y).sum()


def objective(plan, cost, a, b, epsilon, rho_s, rho_t):
    value = (plan * cost).sum() + epsilon * kl(plan, np.outer(a, b))
    value += 0 if rho_s is None else rho_s * kl(plan.sum(1), a)
    return value + (0 if rho_t is None else rho_t * kl(plan.sum(0), b))


@pytest.mark.parametrize('rho', [0., 0.5])
def test_where_one_side_is_free_its_nodes_go_where_it_is_cheap(rho):
    out = UnbalancedSinkhorn(0.05, None, 0., tol=1e-9)(LinearProblem(COST, A, B))
    unit = torch.einsum('bi,bij,bj->b', A, COST, B)
    score = torch.where(B[:, None] > 0, -COST / (0.05 * unit[:, None, None]),
                        -torch.inf)
    weight = (score + B.clamp(min=1e-300).log()[:, None]).softmax(2)
    torch.testing.assert_close(out.plan, A[:, :, None] * weight, rtol=1e-6, atol=1e-9)
    assert out.converged.all()


def test_at_a_high_price_it_is_the_balanced_problem():
    problem = LinearProblem(COST[:30], A[:30], B[:30])
    out = UnbalancedSinkhorn(0.2, 1e4, None, num_iters=2000, tol=1e-5)(problem)
    balanced = Sinkhorn(0.2, num_iters=2000, tol=1e-9)(problem)
    torch.testing.assert_close(out.plan, balanced.plan, rtol=0, atol=1e-4)
    assert out.converged.all()


@pytest.mark.parametrize('unit', [1e-12, 1e12])
def test_a_pair_is_the_same_alone_and_in_any_unit(unit):
    solver = UnbalancedSinkhorn(tol=1e-9)
    out = solver(LinearProblem(unit * COST, A, MORE * B))
    for i in (0, 7, 50):
        k, n = PAIRS[i].cost.shape
        alone = solver(
            LinearProblem(COST[i:i + 1, :k, :n], A[i:i + 1, :k], MORE * B[i:i + 1, :n]))
        torch.testing.assert_close(out.plan[i, :k, :n], alone.plan[0], rtol=0,
                                   atol=1e-10)
        assert out.plan[i].sum() == pytest.approx(float(alone.plan.sum()))
        assert out.regularized[i] / unit == pytest.approx(float(alone.regularized))


def test_forbidden_pairs_get_no_mass_and_a_node_without_others_moves_none():
    cost = COST[:20].clone()
    cost[:, 0] = torch.inf
    out = UnbalancedSinkhorn()(LinearProblem(cost, A[:20], B[:20]))
    assert out.converged.all() and (out.plan[:, 0] == 0).all()
    rest = UnbalancedSinkhorn()(LinearProblem(cost[:, 1:], A[:20, 1:], B[:20]))
    torch.testing.assert_close(out.plan[:, 1:], rest.plan, rtol=0, atol=1e-6)
    strict = UnbalancedSinkhorn(rho_s=None)(LinearProblem(cost, A[:20], B[:20]))
    assert not strict.converged.any()


@pytest.mark.parametrize('gradient', ['envelope', 'unroll'])
@pytest.mark.parametrize('rho_s, rho_t', [(0.5, 1.), (None, 0.5), (0.5, None),
                                          (None, 0.)])
def test_slopes_are_finite_differences(rho_s, rho_t, gradient):
    solver = UnbalancedSinkhorn(0.1, rho_s, rho_t, num_iters=2000, tol=1e-12,
                                gradient=gradient)
    cost, a, b = (x[:4].clone().requires_grad_() for x in (COST, A, B))
    value = solver(LinearProblem(cost, a, b)).regularized.sum()
    slopes = torch.autograd.grad(value, (cost, a, b))
    generator = torch.Generator().manual_seed(0)
    for k, (x, slope) in enumerate(zip((COST[:4], A[:4], B[:4]), slopes)):
        way = torch.randn(x.shape, generator=generator, dtype=x.dtype) * (x > 0)
        args = [COST[:4], A[:4], B[:4]]
        values = []
        for step in (1e-6, -1e-6):
            args[k] = x + step * way
            values.append(solver(LinearProblem(*args)).regularized.sum())
        expected = (values[0] - values[1]) / 2e-6
        torch.testing.assert_close((slope * way).sum(), expected, rtol=1e-5, atol=1e-6)


def test_too_few_iterations_are_not_called_converged():
    out = UnbalancedSinkhorn(0.01, 10., 10., num_iters=5)(LinearProblem(COST, A, B))
    assert not out.converged.all()


@pytest.mark.parametrize('options', [{
    'rho_s': -1.
}, {
    'rho_t': float('inf')
}, {
    'rho_s': None,
    'rho_t': None
}, {
    'epsilon': 0.
}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match='Expected'):
        UnbalancedSinkhorn(**options)
