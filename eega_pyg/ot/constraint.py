r"""What a plan's marginals have to do, as the quadratic solvers take it."""
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.marginals import Marginals
from eega_pyg.ot.projection import project, round_plan
from eega_pyg.ot.result import marginal_error
from eega_pyg.ot.sinkhorn import marginal_slope


class Setting(NamedTuple):
    r"""What a constraint has to know of a batch of problems.

    Shapes:
        - **base_s**, **base_t:** :math:`(B, n)`, :math:`(B, m)`, the logarithmic
          scalings of potentials zero
        - **rows**, **columns:** :math:`(B, n)`, :math:`(B, m)`, the nodes that can
          have mass
        - **strength:** :math:`(B)`, that of the regulariser, in units of the cost
        - **unit:** :math:`(B)`, the unit of prices
    """
    marginals: Marginals
    base_s: Tensor
    base_t: Tensor
    rows: Tensor
    columns: Tensor
    strength: Tensor
    unit: Tensor

    def part(self, pairs: Tensor, n: int, m: int) -> 'Setting':
        r"""The same for some pairs, without the nodes from :obj:`n` and :obj:`m` on."""
        a, b, log_a, log_b, mass = self.marginals
        s, t = (pairs, slice(n)), (pairs, slice(m))
        marginals = Marginals(a[s], b[t], log_a[s], log_b[t], mass[pairs])
        return Setting(marginals, self.base_s[s], self.base_t[t], self.rows[s],
                       self.columns[t], self.strength[pairs], self.unit[pairs])

    def potentials(self, u: Tensor, v: Tensor) -> Tuple[Tensor, Tensor]:
        r"""The potentials of scalings, in units of the strength."""
        a, b = self.marginals.a, self.marginals.b
        return (torch.where(a > 0, u - self.base_s,
                            0), torch.where(b > 0, v - self.base_t, 0))


class InnerLoop(NamedTuple):
    r"""When the iterations within a step stop."""
    num_iters: int
    tol: float
    check_every: int


class Constraint(ABC):
    r"""What the marginals of a plan have to do. A solver linearises its objective at a
    plan :math:`\mathbf{T}`; the constraint solves the linear problem, says how far
    :math:`\mathbf{T}` is from its solution, and what its own price adds."""
    @abstractmethod
    def start(self, marginals: Marginals) -> Tensor:
        r"""A multiple of the product plan :math:`(B, n, m)`."""

    @abstractmethod
    def repair(self, plan: Tensor, marginals: Marginals) -> Tensor:
        r"""A plan close by that keeps to the constraint."""

    @abstractmethod
    def violation(self, plan: Tensor, marginals: Marginals) -> Tensor:
        r"""By how much a plan breaks it, relative to the mass :math:`(B)`."""

    @abstractmethod
    def fit(self, score: Tensor, plan: Tensor, setting: Setting, u: Tensor, v: Tensor,
            loop: InnerLoop) -> Tuple[Tensor, Tensor]:
        r"""The scalings :math:`u, v` that solve the problem linearised at :obj:`plan`,
        whose scores are :obj:`score`."""

    def shift(self, plan: Tensor, setting: Setting) -> Optional[Tensor]:
        r"""What each unit of mass costs beside the slope, in units of the strength
        :math:`(B)`; :obj:`None` if nothing."""
        return None

    def gap(self, plan: Tensor, u: Tensor, v: Tensor,
            setting: Setting) -> Optional[Tensor]:
        r"""What the duality gap of the linear problem has beside
        :math:`\mathrm{KL}(\mathbf{T} \,\|\, \mathbf{T}')`, in units of the strength
        :math:`(B)`; :obj:`None` if nothing."""
        return None

    def gain(self, plan: Tensor, new: Tensor, u: Tensor, v: Tensor, setting: Setting,
             regularized: bool) -> Optional[Tensor]:
        r"""What the linear problem gains from :obj:`plan` to :obj:`new` beside what it
        gains where both have the same marginals :math:`(B)`; :obj:`None` if
        nothing."""
        return None

    def shorten(self, size: Tensor, plan: Tensor, new: Tensor, promise: Tensor,
                curvature: Tensor, setting: Setting) -> Tensor:
        r"""The part of the way to go, where :obj:`size` is too much for the price."""
        return size

    def price(self, plan: Tensor, a: Tensor, b: Tensor, unit: Tensor) -> Tensor:
        r"""What the plan's marginals cost :math:`(B)`."""
        return torch.zeros_like(unit)

    @abstractmethod
    def slope(self, a: Tensor, b: Tensor, f: Tensor, g: Tensor) -> Tensor:
        r"""Zero :math:`(B)`, with the optimal value's slope in the marginals as far as
        it comes from the constraint."""


@dataclass(frozen=True)
class Met(Constraint):
    r"""Both marginals are met: :math:`\mathbf{T} \mathbf{1} = \mathbf{a}` and
    :math:`\mathbf{T}^{\top} \mathbf{1} = \mathbf{b}`."""
    def start(self, marginals: Marginals) -> Tensor:
        return marginals.a[:, :, None] * marginals.b[:, None, :]

    def repair(self, plan: Tensor, marginals: Marginals) -> Tensor:
        return round_plan(plan, marginals.a, marginals.b)

    def violation(self, plan: Tensor, marginals: Marginals) -> Tensor:
        return marginal_error(plan, marginals.a, marginals.b)

    def fit(self, score: Tensor, plan: Tensor, setting: Setting, u: Tensor, v: Tensor,
            loop: InnerLoop) -> Tuple[Tensor, Tensor]:
        fit = project(score, setting.marginals, u, v, *loop, ties=True)
        return fit.u, fit.v

    def slope(self, a: Tensor, b: Tensor, f: Tensor, g: Tensor) -> Tensor:
        return marginal_slope(a, f) + marginal_slope(b, g)
