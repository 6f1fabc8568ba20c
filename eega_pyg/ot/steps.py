r"""A step of mirror descent, and what it has to know."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from eega_pyg.ot.constraint import Constraint, InnerLoop, Setting
from eega_pyg.ot.fused import FusedObjective
from eega_pyg.ot.log_domain import fast_exp, log_plan
from eega_pyg.ot.marginals import LOG_ZERO
from eega_pyg.ot.start import positive_log
from eega_pyg.ot.tracking import as_integers


class Options(NamedTuple):
    r"""Those of :class:`MirrorDescent` that its steps need."""
    proximal: bool
    num_iters: int
    tol: float
    loop: InnerLoop
    constraint: Constraint


class State(NamedTuple):
    r"""Pairs on their way, and all that a step has to know of them.

    Shapes:
        - **pairs:** :math:`(B)`, their places in the batch, ascending
        - **plan**, **slope:** :math:`(B, n, m)`; **u**, **v:** :math:`(B, n)`,
          :math:`(B, m)`, the logarithmic scalings of the last step
        - **permitted:** :math:`(B, n, m)`, where mass may be (None: everywhere)
    """
    pairs: Tensor
    objective: FusedObjective
    setting: Setting
    plan: Tensor
    slope: Tensor
    u: Tensor
    v: Tensor
    permitted: Optional[Tensor]

    def part(self, keep: Tensor) -> 'State':
        r"""Some of the pairs, given in ascending order, without the last nodes that
        none of them has."""
        ends = []
        for mass in self.setting.marginals[:2]:
            count = torch.arange(1, mass.size(1) + 1, device=mass.device)
            ends.append(((mass[keep] > 0).any(0) * count).amax())
        n, m = (max(end, 1) for end in as_integers(torch.stack(ends)))
        plan, slope = (x[:, :n, :m].index_select(0, keep)
                       for x in (self.plan, self.slope))
        permitted = self.permitted
        return State(self.pairs[keep], self.objective.part(keep, n, m),
                     self.setting.part(keep, n, m), plan, slope, self.u[keep, :n],
                     self.v[keep, :m],
                     None if permitted is None else permitted[keep, :n, :m])


class Steps:
    r"""Steps on tensors, on any device and with slopes where they are asked for.

    Args:
        state (State): Where the pairs are; replaced by each step.
        options (Options): What a step does.
    """
    def __init__(self, state: State, options: Options):
        self.state, self.options = state, options
        a, b = state.setting.marginals[:2]
        self.inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
        if state.permitted is not None:
            self.inside = self.inside & state.permitted

    def __call__(self) -> Tensor:
        r"""Does a step, and returns the duality gap of its linear problem in units of
        the strength :math:`(B)`."""
        options, constraint = self.options, self.options.constraint
        _, objective, setting, plan, slope, u, v, permitted = self.state
        log_t = positive_log(plan)
        score = self._score(log_t)
        u, v = constraint.fit(score, plan, setting, u, v, options.loop)
        log_new = log_plan(score, u, v)
        solution = fast_exp(log_new)
        new = constraint.repair(solution, setting.marginals)
        if permitted is not None:
            solution = torch.where(permitted, solution, 0)
            new = torch.where(permitted, new, 0)
        new_slope = objective.gradient(new)
        ratio = torch.where(self.inside, log_t - log_new, 0)
        gap = (plan * ratio - plan + solution).sum((1, 2))
        further = constraint.gap(plan, u, v, setting)
        gap = gap if further is None else gap + further
        # What the step promises but for the curvature, in units of the strength.
        off = ratio
        if not options.proximal:
            off = torch.where(self.inside, positive_log(new) - log_new, 0)
        promise = (plan * ratio - new * off).sum((1, 2))
        more = constraint.gain(plan, new, u, v, setting, not options.proximal)
        promise = promise if more is None else promise + more
        curvature = ((new_slope - slope) * (new - plan)).sum((1, 2))
        size = self._size(gap, promise, curvature, new)[:, None, None]
        self.state = self.state._replace(plan=plan + size * (new - plan),
                                         slope=slope + size * (new_slope - slope), u=u,
                                         v=v)
        return gap

    def _score(self, log_t: Tensor) -> Tensor:
        setting, permitted = self.state.setting, self.state.permitted
        score = -self.state.slope / setting.strength[:, None, None]
        shift = self.options.constraint.shift(self.state.plan, setting)
        if shift is not None:
            score = score - shift[:, None, None]
        if self.options.proximal:
            # Cells without mass stay empty; their logarithms must not add up.
            score = torch.where(self.inside, score + log_t, 0)
        return score if permitted is None else torch.where(permitted, score, LOG_ZERO)

    def _size(self, gap: Tensor, promise: Tensor, curvature: Tensor,
              new: Tensor) -> Tensor:
        r"""The part of the way to go :math:`(B)`."""
        setting, plan = self.state.setting, self.state.plan
        # Near the end the slope of a step's length is a quotient of roundings.
        noise = torch.finfo(plan.dtype).eps**0.5
        sloped = gap > noise * setting.marginals.mass
        wanted = promise * setting.strength
        # A division whose slope nobody asks for must have none: one over a square of
        # the curvature can be infinite, and zero times infinity is NaN.
        within = (curvature > 0) & (wanted < curvature)
        divided = within & sloped
        bend = torch.where(within, curvature.detach(), 1)
        bend = torch.where(divided, curvature, bend)
        size = torch.where(divided, wanted, wanted.detach()) / bend
        size = torch.where(within, size, 1)
        size = torch.where(promise >= 0, size, 0)
        size = self.options.constraint.shorten(size, plan, new, promise, curvature,
                                               setting)
        return torch.where(sloped, size, size.detach())
