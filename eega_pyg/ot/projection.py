r"""The inner loop of every solver: rows and columns are scaled to the marginals."""
import math
from typing import Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

#: Stands for the logarithm of zero: finite, so that nothing turns into NaN, and so low
#: that its exponential is exactly zero.
LOG_ZERO = -1e30
LOG2_E = math.log2(math.e)

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


def log_marginal(a: Tensor) -> Tensor:
    r"""The logarithm of a marginal; :data:`LOG_ZERO` where there is no mass."""
    positive = a > 0
    return torch.where(positive, torch.where(positive, a, 1).log(), LOG_ZERO)


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


def project(score: Tensor, a: Tensor, b: Tensor, u: Optional[Tensor] = None,
            v: Optional[Tensor] = None, num_iters: int = 100, tol: float = 1e-6,
            check_every: int = 10) -> Projection:
    r"""Scales rows and columns of :math:`\exp(\mathbf{S})` in turn until they sum to
    the marginals (Sinkhorn's iterations), each pair of the batch on its own.

    A row or column without mass takes no part. Where a gradient is asked for, the
    iterations run in the log domain; else blocks of them run on the scaled kernel,
    which is several times faster and gives the same numbers.

    Args:
        score (torch.Tensor): The scores :math:`(B, n, m)`, finite everywhere.
        a (torch.Tensor): The row sums :math:`(B, n)`.
        b (torch.Tensor): The column sums :math:`(B, m)`.
        u (torch.Tensor, optional): Where to start :math:`(B, n)`.
            (default: the logarithm of the marginal)
        v (torch.Tensor, optional): Where to start :math:`(B, m)`.
            (default: the logarithm of the marginal)
        num_iters (int, optional): At most so many iterations. (default: :obj:`100`)
        tol (float, optional): A pair stops once its marginal error
            :math:`{\|\mathbf{T}\mathbf{1} - \mathbf{a}\|}_1`, relative to its mass, is
            not above this. (default: :obj:`1e-6`)
        check_every (int, optional): Iterations between two looks at the error.
            (default: :obj:`10`)
    """
    log_a, log_b = log_marginal(a), log_marginal(b)
    u = log_a if u is None else torch.where(a > 0, u, LOG_ZERO)
    v = log_b if v is None else torch.where(b > 0, v, LOG_ZERO)
    mass = a.detach().sum(1)
    mass = torch.where(mass > 0, mass, 1)
    tracked = torch.is_grad_enabled() and any(x.requires_grad
                                              for x in (score, a, b, u, v))
    block: Callable[..., Block] = _log_block if tracked else _kernel_block

    iterations = torch.zeros_like(mass, dtype=torch.long)
    error = torch.full_like(mass, float('inf'))
    part = torch.arange(mass.numel(), device=mass.device)
    rest: Tuple[Tensor, ...] = (score, a, b, log_a, log_b, v)
    done = 0
    while done < num_iters:
        steps = min(check_every, num_iters - done)
        done += steps
        new_u, new_v, new_error = block(*rest, steps)
        new_error = new_error / mass[part]
        u, v = u.index_copy(0, part, new_u), v.index_copy(0, part, new_v)
        error = error.index_copy(0, part, new_error)
        iterations = iterations.index_fill(0, part, done)
        if done == num_iters:
            break
        # A pair that has converged stays as it is, whatever its batch still does.
        active = new_error > tol
        count = int(active.sum())
        if count == 0:
            break
        rest = (*rest[:-1], new_v)
        if count < part.numel():
            part, rest = part[active], tuple(x[active] for x in rest)
    return Projection(u, v, iterations, error, error <= tol)


def _log_step(score: Tensor, log_a: Tensor, log_b: Tensor,
              v: Tensor) -> Tuple[Tensor, Tensor]:
    u = log_a - logsumexp(score + v[:, None, :], dim=2)
    return u, log_b - logsumexp(score + u[:, :, None], dim=1)


def _log_block(score: Tensor, a: Tensor, b: Tensor, log_a: Tensor, log_b: Tensor,
               v: Tensor, steps: int) -> Block:
    for _ in range(steps):
        u, v = _log_step(score, log_a, log_b, v)
    with torch.no_grad():
        row = fast_exp(log_plan(score, u, v)).sum(2)
        return u, v, (row - a).abs().sum(1)


def _kernel_block(score: Tensor, a: Tensor, b: Tensor, log_a: Tensor, log_b: Tensor,
                  v: Tensor, steps: int) -> Block:
    r"""One iteration in the log domain, the others on the kernel it has scaled (after
    Schmitzer, *"Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport
    Problems"*, 2019). A pair whose scalings grow so large that entries lost to
    underflow could matter does the block in the log domain instead."""
    u, v = _log_step(score, log_a, log_b, v)
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
    error = torch.where(a > 0, row - a, 0).abs().sum(1)
    log_x = torch.where(a > 0, x, 1).log()
    log_y = torch.where(b > 0, y, 1).log()
    new_u, new_v = u + log_x, v + log_y

    stable = torch.maximum(log_x.abs().amax(1), log_y.abs().amax(1)) < limit
    if steps > 1 and not bool(stable.all()):
        slow_u, slow_v, slow_error = _log_block(score, a, b, log_a, log_b, v, steps - 1)
        new_u = torch.where(stable[:, None], new_u, slow_u)
        new_v = torch.where(stable[:, None], new_v, slow_v)
        error = torch.where(stable, error, slow_error)
    return new_u, new_v, error
