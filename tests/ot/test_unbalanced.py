import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases

from eega_pyg.ot import LinearProblem, Sinkhorn, UnbalancedSinkhorn
from eega_pyg.ot.penalties import L2Penalty

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


@pytest.mark.slow
@pytest.mark.parametrize('rho_s, rho_t', [(5., 5.), (0.3, 20.)])
def test_plans_with_squared_distances_are_those_of_pot(rho_s, rho_t):
    pairs = cases(120, seed=4, max_s=6, max_t=8)
    cost, _, _, a, b = batched(pairs)
    out = UnbalancedSinkhorn(0.1, rho_s, rho_t, relative=False, num_iters=5000,
                             tol=1e-10, penalty='l2')(LinearProblem(cost, a, MORE * b))
    assert out.converged.all()
    for i, pair in enumerate(pairs):
        k, n = pair.cost.shape
        plan = None
        # Where a mass underflows POT's solver stops: it starts anew from there.
        for _ in range(2):
            plan = ot.unbalanced.lbfgsb_unbalanced(
                pair.a, MORE * pair.b, pair.cost, 0.1, (rho_s, rho_t), reg_div='kl',
                regm_div='l2', G0=None if plan is None else plan.clip(min=1e-9))
        np.testing.assert_allclose(out.plan[i, :k, :n], plan, rtol=0, atol=2e-5)
        plan = plan.clip(min=1e-300)
        value = (plan *
                 pair.cost).sum() + 0.1 * kl(plan, np.outer(pair.a, MORE * pair.b))
        value += 0.5 * rho_s * ((plan.sum(1) - pair.a)**2).sum()
        value += 0.5 * rho_t * ((plan.sum(0) - MORE * pair.b)**2).sum()
        np.testing.assert_allclose(out.regularized[i], value, rtol=1e-6)


@pytest.mark.parametrize('rho_s, rho_t', [(0.01, 1e5), (30., 30.), (100., None)])
def test_with_squared_distances_slopes_of_the_objective_are_zero(rho_s, rho_t):
    out = UnbalancedSinkhorn(0.05, rho_s, rho_t, relative=False, num_iters=20000,
                             tol=1e-7, penalty='l2')(LinearProblem(COST, A, B))
    assert out.converged.all()
    inside = (A > 0)[:, :, None] & (B > 0)[:, None, :]
    slope = COST + 0.05 * (out.plan / (A[:, :, None] * B[:, None, :])).log()
    slope = slope + rho_s * (out.plan.sum(2) - A)[:, :, None]
    if rho_t is None:
        slope = slope - out.potential_t[:, None, :]
        torch.testing.assert_close(out.plan.sum(1), B)
    else:
        slope = slope + rho_t * (out.plan.sum(1) - B)[:, None, :]
    assert slope[inside].abs().max() < 1e-6


def test_roots_of_squared_distances_are_exact_for_all_prices():
    for dtype in (torch.float32, torch.float64):
        size = torch.logspace(-6, 4, 60, dtype=dtype)
        total = torch.cat([-size, size, size[:1] * 0])[:, None]
        mass = torch.logspace(-10, 10, 101, dtype=dtype).expand(total.size(0), -1)
        f = L2Penalty(1.).potential(total.expand_as(mass), mass)
        # In logarithms, which no price is too high for.
        unit = 1 + mass + total.abs()
        moved = (mass.log() + f + total).exp()
        bound = 20 * torch.finfo(dtype).eps * unit * (1 + moved)
        assert ((f + moved - mass).abs() <= bound).all()


@pytest.mark.parametrize('rho', [0., 0.5])
def test_where_one_side_is_free_its_nodes_go_where_it_is_cheap(rho):
    out = UnbalancedSinkhorn(0.05, None, 0., tol=1e-9)(LinearProblem(COST, A, B))
    unit = torch.einsum('bi,bij,bj->b', A, COST, B)
    score = torch.where(B[:, None] > 0, -COST / (0.05 * unit[:, None, None]),
                        -torch.inf)
    weight = (score + B.clamp(min=1e-300).log()[:, None]).softmax(2)
    torch.testing.assert_close(out.plan, A[:, :, None] * weight, rtol=1e-6, atol=1e-9)
    assert out.converged.all()


@pytest.mark.parametrize('penalty, rho', [('kl', 1e4), ('l2', 1e5)])
@pytest.mark.parametrize('met', [False, True])
def test_at_a_high_price_it_is_the_balanced_problem(penalty, rho, met):
    problem = LinearProblem(COST[:30], A[:30], B[:30])
    out = UnbalancedSinkhorn(0.2, rho, None if met else rho, num_iters=4000, tol=1e-4,
                             penalty=penalty)(problem)
    balanced = Sinkhorn(0.2, num_iters=2000, tol=1e-9)(problem)
    torch.testing.assert_close(out.plan, balanced.plan, rtol=0, atol=1e-4)
    assert out.converged.all()


