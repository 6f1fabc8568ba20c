from typing import Tuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from eega_pyg.ot.log_domain import log_plan
from eega_pyg.ot.marginals import LOG_ZERO, Marginals, with_logarithms
from eega_pyg.ot.projection import Projection, project

SIZES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 14)), min_size=1,
                 max_size=4)


def problem(sizes: list, seed: int, epsilon: float, top: float, power: int,
            forbidden: float, empty: float, mass: float) -> Tuple[Tensor, ...]:
    r"""Scores and masses of pairs of these sizes; the higher the power, the further
    apart are the masses."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    shape = len(sizes), max(n for n, _ in sizes), max(m for _, m in sizes)
    score = (-top / epsilon) * random(*shape)
    # Along one row and one column nothing is forbidden, so that a plan may exist.
    bad = random(*shape) < forbidden
    bad[:, 0], bad[:, :, 0] = False, False
    sides = []
    for side in (0, 1):
        x = (random(shape[0], shape[1 + side]) + 0.05)**power
        for i, pair in enumerate(sizes):
            x[i, pair[side]:] = 0
        x[:, 1:][random(*x[:, 1:].shape) < empty] = 0
        sides.append(mass * x / x.sum(1, keepdim=True))
    inside = (sides[0] > 0)[:, :, None] & (sides[1] > 0)[:, None, :]
    score = torch.where(inside, torch.where(bad, LOG_ZERO, score), 0)
    return score, sides[0], sides[1]


def solve(score: Tensor, marginals: Marginals, num_iters: int, tol: float,
          check_every: int, ties: bool = False) -> Projection:
    return project(score, marginals, marginals.log_a, marginals.log_b, num_iters, tol,
                   check_every, ties)


def in_log_domain(score: Tensor, *args: object) -> Projection:
    # What a gradient is asked for is iterated there.
    return solve(score.clone().requires_grad_(), *args)  # type: ignore[arg-type]


def plan(score: Tensor, marginals: Marginals, fit: Projection) -> Tensor:
    return (log_plan(score, fit.u, fit.v).detach().double().exp() /
            marginals.mass[:, None, None])


def rounding(score: Tensor, marginals: Marginals, fit: Projection) -> Tensor:
    r"""What a plan's sum over all its entries is uncertain by: its logarithms are sums
    of numbers of this size, rounded, and its rows and columns sums of so many."""
    size = torch.where(score > LOG_ZERO / 2, score, 0).abs().amax((1, 2))
    for x, mass in ((fit.u, marginals.a), (fit.v, marginals.b)):
        size = size + torch.where(mass > 0, x.detach(), 0).abs().amax(1) + mass.size(1)
    return torch.finfo(score.dtype).eps * size.double()


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 2**31), st.floats(-3, 1), st.floats(-1, 3),
       st.sampled_from([1, 4, 12]), st.sampled_from([0., 0.3]),
       st.sampled_from([0., 0.3]), st.sampled_from([1e-6, 1., 1e6]),
       st.integers(1, 100), st.integers(1, 40), st.booleans(),
       st.sampled_from([torch.float32, torch.float64]))
def test_kernels_are_the_log_domain(sizes: list, seed: int, epsilon: float, top: float,
                                    power: int, forbidden: float, empty: float,
                                    mass: float, num_iters: int, check_every: int,
                                    ties: bool, dtype: torch.dtype) -> None:
    score, a, b = (x.to(dtype) for x in problem(sizes, seed, 10**epsilon, 10**top,
                                                power, forbidden, empty, mass))
    marginals = with_logarithms(a, b)
    # No error is below it: a pair whose sums are met to the last bit goes on too.
    options = num_iters, -1., check_every
    fast = solve(score, marginals, *options, ties)
    slow = in_log_domain(score, marginals, *options)
    # Rounding is the same in size, not in its bits.
    allowed = 4 * rounding(score, marginals, slow)
    gap = plan(score, marginals, fast) - plan(score, marginals, slow)
    assert (gap.abs().sum((1, 2)) <= allowed).all()
    assert ((fast.error - slow.error).abs().double() <= allowed).all()
    assert torch.equal(fast.iterations, slow.iterations)


@pytest.mark.parametrize('epsilon', [0.02, 0.05, 0.1])
def test_pairs_stop_where_they_do_in_the_log_domain(epsilon: float) -> None:
    sizes = [(3, 9), (8, 12), (1, 4), (9, 14), (5, 5), (2, 2)]
    score, a, b = problem(sizes, 0, epsilon, 1., 2, 0., 0.2, 1.)
    marginals = with_logarithms(a, b)
    fast = solve(score, marginals, 3000, 1e-6, 7)
    slow = in_log_domain(score, marginals, 3000, 1e-6, 7)
    assert fast.iterations.unique().numel() > 2
    assert torch.equal(fast.iterations, slow.iterations)
    assert torch.equal(fast.converged, slow.converged)
    for i in range(len(sizes)):
        alone = solve(score[i:i + 1], marginals.select(slice(i, i + 1)), 3000, 1e-6, 7)
        assert alone.iterations == fast.iterations[i]
        torch.testing.assert_close(alone.error[0], fast.error[i], rtol=1e-6, atol=1e-13)


def test_large_pairs_are_those_of_the_log_domain() -> None:
    # More than a core takes at a time: each pair goes on without its padding.
    sizes = [(300, 280), (40, 270), (290, 3)]
    score, a, b = (x.float() for x in problem(sizes, 0, 0.05, 1., 2, 0., 0.1, 1.))
    marginals = with_logarithms(a, b)
    slow = in_log_domain(score, marginals, 30, -1., 10)
    for ties in (False, True):
        fast = solve(score, marginals, 30, -1., 10, ties)
        gap = plan(score, marginals, fast) - plan(score, marginals, slow)
        assert (gap.abs().sum((1, 2)) <= 4 * rounding(score, marginals, slow)).all()


def test_equal_rows_and_columns_get_equal_scalings() -> None:
    score, a, b = (x.float()
                   for x in problem([(9, 14)] * 4, 1, 0.05, 1., 1, 0., 0., 1.))
    score[:, 7], score[:, :, 13] = score[:, 2], score[:, :, 0]
    a[:, 7], b[:, 13] = a[:, 2], b[:, 0]
    out = solve(score, with_logarithms(a, b), 100, 0., 10, ties=True)
    assert torch.equal(out.u[:, 7], out.u[:, 2])
    assert torch.equal(out.v[:, 13], out.v[:, 0])
