r"""The inner loop of every solver: rows and columns are scaled to the marginals."""
from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.kernels import Kernels
from eega_pyg.ot.log_domain import LogDomain
from eega_pyg.ot.marginals import Marginals
from eega_pyg.ot.tracking import is_tracked

GRADIENTS = ('envelope', 'unroll')


class Projection(NamedTuple):
    r"""Logarithmic scalings of a plan :math:`\exp(s_{ij} + u_i + v_j)`, and how far its
    row sums are from the marginal (its column sums meet theirs)."""
    u: Tensor
    v: Tensor
    iterations: Tensor
    error: Tensor
    converged: Tensor


def check_options(epsilon: float, tol: float, gradient: str, num_iters: int,
                  check_every: int, inner_iters: int = 1) -> None:
    r"""Refuses options that no solver can work with."""
    if not 0 < epsilon < float('inf'):
        raise ValueError(f"Expected a positive, finite 'epsilon' (got '{epsilon}')")
    if not tol >= 0:
        raise ValueError(f"Expected 'tol' >= 0 (got '{tol}')")
    if gradient not in GRADIENTS:
        raise ValueError(f"Expected 'gradient' in {GRADIENTS} (got '{gradient}')")
    if num_iters < 0 or inner_iters < 1 or check_every < 1:
        raise ValueError(f"Expected 'num_iters' >= 0, and 'inner_iters' and "
                         f"'check_every' >= 1 (got '{num_iters}', '{inner_iters}' and "
                         f"'{check_every}')")


def check_prices(rho_s: Optional[float], rho_t: Optional[float], instead: str) -> None:
    r"""Refuses prices of marginals that are out of range, or both missing."""
    for name, rho in (('rho_s', rho_s), ('rho_t', rho_t)):
        if rho is not None and not 0 <= rho < float('inf'):
            raise ValueError(f"Expected '{name}' >= 0, or None for a marginal that has "
                             f"to be met (got '{rho}')")
    if rho_s is None and rho_t is None:
        raise ValueError(f"Expected a price for one side at least: where both "
                         f"marginals have to be met, {instead}")


def round_plan(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""A plan close by that meets its marginals: rows and columns with too much are
    scaled down, what is then missing is spread over the product of the gaps
    (Altschuler *et al.*, *"Near-linear Time Approximation Algorithms for Optimal
    Transport via Sinkhorn Iteration"*, 2017)."""
    row = plan.sum(2)
    row = torch.where(row > a, row, torch.where(a > 0, a, 1))
    plan = plan * (a / row)[:, :, None]
    column = plan.sum(1)
    column = torch.where(column > b, column, torch.where(b > 0, b, 1))
    plan = plan * (b / column)[:, None, :]
    gap_a, gap_b = (a - plan.sum(2)).clamp(min=0), (b - plan.sum(1)).clamp(min=0)
    missing = gap_b.sum(1)
    # What is missing by rounding has no direction to be spread in.
    missing = torch.where(missing > torch.finfo(b.dtype).eps * b.sum(1), missing,
                          torch.inf)[:, None]
    return plan + gap_a[:, :, None] * (gap_b / missing)[:, None, :]


def project(score: Tensor, marginals: Marginals, u: Tensor, v: Tensor, num_iters: int,
            tol: float, check_every: int, ties: bool = False) -> Projection:
    r"""Scales rows and columns of :math:`\exp(\mathbf{S})` in turn until they sum to
    the marginals (Sinkhorn's iterations), each pair of the batch on its own.

    A row or column without mass takes no part. Where a gradient is asked for, the
    iterations run in the log domain (:class:`LogDomain`), else on scaled kernels
    (:class:`Kernels`), which is several times faster: the same iterations with the
    same looks at the error, equal up to rounding.

    Args:
        score (torch.Tensor): The scores :math:`(B, n, m)`, finite everywhere.
        marginals (Marginals): The row and column sums.
        u (torch.Tensor): Where to start :math:`(B, n)`; :data:`LOG_ZERO` where there is
            no mass. The first iteration starts from :obj:`v` alone.
        v (torch.Tensor): Where to start :math:`(B, m)`.
        num_iters (int): At most so many iterations.
        tol (float): A pair stops once its marginal error
            :math:`{\|\mathbf{T}\mathbf{1} - \mathbf{a}\|}_1`, relative to its mass, is
            not above this.
        check_every (int): Iterations between two looks at the error.
        ties (bool, optional): Whether equal rows, and equal columns, get scalings that
            are equal to the last bit. (default: :obj:`False`)
    """
    tracked = is_tracked(score, u, v, *marginals)
    options = u, v, num_iters, tol, check_every
    if tracked or torch.compiler.is_compiling():
        out = _iterate(LogDomain(score, marginals, v), marginals, *options)
    else:
        with torch.no_grad():
            out = _iterate(Kernels(score, marginals, v, ties), marginals, *options)
    u, v, iterations, error = out
    return Projection(u, v, iterations, error, error <= tol)


def _iterate(state: Union[LogDomain,
                          Kernels], marginals: Marginals, u: Tensor, v: Tensor,
             num_iters: int, tol: float, check_every: int) -> Tuple[Tensor, ...]:
    error = torch.full_like(marginals.mass, float('inf'))
    iterations = torch.zeros_like(error, dtype=torch.long)
    # The pairs that go on (None: all).
    part: Optional[Tensor] = None
    done = 0
    while done < num_iters:
        steps = min(check_every, num_iters - done)
        done += steps
        some_error = state.iterate(steps)
        going: Optional[Tensor] = None
        if done < num_iters:
            going = (some_error > tol).nonzero().flatten()
            if going.numel() == some_error.numel() > 0:
                continue
        some_u, some_v = state.scalings()
        if part is None:
            u, v, error = some_u, some_v, some_error
            iterations.fill_(done)
        else:
            u, v = u.index_copy(0, part, some_u), v.index_copy(0, part, some_v)
            error = error.index_copy(0, part, some_error)
            iterations.index_fill_(0, part, done)
        if going is None or going.numel() == 0:
            break
        # A pair that has converged stays as it is, whatever its batch still does.
        part = going if part is None else part[going]
        state = state.select(going)
    return u, v, iterations, error
