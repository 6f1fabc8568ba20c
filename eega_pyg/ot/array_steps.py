r"""A step of mirror descent on NumPy's arrays."""
from typing import Optional

import numpy as np
import torch
from torch import Tensor

from eega_pyg.ot.constraint import Met
from eega_pyg.ot.kernels import CACHE, THREADS, scale_products, scale_ties
from eega_pyg.ot.log_domain import LOG2_E
from eega_pyg.ot.marginals import LOG_ZERO
from eega_pyg.ot.projection import project
from eega_pyg.ot.steps import Options, State


def fits_arrays(state: State, options: Options) -> bool:
    r"""Whether :class:`ArraySteps` can do the steps, and are the faster ones."""
    plan, slope = state.plan, state.slope
    if (torch.is_grad_enabled() or torch.compiler.is_compiling() or not plan.is_cpu
            or not isinstance(options.constraint, Met) or state.permitted is not None
            or plan.numel() > CACHE and torch.get_num_threads() > THREADS):
        return False
    try:
        plan.numpy(), slope.detach().numpy()
    except RuntimeError:
        # Tensors of a transform of torch.func have no memory of their own.
        return False
    return True


class ArraySteps:
    r"""The steps of :class:`Steps`, for marginals that are met and no forbidden pairs,
    in place on NumPy's arrays, whose calls take a third of the time of PyTorch's on
    small tensors. What the objective makes of a plan is still PyTorch's.

    Args:
        state (State): Where the pairs are, on the CPU; its plans, slopes and scalings
            are copied, and then changed by each step.
        options (Options): What a step does.
    """
    def __init__(self, state: State, options: Options):
        plan, slope, u, v = (x.detach().clone(memory_format=torch.contiguous_format)
                             for x in (state.plan, state.slope, state.u, state.v))
        self.state = state._replace(plan=plan, slope=slope, u=u, v=v)
        self.proximal, self.loop = options.proximal, options.loop
        self.plan, self.slope, self.u, self.v = (x.numpy() for x in (plan, slope, u, v))
        self.a, self.b, _, _, self.mass = (x.detach().numpy()
                                           for x in state.setting.marginals)
        self.strength = state.setting.strength.detach().numpy()
        self.by_strength = (-1 / self.strength)[:, None, None]
        info = np.finfo(self.plan.dtype)
        self.tiny, self.eps = info.tiny, info.eps
        # In units of the mass, so that all that is scaled is about one.
        self.share_s, self.share_t = (x / self.mass[:, None] for x in (self.a, self.b))
        self.empty_s, self.empty_t = self.a <= 0, self.b <= 0
        self.padded = bool(self.empty_s.any() or self.empty_t.any())
        self.log_share_t = np.log(np.where(self.empty_t, 1, self.share_t))
        # Only what is equal has to be rounded alike, and what is not equal once is not
        # equal later.
        self.tied: Optional[np.ndarray] = None
        self.log_mass = np.log(self.mass)[:, None]
        # As in :class:`Kernels`.
        self.floor, limit = (-100., 20.) if self.plan.itemsize == 4 else (-660., 200.)
        self.limit = np.exp(limit)
        self.outer = state.objective.outer_gradient(*state.setting.marginals[:2])
        self.new = torch.empty_like(self.state.plan)
        self.log_t, self.score, self.work = (np.empty_like(self.plan) for _ in range(3))

    @np.errstate(all='ignore')
    def __call__(self) -> Tensor:
        r"""Does a step, and returns the duality gap of its linear problem in units of
        the strength :math:`(B)`."""
        plan, slope, new = self.plan, self.slope, self.new.numpy()
        log_t, score, work = self.log_t, self.score, self.work
        self._log(plan, log_t)
        np.multiply(slope, self.by_strength, out=score)
        if self.proximal:
            score += log_t
        self._fit()
        log_new = score
        log_new += self.u[:, :, None]
        log_new += self.v[:, None, :]
        np.multiply(log_new, LOG2_E, out=new)
        np.exp2(new, out=new)
        ratio = log_t
        ratio -= log_new
        # The divergence, whose terms are not below zero, so that none is cancelled.
        np.multiply(plan, ratio, out=work)
        promise = None if self.proximal else _sum(work)
        work -= plan
        work += new
        gap = _sum(work)
        self._round(new)
        new_slope = self._slope()
        if promise is not None:
            self._log(new, work)
            work -= log_new
            work *= new
            promise -= _sum(work)
        way, bend = new, new_slope
        way -= plan
        bend -= slope
        if promise is None:
            promise = -np.einsum('bij,bij->b', ratio, way)
        curvature = np.einsum('bij,bij->b', bend, way)
        size = np.minimum(promise * self.strength / curvature, 1)
        size = np.where(curvature > 0, size, 1)
        size = np.where(promise >= 0, size, 0).astype(plan.dtype)
        if (size < 1).any():
            way *= size[:, None, None]
            bend *= size[:, None, None]
        plan += way
        slope += bend
        return torch.from_numpy(gap)

    def _log(self, plan: np.ndarray, out: np.ndarray) -> None:
        np.maximum(plan, self.tiny, out=out)
        np.log(out, out=out)

    def _slope(self) -> np.ndarray:
        out = self.state.objective.inner_gradient(self.new)
        if self.outer is not None:
            out += self.outer
        return out.numpy()

    def _fit(self) -> None:
        r"""The scalings of the linear problem with the scores, as :class:`Met` finds
        them, where one block of iterations is all there is."""
        loop = self.loop
        lost = np.arange(len(self.plan))
        if loop.num_iters <= loop.check_every:
            lost = self._scale(loop.num_iters)
        if lost.size > 0:
            pairs = torch.from_numpy(lost)
            fit = project(
                torch.from_numpy(self.score)[pairs],
                self.state.setting.marginals.select(pairs), self.state.u[pairs],
                self.state.v[pairs], *loop, ties=True)
            self.state.u[pairs], self.state.v[pairs] = fit.u, fit.v

    def _scale(self, steps: int) -> np.ndarray:
        r"""Scales and returns the pairs in which entries may be lost to underflow,
        which are as they were."""
        kernel = self.work
        start = self.v - self.log_share_t
        np.add(self.score, start[:, None, :], out=kernel)
        top = kernel.max(2)
        kernel -= top[:, :, None]
        kernel *= LOG2_E
        if self.padded:
            # Columns without mass must not be 0 / 0.
            np.maximum(kernel, self.floor, out=kernel)
        np.exp2(kernel, out=kernel)
        x, row, y = np.empty_like(self.u), np.empty_like(self.u), self.share_t.copy()
        args = kernel, self.share_s, self.share_t, x, y, row
        if self.tied is None:
            self.tied = self._ties(kernel)
        if self.tied.all():
            scale_ties(*args, steps)
        else:
            scale_products(*args, steps)
            if self.tied.any():
                k, p, q, some_x, some_y, some_row = (z[self.tied] for z in args)
                some_y[:] = q
                scale_ties(k, p, q, some_x, some_y, some_row, steps)
                x[self.tied], y[self.tied] = some_x, some_y
        growth = y / self.share_t
        kept = (growth > 1 / self.limit) & (growth < self.limit)
        u, v = np.log(x) + (self.log_mass - top), np.log(y) + start
        if self.padded:
            kept |= self.empty_t
            u[self.empty_s] = v[self.empty_t] = LOG_ZERO
        good = kept.all(1)
        if good.all():
            self.u[:], self.v[:] = u, v
            return np.empty(0, np.int64)
        self.u[good], self.v[good] = u[good], v[good]
        return (~good).nonzero()[0]

    def _ties(self, kernel: np.ndarray) -> np.ndarray:
        r"""Whether two rows or two columns of a pair are equal :math:`(B)`."""
        tied = np.zeros(len(kernel), bool)
        for x, empty in ((kernel, self.empty_s), (kernel.transpose(0, 2,
                                                                   1), self.empty_t)):
            sums = np.einsum('bij->bi', x)
            sums[empty] = np.nan
            sums.sort(1)
            # Equal rows have equal sums; others may have them too.
            for i in (sums[:, 1:] == sums[:, :-1]).any(1).nonzero()[0]:
                rows = [row.tobytes() for row in x[i][~empty[i]]]
                tied[i] |= len(set(rows)) < len(rows)
        return tied

    def _round(self, plan: np.ndarray) -> None:
        r""":func:`round_plan` in place."""
        alpha = _factor(self.a, np.einsum('bij->bi', plan))
        column = np.einsum('bij,bi->bj', plan, alpha)
        beta = _factor(self.b, column)
        row = alpha * np.einsum('bij,bj->bi', plan, beta)
        gap_a = np.maximum(self.a - row, 0)
        gap_b = np.maximum(self.b - beta * column, 0)
        plan *= alpha[:, :, None]
        plan *= beta[:, None, :]
        missing = gap_b.sum(1)
        some = missing > self.eps * self.b.sum(1)
        if some.any():
            part = gap_b / np.where(some, missing, np.inf)[:, None]
            plan += gap_a[:, :, None] * part[:, None, :]


def _sum(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).sum(1)


def _factor(mass: np.ndarray, total: np.ndarray) -> np.ndarray:
    r"""What a total that is too large is scaled with, one for others."""
    # Of what is not a number, a row without mass, it takes the one.
    return np.fmin(mass / total, 1)
