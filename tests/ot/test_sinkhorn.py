import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases

from eega_pyg.ot import (
    LinearProblem,
    MirrorDescent,
    ProximalPoint,
    Sinkhorn,
    UnbalancedSinkhorn,
    exact_wasserstein,
    linear_problem,
    quadratic_problem,
    sinkhorn,
)

PAIRS = cases(210)
COST, _, _, A, B = batched(PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize('epsilon', [0.05, 0.1, 0.5])
def test_plans_and_values_are_those_of_pot(epsilon: float) -> None:
    out = sinkhorn(COST, A, B, epsilon=epsilon, relative=False, num_iters=20000,
                   tol=1e-12)
    assert out.converged.all()
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        plan = ot.sinkhorn(pair.a, pair.b, pair.cost, epsilon, numItermax=20000,
                           stopThr=1e-12)
        np.testing.assert_allclose(out.plan[i, :k, :n], plan, rtol=0, atol=1e-8)
        np.testing.assert_allclose(out.linear[i], (plan * pair.cost).sum(), rtol=0,
                                   atol=1e-8)
        kl = (plan * np.log(plan / np.outer(pair.a, pair.b))).sum()
        np.testing.assert_allclose(out.regularized[i],
                                   (plan * pair.cost).sum() + epsilon * kl, rtol=0,
                                   atol=1e-8)


def test_potentials_make_the_plan() -> None:
    out = sinkhorn(COST, A, B, epsilon=0.1, relative=False, tol=1e-10)
    inside = (A[:, :, None] > 0) & (B[:, None, :] > 0)
    score = out.potential_s[:, :, None] + out.potential_t[:, None, :] - COST
    plan = A[:, :, None] * B[:, None, :] * (score / 0.1).exp()
    torch.testing.assert_close(out.plan, torch.where(inside, plan, 0), rtol=1e-9,
                               atol=1e-12)


def test_relative_strength_is_in_units_of_the_mean_cost() -> None:
    mean = torch.einsum('bi,bij,bj->b', A, COST, B)
    out = sinkhorn(COST, A, B, epsilon=0.2, tol=1e-10)
    for i in (0, 7, 31):
        alone = sinkhorn(COST[i:i + 1], A[i:i + 1], B[i:i + 1],
                         epsilon=0.2 * float(mean[i]), relative=False, tol=1e-10)
        torch.testing.assert_close(out.plan[i:i + 1], alone.plan, rtol=0, atol=1e-12)
    scaled = sinkhorn(1e6 * COST, A, B, epsilon=0.2, tol=1e-10)
    torch.testing.assert_close(out.plan, scaled.plan, rtol=0, atol=1e-11)


def test_a_start_at_the_solution_takes_one_look() -> None:
    out = sinkhorn(COST, A, B, epsilon=0.05, num_iters=20000, tol=1e-9)
    again = sinkhorn(COST, A, B, epsilon=0.05, num_iters=20000, tol=1e-9,
                     potentials=(out.potential_s, out.potential_t))
    assert out.iterations.max() > 100
    assert again.iterations.max() == 10
    torch.testing.assert_close(out.plan, again.plan, rtol=0, atol=1e-8)


def test_scaling_leads_to_the_same_plan() -> None:
    plain = sinkhorn(COST[:60], A[:60], B[:60], epsilon=0.02, num_iters=50000,
                     tol=1e-11)
    scaled = sinkhorn(COST[:60], A[:60], B[:60], epsilon=0.02, num_iters=50000,
                      tol=1e-11, scaling=0.5)
    assert plain.converged.all() and scaled.converged.all()
    torch.testing.assert_close(plain.plan, scaled.plan, rtol=0, atol=1e-8)


def test_what_did_not_converge_says_so() -> None:
    out = sinkhorn(COST, A, B, epsilon=0.05, num_iters=10, tol=1e-9)
    error = (out.plan.sum(2) - A).abs().sum(1) + (out.plan.sum(1) - B).abs().sum(1)
    torch.testing.assert_close(out.marginal_error, error, rtol=1e-6, atol=1e-12)
    assert out.converged.any() and not out.converged.all()
    assert (out.converged == (error <= 1e-9)).all()


def test_a_small_strength_comes_near_the_exact_distance() -> None:
    out = sinkhorn(COST, A, B, epsilon=0.005, num_iters=5000, tol=1e-4, scaling=0.5)
    exact = exact_wasserstein(COST, A, B)
    assert (out.linear - exact.linear).abs().max() < 2e-3


def test_padding_may_hold_anything() -> None:
    mask_s, mask_t = A > 0, B > 0
    dirty, _, _, _, _ = batched(PAIRS, fill=float('nan'))
    clean = sinkhorn(COST, mask_s=mask_s, mask_t=mask_t)
    out = sinkhorn(dirty, mask_s=mask_s, mask_t=mask_t)
    for x, y in zip(out, clean):
        torch.testing.assert_close(x, y, rtol=0, atol=0)
    for i in (3, 50):
        k, n = PAIRS[i].cost.shape
        alone = sinkhorn(torch.as_tensor(PAIRS[i].cost))
        torch.testing.assert_close(out.plan[i, :k, :n], alone.plan[0], rtol=0,
                                   atol=1e-12)


def test_a_node_without_mass_changes_nothing() -> None:
    pair = PAIRS[1]
    cost, a = torch.as_tensor(pair.cost), torch.as_tensor(pair.a)
    more = torch.cat([cost[:1] * 0 + 0.3, cost, cost[:1] * 5])
    zero = a.new_zeros(1)
    b = torch.as_tensor(pair.b)
    out = sinkhorn(more, torch.cat([zero, a, zero]), b, epsilon=0.1)
    alone = sinkhorn(cost, a, b, epsilon=0.1)
    torch.testing.assert_close(out.plan[:, 1:-1], alone.plan, rtol=0, atol=1e-12)
    assert out.plan[:, 0].abs().sum() + out.plan[:, -1].abs().sum() == 0
    torch.testing.assert_close(out.regularized, alone.regularized)


def test_mass_need_not_be_one() -> None:
    one = sinkhorn(COST[:9], A[:9], B[:9], tol=1e-10)
    three = sinkhorn(COST[:9], 3 * A[:9], 3 * B[:9], tol=1e-10)
    torch.testing.assert_close(three.plan, 3 * one.plan)
    torch.testing.assert_close(three.marginal_error, one.marginal_error)


@pytest.mark.parametrize('change, message', [
    (lambda a: 2 * a, 'same total mass .* in pair 0'),
    (lambda a: torch.where(a > a.amax(1, keepdim=True) * 0.99, -a, a), 'finite masses'),
    (lambda a: a * float('nan'), 'finite masses'),
    (lambda a: a[:, :3], 'of shape'),
])
def test_bad_masses_are_named(change, message: str) -> None:  # type: ignore
    with pytest.raises(ValueError, match=message):
        sinkhorn(COST, change(A), B)


@pytest.mark.parametrize('options, message', [
    ({
        'epsilon': 0.
    }, 'positive'),
    ({
        'epsilon': float('inf')
    }, 'finite'),
    ({
        'scaling': 1.
    }, 'scaling'),
    ({
        'gradient': 'exact'
    }, 'gradient'),
    ({
        'num_iters': -1
    }, 'num_iters'),
    ({
        'check_every': 0
    }, 'check_every'),
    ({
        'mask_s': A[:, :2] > 0
    }, 'mask of shape'),
    ({
        'mask_t': B
    }, 'torch.bool'),
    ({
        'potentials': (B, B)
    }, 'potentials of shape'),
])
def test_bad_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sinkhorn(COST, A, B, **options)


@pytest.mark.parametrize('shape', [(3, ), (2, 0, 3), (1, 2, 3, 4)])
def test_bad_costs_are_named(shape: tuple) -> None:
    with pytest.raises(ValueError, match='costs of shape'):
        sinkhorn(torch.zeros(shape))


def test_what_is_not_finite_has_not_converged_and_harms_no_other_pair() -> None:
    for bad in (float('nan'), -float('inf')):
        cost = COST[:3].clone()
        cost[1, 0, 0] = bad
        for relative in (False, True):
            out = sinkhorn(cost, A[:3], B[:3], relative=relative)
            clean = sinkhorn(COST[:3], A[:3], B[:3], relative=relative)
            assert out.converged.tolist() == [True, False, True]
            assert torch.equal(out.plan[[0, 2]], clean.plan[[0, 2]])


def test_features_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match='features of shapes'):
        linear_problem(torch.ones(3, 4), torch.ones(2, 5))


