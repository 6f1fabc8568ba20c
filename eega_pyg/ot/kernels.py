r"""Sinkhorn's iterations on scaled kernels: products instead of exponentials."""
import math
from typing import Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from eega_pyg.ot.log_domain import LOG2_E, LogDomain, log_plan
from eega_pyg.ot.marginals import Marginals

#: Entries of the kernels that a core takes at a time: what its cache holds.
CACHE = 2**16

#: So many threads of PyTorch beat one of NumPy on what is larger than that.
THREADS = 4


class Kernels:
    r"""Scalings of a batch of plans as factors of rows and columns (after Schmitzer,
    *"Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport Problems"*,
    2019)

    .. math::
        \exp(s_{ij} + u_i + v_j) = M \, x_i \, K_{ij} \, y_j, \quad K_{ij} = M \,
        \frac{\exp(s_{ij} + \bar{u}_i + \bar{v}_j)}{a_i b_j},

    where :math:`M` is the mass and :math:`\bar{u}, \bar{v}` are scalings from which
    :math:`x = a / M` and :math:`y = b / M` start. The first iteration, in the log
    domain, finds them. Where :math:`x` or :math:`y` has grown or shrunk much, they take
    it up and the kernel is made anew; where so much that an entry lost to underflow
    could matter, the iterations are done again in the log domain. That is decided for
    each pair. Whatever the masses are, a row of :math:`K \, \mathrm{diag}(y)` sums to
    about one, beside which a lost entry is less than a rounding.

    Args:
        score (torch.Tensor): The scores :math:`(B, n, m)`, finite everywhere.
        marginals (Marginals): The row and column sums.
        v (torch.Tensor): Where to start :math:`(B, m)`.
        ties (bool): Whether equal rows, and equal columns, are rounded alike.
    """
    def __init__(self, score: Tensor, marginals: Marginals, v: Tensor, ties: bool):
        self.marginals, self.ties = marginals, ties
        self.score, self.v = score, v
        self.u: Optional[Tensor] = None
        # An entry at the floor, scaled up as far as the limit allows on both sides, is
        # 5e-13, and 5e-27 in double precision. It keeps rows without mass from 0 / 0.
        self.floor, self.limit = ((1e-30, 20.) if score.dtype == torch.float32 else
                                  (1e-200, 200.))
        share = torch.cat([marginals.a, marginals.b], 1) / marginals.mass[:, None]
        self.inside = share > 0
        self.share, self.factor = share, share.clone()

    def iterate(self, steps: int) -> Tensor:
        r"""Does some iterations and returns the error of the row sums, relative to the
        mass :math:`(B)`."""
        last: Optional[Tensor] = None
        if self.u is None:
            first = LogDomain(self.score, self.marginals, self.v)
            first.step()
            last = self.v
            self.u, self.v = first.scalings()
            self.kernel = self._kernel(self.score, self.u, self.v, self.marginals)
            row = self._scale(steps - 1)
        else:
            before = self.factor.clone()
            row = self._scale(steps)
        n = row.size(1)
        error = (self.factor[:, :n] * row - self.share[:, :n]).masked_fill_(
            ~self.inside[:, :n], 0).abs_().sum(1)
        growth, limit = self._growth(self.factor), math.exp(self.limit / 2)
        # What is not a number is not within the limits either.
        if not bool(((growth > 1 / limit) & (growth < limit)).all()):
            if last is None:
                last = self.v + self._growth(before)[:, n:].log()
            self._absorb(last, steps, error)
        return error

    def scalings(self) -> Tuple[Tensor, Tensor]:
        r"""The logarithms of what rows and columns are scaled with."""
        assert self.u is not None
        log_x, log_y = self._growth(self.factor).log_().split_with_sizes(
            [self.u.size(1), self.v.size(1)], 1)
        return self.u + log_x, self.v + log_y

    def select(self, pairs: Tensor) -> 'Kernels':
        r"""The same for some pairs."""
        assert self.u is not None
        out = Kernels(self.score[pairs], self.marginals.select(pairs), self.v[pairs],
                      self.ties)
        out.u, out.kernel = self.u[pairs], self.kernel[pairs]
        out.factor = self.factor[pairs]
        return out

    def _growth(self, factor: Tensor) -> Tensor:
        r"""What rows and columns are scaled with since the kernel was made."""
        return (factor / self.share).masked_fill_(~self.inside, 1)

    def _kernel(self, score: Tensor, u: Tensor, v: Tensor,
                marginals: Marginals) -> Tensor:
        a, b, log_a, log_b, mass = marginals
        # As whoever takes the result will add up, so that what is rounded here is
        # made good by the next scaling.
        out = log_plan(score, u, v)
        share_a = (log_a - mass.log()[:, None]).masked_fill_(a <= 0, 0)
        out.sub_(share_a[:, :, None]).sub_(log_b.masked_fill(b <= 0, 0)[:, None, :])
        return out.mul_(LOG2_E).exp2_().add_(self.floor)

    def _absorb(self, last: Tensor, steps: int, error: Tensor) -> None:
        r"""Makes the kernels of grown pairs anew. Those that have lost entries do the
        iterations again, from :obj:`last`, and their errors are replaced."""
        assert self.u is not None
        growth = self._growth(self.factor).log_().abs_().amax(1)
        u, v = self.scalings()
        lost = (~(growth < self.limit)).nonzero().flatten()
        if lost.numel() > 0:
            again = LogDomain(self.score[lost], self.marginals.select(lost), last[lost])
            error.index_copy_(0, lost, again.iterate(steps))
            new_u, new_v = again.scalings()
            u, v = u.index_copy_(0, lost, new_u), v.index_copy_(0, lost, new_v)
        grown = ~(growth < self.limit / 2)
        pairs = grown.nonzero().flatten()
        self.u = torch.where(grown[:, None], u, self.u)
        self.v = torch.where(grown[:, None], v, self.v)
        self.factor.index_copy_(0, pairs, self.share[pairs])
        self.kernel.index_copy_(
            0, pairs,
            self._kernel(self.score[pairs], u[pairs], v[pairs],
                         self.marginals.select(pairs)))

    def _scale(self, steps: int) -> Tensor:
        r"""Iterates in place and returns what :math:`x` is to be one over, times its
        share, :math:`(B, n)`."""
        kernel = self.kernel
        if kernel.is_cpu and (kernel.numel() <= CACHE
                              or torch.get_num_threads() <= THREADS):
            try:
                k, share, factor = (x.numpy()
                                    for x in (kernel, self.share, self.factor))
            except RuntimeError:
                # Tensors of a transform of torch.func have no memory of their own.
                pass
            else:
                return torch.from_numpy(self._scale_by_numpy(k, share, factor, steps))
        n = kernel.size(1)
        (p, q), (x, y) = ((z[:, :n], z[:, n:]) for z in (self.share, self.factor))
        # A matrix product would round a row otherwise than another.
        out = torch.mul(kernel, y[:, None, :])
        row = out.sum(2)
        for _ in range(steps):
            torch.div(p, row, out=x)
            column = torch.sum(torch.mul(kernel, x[:, :, None], out=out), 1)
            torch.div(q, column, out=y)
            torch.sum(torch.mul(kernel, y[:, None, :], out=out), 2, out=row)
        return row

    def _scale_by_numpy(self, kernel: np.ndarray, share: np.ndarray, factor: np.ndarray,
                        steps: int) -> np.ndarray:
        r"""The same with NumPy, whose calls take a third of the time of PyTorch's on
        small tensors; some pairs at a time, without the padding that they share."""
        size, n, m = kernel.shape
        row = np.zeros((size, n), kernel.dtype)
        count = max(CACHE // max(n * m, 1), 1)
        with np.errstate(all='ignore'):
            for start in range(0, size, count):
                part = slice(start, start + count)
                rows, columns = slice(n), slice(n, None)
                k = kernel[part]
                if size > count:
                    width, height = _used(share[part, :n]), _used(share[part, n:])
                    rows, columns = slice(width), slice(n, n + height)
                    k = k[:, :width, :height]
                scale = scale_ties if self.ties else scale_products
                scale(k, share[part, rows], share[part, columns], factor[part, rows],
                      factor[part, columns], row[part, rows], steps)
        return row


def _used(share: np.ndarray) -> int:
    r"""How many places there are up to the last one that has mass."""
    used = np.flatnonzero((share > 0).any(0))
    return int(used[-1]) + 1 if used.size > 0 else 0


def scale_products(kernel: np.ndarray, p: np.ndarray, q: np.ndarray, x: np.ndarray,
                   y: np.ndarray, row: np.ndarray, steps: int) -> None:
    x_row, y_column, row_column = x[:, None, :], y[:, :, None], row[:, :, None]
    column = np.empty_like(y)
    column_row = column[:, None, :]
    np.matmul(kernel, y_column, out=row_column)
    for _ in range(steps):
        np.divide(p, row, out=x)
        np.matmul(x_row, kernel, out=column_row)
        np.divide(q, column, out=y)
        np.matmul(kernel, y_column, out=row_column)


def scale_ties(kernel: np.ndarray, p: np.ndarray, q: np.ndarray, x: np.ndarray,
               y: np.ndarray, row: np.ndarray, steps: int) -> None:
    np.einsum('bij,bj->bi', kernel, y, out=row)
    for _ in range(steps):
        np.divide(p, row, out=x)
        np.einsum('bij,bi->bj', kernel, x, out=y)
        np.divide(q, y, out=y)
        np.einsum('bij,bj->bi', kernel, y, out=row)
