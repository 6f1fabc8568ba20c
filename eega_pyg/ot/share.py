r"""A share of the mass: partial Gromov-Wasserstein problems."""
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.constraint import Constraint, InnerLoop, Setting
from eega_pyg.ot.log_domain import logsumexp
from eega_pyg.ot.marginals import Marginals
from eega_pyg.ot.sinkhorn import marginal_slope


@dataclass(frozen=True)
class Share(Constraint):
    r"""Only a share :math:`s` of the mass is moved, wherever it costs least (Chapel *et
    al.*, *"Partial Optimal Transport with Applications on Positive-Unlabeled
    Learning"*, 2020): :class:`MirrorDescent` minimises its objective over

    .. math::
        \mathbf{T} \ge 0, \quad \mathbf{T} \mathbf{1} \le \mathbf{a}, \quad
        \mathbf{T}^{\top} \mathbf{1} \le \mathbf{b}, \quad \mathbf{1}^{\top} \mathbf{T}
        \mathbf{1} = s \min(\mathbf{1}^{\top} \mathbf{a}, \mathbf{1}^{\top}
        \mathbf{b}),

    with :math:`\mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top}) = \sum_{ij}
    T_{ij} \log \frac{T_{ij}}{a_i b_j} - T_{ij} + a_i b_j` as its regulariser, which the
    mass that stays has no part in. The linear problem of a step is solved by Bregman
    projections (Benamou *et al.*, *"Iterative Bregman Projections for Regularized
    Transportation Problems"*, 2015).

    Args:
        share (float): The share :math:`s`, above 0 and at most 1.

    Raises:
        ValueError: If the share is out of range.
    """
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"Expected a 'share' above 0 and at most 1 "
                             f"(got '{self.share}')")

    def start(self, marginals: Marginals) -> Tensor:
        a, b = marginals.a, marginals.b
        both = a.sum(1) * b.sum(1)
        factor = self._moved(a, b) / torch.where(both > 0, both, 1)
        return (factor[:, None] * a)[:, :, None] * b[:, None, :]

    def repair(self, plan: Tensor, marginals: Marginals) -> Tensor:
        a, b = marginals.a, marginals.b
        for dim, mass in ((2, a), (1, b)):
            sums = plan.sum(dim)
            high = sums > mass
            factor = torch.where(high, mass / torch.where(high, sums, 1), 1)
            plan = plan * factor.unsqueeze(dim)
        moved, total = self._moved(a, b), plan.sum((1, 2))
        high = total > moved
        factor = torch.where(high, moved / torch.where(high, total, 1), 1)
        plan = plan * factor[:, None, None]
        # What is then missing is spread over the product of what is left.
        left_s, left_t = (a - plan.sum(2)).clamp(min=0), (b - plan.sum(1)).clamp(min=0)
        missing = (moved - plan.sum((1, 2))).clamp(min=0)
        both = left_s.sum(1) * left_t.sum(1)
        some = missing > torch.finfo(b.dtype).eps * moved
        factor = torch.where(some, missing / torch.where(both > 0, both, 1), 0)
        return plan + (factor[:, None] * left_s)[:, :, None] * left_t[:, None, :]

    def violation(self, plan: Tensor, marginals: Marginals) -> Tensor:
        a, b = marginals.a, marginals.b
        moved = self._moved(a, b)
        error = ((plan.sum(
            (1, 2)) - moved).abs() + (plan.sum(2) - a).clamp(min=0).sum(1) +
                 (plan.sum(1) - b).clamp(min=0).sum(1))
        return error / torch.where(moved > 0, moved, 1)

    def fit(self, score: Tensor, plan: Tensor, setting: Setting, u: Tensor, v: Tensor,
            loop: InnerLoop) -> Tuple[Tensor, Tensor]:
        marginals = setting.marginals
        f, g, price = self._parts(u, v, setting)
        moved = self._moved(marginals.a, marginals.b)
        empty = moved == 0
        log_moved = torch.where(empty, 1, moved).log()[:, None]
        # A pair that keeps to the constraint stays as it is, whatever its batch does.
        active = torch.ones_like(empty)[:, None]
        for i in range(1, loop.num_iters + 1):
            last = f, g, price
            row = setting.base_s + logsumexp(score +
                                             (setting.base_t + g)[:, None, :], 2)
            f = _at_most(marginals.log_a - row - price, marginals.a)
            price = log_moved - logsumexp(row + f, 1)[:, None]
            column = setting.base_t + logsumexp(
                score + (setting.base_s + f)[:, :, None], 1)
            g = _at_most(marginals.log_b - column - price, marginals.b)
            price = log_moved - logsumexp(column + g, 1)[:, None]
            price = price.masked_fill(empty[:, None], 0)
            f, g, price = (torch.where(active, x, old)
                           for x, old in zip((f, g, price), last))
            if i % loop.check_every == 0:
                row = setting.base_s + logsumexp(
                    score + (setting.base_t + g)[:, None, :], 2)
                high = (row + f + price).exp() - marginals.a
                over = high.clamp(min=0).sum(1) + (
                    (column + g + price).exp() - marginals.b).clamp(min=0).sum(1)
                active = active & (over > loop.tol * moved)[:, None]
                if not bool(active.any()):
                    break
        return setting.base_s + torch.where(marginals.a > 0, f + price,
                                            0), setting.base_t + g

    @staticmethod
    def _parts(u: Tensor, v: Tensor, setting: Setting) -> Tuple[Tensor, Tensor, Tensor]:
        r"""Potentials of both sides, at most zero, and what they have above that: the
        price of the share :math:`(B, 1)`."""
        return _split(*setting.potentials(u, v), setting.rows, setting.columns)

    def gap(self, plan: Tensor, u: Tensor, v: Tensor,
            setting: Setting) -> Optional[Tensor]:
        f, g, _ = self._parts(u, v, setting)
        a, b = setting.marginals.a, setting.marginals.b
        return (f * (plan.sum(2) - a)).sum(1) + (g * (plan.sum(1) - b)).sum(1)

    def gain(self, plan: Tensor, new: Tensor, u: Tensor, v: Tensor, setting: Setting,
             regularized: bool) -> Optional[Tensor]:
        f, g = setting.potentials(u, v)
        less = plan - new
        total = (less.sum(2) * f).sum(1) + (less.sum(1) * g).sum(1)
        return total - less.sum((1, 2)) if regularized else total

    def slope(self, a: Tensor, b: Tensor, f: Tensor, g: Tensor) -> Tensor:
        f, g, price = _split(f, g, a > 0, b > 0)
        moved = self._moved(a, b)
        return (marginal_slope(a, f) + marginal_slope(b, g) +
                (moved - moved.detach()) * price[:, 0].detach())

    def _moved(self, a: Tensor, b: Tensor) -> Tensor:
        return self.share * torch.minimum(a.sum(1), b.sum(1))


def _at_most(potential: Tensor, mass: Tensor) -> Tensor:
    return torch.where(mass > 0, potential.clamp(max=0), 0)


def _split(f: Tensor, g: Tensor, rows: Tensor,
           columns: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    tops = []
    for x, used in ((f, rows), (g, columns)):
        top = torch.where(used, x, -torch.inf).amax(1, keepdim=True)
        tops.append(torch.where(top.isfinite(), top, 0))
    return (torch.where(rows, f - tops[0], 0), torch.where(columns, g - tops[1],
                                                           0), tops[0] + tops[1])