@pytest.mark.parametrize('penalty', ['kl', 'l2'])
@pytest.mark.parametrize('unit', [1e-12, 1e12])
def test_a_pair_is_the_same_alone_and_in_any_unit(unit, penalty):
    solver = UnbalancedSinkhorn(tol=1e-9, penalty=penalty)
    out = solver(LinearProblem(unit * COST, A, MORE * B))
    for i in (0, 7, 50):
        k, n = PAIRS[i].cost.shape
        alone = solver(
            LinearProblem(COST[i:i + 1, :k, :n], A[i:i + 1, :k], MORE * B[i:i + 1, :n]))
        torch.testing.assert_close(out.plan[i, :k, :n], alone.plan[0], rtol=0,
                                   atol=1e-10)
        assert out.plan[i].sum() == pytest.approx(float(alone.plan.sum()))
        assert out.regularized[i] / unit == pytest.approx(float(alone.regularized))


@pytest.mark.parametrize('penalty', ['kl', 'l2'])
def test_forbidden_pairs_get_no_mass_and_a_node_without_others_moves_none(penalty):
    cost = COST[:20].clone()
    cost[:, 0] = torch.inf
    solver = UnbalancedSinkhorn(penalty=penalty)
    out = solver(LinearProblem(cost, A[:20], B[:20]))
    assert out.converged.all() and (out.plan[:, 0] == 0).all()
    rest = solver(LinearProblem(cost[:, 1:], A[:20, 1:], B[:20]))
    torch.testing.assert_close(out.plan[:, 1:], rest.plan, rtol=0, atol=1e-6)
    strict = UnbalancedSinkhorn(rho_s=None)(LinearProblem(cost, A[:20], B[:20]))
    assert not strict.converged.any()


@pytest.mark.parametrize('penalty', ['kl', 'l2'])
@pytest.mark.parametrize('gradient', ['envelope', 'unroll'])
@pytest.mark.parametrize('rho_s, rho_t', [(0.5, 1.), (None, 0.5), (0.5, None),
                                          (None, 0.)])
def test_slopes_are_finite_differences(rho_s, rho_t, gradient, penalty):
    solver = UnbalancedSinkhorn(0.1, rho_s, rho_t, num_iters=2000, tol=1e-12,
                                gradient=gradient, penalty=penalty)
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


@pytest.mark.parametrize('rho_s, rho_t', [(0.5, 1.), (None, 4.)])
def test_unrolled_squared_distances_pass_gradcheck(rho_s, rho_t):
    solver = UnbalancedSinkhorn(0.3, rho_s, rho_t, num_iters=4, tol=0.,
                                gradient='unroll', penalty='l2')

    def solve(cost, a, b):
        out = solver(LinearProblem(cost, a, b))
        return out.plan, out.linear, out.regularized, out.potential_s, out.potential_t

    cost, a, b = (x[:1].clone().requires_grad_()
                  for x in (COST[:, :3, :4], A[:, :3] + 0.1, B[:, :4] + 0.1))
    assert torch.autograd.gradcheck(solve, (cost, a, b))
    assert torch.autograd.gradgradcheck(lambda c: solve(c, a, b)[2], cost)


@pytest.mark.parametrize('penalty, rho', [('kl', 3.), ('l2', 10.)])
def test_what_is_called_converged_is_as_near_as_it_says(penalty, rho):
    problem = LinearProblem(COST, A, MORE * B)
    options = {'rho_s': rho, 'rho_t': rho, 'penalty': penalty}
    few = UnbalancedSinkhorn(0.02, num_iters=5, **options)(problem)
    assert not few.converged.all()
    end = UnbalancedSinkhorn(0.02, num_iters=5000, tol=1e-8, **options)(problem)
    out = UnbalancedSinkhorn(0.02, num_iters=5000, tol=1e-2, **options)(problem)
    assert end.converged.all() and out.converged.all()
    used = end.plan > 1e-200
    off = (out.plan[used].log() - end.plan[used].log()).abs()
    assert 1e-6 < off.max() < 2e-2


@pytest.mark.parametrize('options', [{
    'rho_s': -1.
}, {
    'rho_t': float('inf')
}, {
    'rho_s': None,
    'rho_t': None
}, {
    'epsilon': 0.
}, {
    'penalty': 'tv'
}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match='Expected'):
        UnbalancedSinkhorn(**options)