@pytest.mark.parametrize('solver', [Sinkhorn(), ProximalPoint(), UnbalancedSinkhorn()])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.int64])
def test_problems_made_by_hand_are_in_single_precision_or_more(solver, dtype) -> None:
    with pytest.raises(ValueError, match="'float32' or 'float64'"):
        solver(LinearProblem(COST.to(dtype), A.to(dtype), B.to(dtype)))


@pytest.mark.parametrize('forbidden', [False, True])
@pytest.mark.parametrize('solver', [Sinkhorn(), ProximalPoint(), UnbalancedSinkhorn()])
@pytest.mark.parametrize('mass', [[.6, .6, -.2], [.5, .5, float('nan')], [1., 1., 1.]])
def test_with_masses_that_are_none_nothing_has_converged(solver, mass,
                                                         forbidden) -> None:
    cost = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0))
    if forbidden:
        cost[0, 0, 1] = torch.inf
    good = torch.full((3, ), 1 / 3)
    out = solver(
        LinearProblem(cost, torch.stack([torch.tensor(mass), good]),
                      torch.stack([good, good])))
    free = mass[2] == 1 and isinstance(solver, UnbalancedSinkhorn)
    assert out.converged.tolist() == [free, True]


def test_half_precision_is_refused() -> None:
    with pytest.raises(ValueError, match='float32'):
        sinkhorn(COST.half())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_features_of_half_a_precision_are_taken_in_single_precision(dtype) -> None:
    x, y = torch.randn(2, 6, 4).to(dtype)
    half, single = linear_problem(x, y), linear_problem(x.float(), y.float())
    assert all(torch.equal(p, q) for p, q in zip(half, single))
    assert half.cost.dtype == torch.float32
    edges = torch.tensor([[0, 1], [1, 2]])
    problem = quadratic_problem(edges, x[0, :2], edges, y[0, :2])
    assert MirrorDescent()(problem).quadratic.dtype == torch.float32
