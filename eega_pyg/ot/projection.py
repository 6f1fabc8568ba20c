r"""The inner loop of every solver: rows and columns are scaled to the marginals."""
import math
from typing import Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.marginals import Marginals

LOG2_E = math.log2(math.e)

GRADIENTS = ('envelope', 'unroll')

#: Entries of the kernel that an iteration takes at a time: what a core's cache holds.
CACHE = 2**17

#: Scalings after a block of iterations, and the error of the row sums.
Block = Tuple[Tensor, Tensor, Tensor]


class Projection(NamedTuple):
    r"""Logarithmic scalings of a plan :math:`\exp(s_{ij} + u_i + v_j)`, and how far its
    row sums are from the marginal (its column sums meet theirs)."""
    u: Tensor
    v: Tensor
    iterations: Tensor
    error: Tensor
    converged: Tensor


def fast_exp(x: Tensor) -> Tensor:
    r"""The exponential. Where it underflows, as it does in padding, :func:`torch.exp`
    takes a path that is ten times slower than that of :func:`torch.exp2`."""
    return (x * LOG2_E).exp2()


def logsumexp(x: Tensor, dim: int) -> Tensor:
    r"""The logarithm of a sum of exponentials of finite numbers."""
    top = x.detach().amax(dim, keepdim=True)
    return fast_exp(x - top).sum(dim).log() + top.squeeze(dim)


def log_plan(score: Tensor, u: Tensor, v: Tensor) -> Tensor:
    r"""The logarithm :math:`s_{ij} + u_i + v_j` of a scaled plan."""
    return score + u[:, :, None] + v[:, None, :]


def check_options(epsilon: float, tol: float, gradient: str, num_iters: int,
                  check_every: int, inner_iters: int = 1) -> None:
    r"""Refuses options that no solver can work with."""
    if not epsilon > 0:
        raise ValueError(f"Expected a positive 'epsilon' (got '{epsilon}')")
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
            tol: float, check_every: int) -> Projection:
    r"""Scales rows and columns of :math:`\exp(\mathbf{S})` in turn until they sum to
    the marginals (Sinkhorn's iterations), each pair of the batch on its own.

    A row or column without mass takes no part. Where a gradient is asked for, the
    iterations run in the log domain; else blocks of them run on the scaled kernel,
    which is several times faster and gives the same numbers.

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
    """
    tracked = torch.is_grad_enabled() and any(x.requires_grad
                                              for x in (score, u, v, *marginals))
    block: Callable[..., Block] = _log_block if tracked else _kernel_block

    error = torch.full_like(marginals.mass, float('inf'))
    iterations = torch.zeros_like(error, dtype=torch.long)
    part, rest, some_v = None, marginals, v
    done = 0
    while done < num_iters:
        steps = min(check_every, num_iters - done)
        done += steps
        some_u, some_v, some_error = block(score, rest, some_v, steps)
        some_error = some_error / rest.mass
        if part is None:
            u, v, error = some_u, some_v, some_error
            iterations.fill_(done)
        else:
            u, v = u.index_copy(0, part, some_u), v.index_copy(0, part, some_v)
            error = error.index_copy(0, part, some_error)
            iterations.index_fill_(0, part, done)
        if done == num_iters:
            break
        # A pair that has converged stays as it is, whatever its batch still does.
        going = (some_error > tol).nonzero().flatten()
        if going.numel() == 0:
            break
        if going.numel() < some_error.numel():
            part = going if part is None else part[going]
            score, some_v, rest = score[going], some_v[going], rest.select(going)
    return Projection(u, v, iterations, error, error <= tol)


def _log_step(score: Tensor, marginals: Marginals, v: Tensor) -> Tuple[Tensor, Tensor]:
    u = marginals.log_a - logsumexp(score + v[:, None, :], dim=2)
    return u, marginals.log_b - logsumexp(score + u[:, :, None], dim=1)


def _log_block(score: Tensor, marginals: Marginals, v: Tensor, steps: int) -> Block:
    for _ in range(steps):
        u, v = _log_step(score, marginals, v)
    with torch.no_grad():
        row = fast_exp(log_plan(score, u, v)).sum(2)
        return u, v, (row - marginals.a).abs().sum(1)


def _kernel_block(score: Tensor, marginals: Marginals, v: Tensor, steps: int) -> Block:
    r"""One iteration in the log domain, the others on the kernel it has scaled (after
    Schmitzer, *"Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport
    Problems"*, 2019). A pair whose scalings grow so large that entries lost to
    underflow could matter does the block in the log domain instead."""
    a, b = marginals.a, marginals.b
    u, v = _log_step(score, marginals, v)
    # The smallest entry is too small to count, but keeps rows without mass from 0 / 0.
    tiny, limit = (1e-30, 20.) if score.dtype == torch.float32 else (1e-200, 200.)
    kernel = fast_exp(log_plan(score, u, v)) + tiny
    x, y = torch.ones_like(a), torch.ones_like(b)
    y_row = y[:, None, :]
    # Row by row in parts that stay in the cache, and not as a matrix product: that one
    # rounds a row otherwise than another, and Gromov-Wasserstein makes a difference
    # between two equal nodes of any rounding.
    size = min(max(CACHE // max(y.numel(), 1), 1), max(a.size(1), 1))
    buffer = kernel.new_empty(kernel.size(0), size, kernel.size(2))
    parts = [(k, r, r[:, :, None], buffer[:, :k.size(1)])
             for k, r in zip(kernel.split(size, dim=1), x.split(size, dim=1))]
    for _ in range(steps - 1):
        for part, rows, _, out in parts:
            torch.sum(torch.mul(part, y_row, out=out), 2, out=rows)
        torch.div(a, x, out=x)
        for k, (part, _, column, out) in enumerate(parts):
            torch.mul(part, column, out=out)
            if k == 0:
                torch.sum(out, 1, out=y)
            else:
                y.add_(out.sum(1))
        torch.div(b, y, out=y)
    row = x * torch.cat([(part * y_row).sum(2) for part, _, _, _ in parts], dim=1)
    inside = a > 0
    error = torch.where(inside, row - a, 0).abs().sum(1)
    both = torch.cat([torch.where(inside, x, 1), torch.where(b > 0, y, 1)], 1).log()
    log_x, log_y = both.split([x.size(1), y.size(1)], 1)
    new_u, new_v = u + log_x, v + log_y

    stable = both.abs().amax(1) < limit
    if steps > 1 and not bool(stable.all()):
        slow_u, slow_v, slow_error = _log_block(score, marginals, v, steps - 1)
        new_u = torch.where(stable[:, None], new_u, slow_u)
        new_v = torch.where(stable[:, None], new_v, slow_v)
        error = torch.where(stable, error, slow_error)
    return new_u, new_v, error
