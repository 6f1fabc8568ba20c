r"""Marginals with a price: unbalanced and semi-relaxed Gromov-Wasserstein problems."""
from dataclasses import dataclass
from typing import Iterator, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.constraint import Constraint, InnerLoop, Setting
from eega_pyg.ot.log_domain import logsumexp
from eega_pyg.ot.marginals import LOG_ZERO, Marginals
from eega_pyg.ot.projection import check_prices
from eega_pyg.ot.sinkhorn import marginal_slope

# A step is halved at most so often: by then it is rounding.
_HALVINGS = 40


class _Side(NamedTuple):
    r"""One side: its price, its axis, its masses and their logarithms."""
    rho: Optional[float]
    dim: int
    mass: Tensor
    log_mass: Tensor
    base: Tensor
    used: Tensor


@dataclass(frozen=True)
class Prices(Constraint):
    r"""Prices for what the marginals of a plan miss, instead of marginals that are met
    (Séjourné *et al.*, *"The Unbalanced Gromov Wasserstein Distance"*, 2021; with a
    linear cost, Thual *et al.*, *"Aligning Individual Brains with Fused Unbalanced
    Gromov-Wasserstein"*, 2022). :class:`MirrorDescent` adds to its objective

    .. math::
        \rho_s \, \mathrm{KL}(\mathbf{p} \otimes \mathbf{p} \,\|\, \mathbf{a} \otimes
        \mathbf{a}) + \rho_t \, \mathrm{KL}(\mathbf{q} \otimes \mathbf{q} \,\|\,
        \mathbf{b} \otimes \mathbf{b}), \quad \mathbf{p} = \mathbf{T} \mathbf{1}, \;
        \mathbf{q} = \mathbf{T}^{\top} \mathbf{1},

    .. math::
        \mathrm{KL}(\mathbf{p} \otimes \mathbf{p} \,\|\, \mathbf{a} \otimes \mathbf{a})
        = 2 \, (\mathbf{1}^{\top} \mathbf{p}) \sum_i p_i \log \frac{p_i}{a_i} -
        (\mathbf{1}^{\top} \mathbf{p})^2 + (\mathbf{1}^{\top} \mathbf{a})^2,

    which is quadratic in the mass as the Gromov-Wasserstein term is, and takes
    :math:`\mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top}) = \sum_{ij}
    T_{ij} \log \frac{T_{ij}}{a_i b_j} - T_{ij} + a_i b_j` as its regulariser. A side
    with :obj:`None` meets its marginal; one with zero is free. One side met and one
    free is the semi-relaxed problem (Vincent-Cuaz *et al.*, *"Semi-relaxed
    Gromov-Wasserstein Divergence with Applications on Graphs"*, 2022). Total masses of
    the two sides may differ where a problem is made with other masses,
    :obj:`dataclasses.replace(problem, b=2 * problem.b)`.

    Args:
        rho_s (float, optional): The price :math:`\rho_s` of the first marginal, or
            :obj:`None` where it has to be met; in units of the pair's mean slope at the
            product plan if the solver's :obj:`relative` is set, as :math:`\varepsilon`
            is. (default: :obj:`1`)
        rho_t (float, optional): The price :math:`\rho_t` of the second marginal,
            likewise. (default: :obj:`1`)

    Raises:
        ValueError: If a price is out of range, or both marginals have to be met.
    """
    rho_s: Optional[float] = 1.
    rho_t: Optional[float] = 1.

    def __post_init__(self) -> None:
        check_prices(self.rho_s, self.rho_t, 'leave the constraint out')

    def start(self, marginals: Marginals) -> Tensor:
        a, b = marginals.a, marginals.b
        mass_s, mass_t = _mass(a), _mass(b)
        # A side that is met says what is moved; else it is between both.
        divisor = (mass_t if self.rho_s is None else mass_s if self.rho_t is None else
                   (mass_s * mass_t).sqrt())
        return (a / divisor)[:, :, None] * b[:, None, :]

    def repair(self, plan: Tensor, marginals: Marginals) -> Tensor:
        for rho, dim, mass in ((self.rho_s, 2, marginals.a), (self.rho_t, 1,
                                                              marginals.b)):
            if rho is None:
                sums = plan.sum(dim)
                factor = mass / torch.where(sums > 0, sums, 1)
                plan = plan * factor.unsqueeze(dim)
        return plan

    def violation(self, plan: Tensor, marginals: Marginals) -> Tensor:
        error = torch.zeros_like(marginals.mass)
        for rho, dim, mass in ((self.rho_s, 2, marginals.a), (self.rho_t, 1,
                                                              marginals.b)):
            if rho is None:
                error = error + (plan.sum(dim) - mass).abs().sum(1) / _mass(mass)[:, 0]
        return error

    def fit(self, score: Tensor, plan: Tensor, setting: Setting, u: Tensor, v: Tensor,
            loop: InnerLoop) -> Tuple[Tensor, Tensor]:
        # A side that is met comes last: its sums are then exact.
        sides = sorted(self._sides(setting), key=lambda side: side.rho is None)
        prices = [self._linear_price(x, plan, setting) for x in sides]
        potentials = {
            side.dim: x
            for side, x in zip(self._sides(setting), setting.potentials(u, v))
        }
        # A pair whose potentials have ended stays as it is, whatever its batch does.
        active = torch.ones_like(setting.unit, dtype=torch.bool)[:, None]
        for i in range(1, loop.num_iters + 1):
            last, last_u, last_v = dict(potentials), u, v
            for side, price in zip(sides, prices):
                other = v if side.dim == 2 else u
                total = logsumexp(score + other.unsqueeze(3 - side.dim), side.dim)
                part = 1. if price is None else price / (1 + price)
                f = -part * (total + side.base - side.log_mass)
                f = torch.where(side.used, f, 0)
                potentials = {**potentials, side.dim: f}
                if side.dim == 2:
                    u = side.base + f
                else:
                    v = side.base + f
            if 0 in (self.rho_s, self.rho_t):
                # One side's potential is zero: the other's is exact at once.
                break
            move = self._translation(sides, prices, potentials)
            for side in sides:
                sign = 1 if side.dim == 2 else -1
                moved = potentials[side.dim] + sign * move
                potentials[side.dim] = torch.where(side.used, moved, 0)
            moved = (potentials[1] - last[1]).abs().amax(1, keepdim=True)
            potentials = {
                dim: torch.where(active, x, last[dim])
                for dim, x in potentials.items()
            }
            u = torch.where(active, setting.base_s + potentials[2], last_u)
            v = torch.where(active, setting.base_t + potentials[1], last_v)
            if i % loop.check_every == 0:
                active = active & ~(moved <= loop.tol)
                if not bool(active.any()):
                    break
        return u, v

    @staticmethod
    def _translation(sides: list, prices: list, potentials: dict) -> Tensor:
        r"""What to add to the first potential and to take from the second
        :math:`(B, 1)`: the best such number, which iterations alone approach slowly
        (Séjourné *et al.*, *"Faster Unbalanced Optimal Transport: Translation Invariant
        Sinkhorn and 1-D Frank-Wolfe"*, 2022)."""
        inverse = torch.zeros_like(sides[0].mass[:, :1])
        totals = {}
        for side, price in zip(sides, prices):
            weight = torch.zeros_like(inverse) if price is None else 1 / price
            inverse = inverse + weight
            rest = side.log_mass - weight * potentials[side.dim]
            # A node that can have no mass costs the same whatever is done.
            total = logsumexp(torch.where(side.used, rest, LOG_ZERO), 1)
            totals[side.dim] = torch.where(side.used.any(1), total, 0)
        return (totals[2] - totals[1])[:, None] / inverse

    def shift(self, plan: Tensor, setting: Setting) -> Optional[Tensor]:
        total = torch.zeros_like(setting.unit)
        for side in self._sides(setting):
            if side.rho:
                weight = 2 * side.rho * setting.unit / setting.strength
                total = total + weight * _entropy(plan.sum(side.dim), side.mass)
        return total

    def gap(self, plan: Tensor, u: Tensor, v: Tensor,
            setting: Setting) -> Optional[Tensor]:
        total = torch.zeros_like(setting.unit)
        for side, f in zip(self._sides(setting), setting.potentials(u, v)):
            price = self._linear_price(side, plan, setting)
            if side.rho and price is not None:
                sums = plan.sum(side.dim)
                wished = torch.where(side.used, side.mass * (-f / price).exp(), 0)
                rest = price * (wished - sums) + sums * f
                total = (total + rest.sum(1) + price[:, 0] * _entropy(sums, side.mass))
        return total

    def gain(self, plan: Tensor, new: Tensor, u: Tensor, v: Tensor, setting: Setting,
             regularized: bool) -> Optional[Tensor]:
        less = (plan - new).sum((1, 2))
        total = -less if regularized else torch.zeros_like(less)
        for side, f in zip(self._sides(setting), setting.potentials(u, v)):
            before, after = plan.sum(side.dim), new.sum(side.dim)
            total = total + ((before - after) * f).sum(1)
            price = self._linear_price(side, plan, setting)
            if side.rho and price is not None:
                cost = _entropy(before, side.mass) - _entropy(after, side.mass) - less
                total = total + price[:, 0] * cost
        return total

    def shorten(self, size: Tensor, plan: Tensor, new: Tensor, promise: Tensor,
                curvature: Tensor, setting: Setting) -> Tensor:
        if not (self.rho_s or self.rho_t):
            return size
        marginals, unit, strength = setting.marginals, setting.unit, setting.strength
        with torch.no_grad():
            # Prices are not convex in the plan: what they gain is looked at as it is.
            own = torch.zeros_like(promise)
            less = (plan - new).sum((1, 2))
            for side in self._sides(setting):
                price = self._linear_price(side, plan, setting)
                if side.rho and price is not None:
                    before, after = plan.sum(side.dim), new.sum(side.dim)
                    own = own + price[:, 0] * (_entropy(before, side.mass) -
                                               _entropy(after, side.mass) - less)
            shift = self.shift(plan, setting)
            assert shift is not None
            other = promise - own - shift * less
            now = self.price(plan, marginals.a, marginals.b, unit)
            factor = torch.ones_like(size)
            for _ in range(_HALVINGS):
                step = (factor * size)[:, None, None]
                there = self.price(plan + step * (new - plan), marginals.a, marginals.b,
                                   unit)
                part = factor * size
                fall = (part * other - part.square() * curvature / (2 * strength) +
                        (now - there) / strength)
                short = ~(fall >= 0.1 * part * promise) & (size > 0)
                if not bool(short.any()):
                    break
                factor = torch.where(short, factor / 2, factor)
            factor = torch.where(short, 0, factor)
        return size * factor

    def price(self, plan: Tensor, a: Tensor, b: Tensor, unit: Tensor) -> Tensor:
        total = torch.zeros_like(unit)
        for rho, dim, mass in ((self.rho_s, 2, a), (self.rho_t, 1, b)):
            if rho:
                sums = plan.sum(dim)
                moved = sums.sum(1)
                total = total + rho * unit * (2 * moved * _entropy(sums, mass) -
                                              moved.square() + mass.sum(1).square())
        return total

    def slope(self, a: Tensor, b: Tensor, f: Tensor, g: Tensor) -> Tensor:
        out = torch.zeros_like(a[:, 0])
        for rho, mass, potential in ((self.rho_s, a, f), (self.rho_t, b, g)):
            if rho is None:
                out = out + marginal_slope(mass, potential)
        return out

    def _sides(self, setting: Setting) -> Iterator[_Side]:
        a, b, log_a, log_b, _ = setting.marginals
        yield _Side(self.rho_s, 2, a, log_a, setting.base_s, setting.rows)
        yield _Side(self.rho_t, 1, b, log_b, setting.base_t, setting.columns)

    @staticmethod
    def _linear_price(side: _Side, plan: Tensor, setting: Setting) -> Optional[Tensor]:
        r"""The price of a marginal in the linear problem, in units of the strength
        :math:`(B, 1)`: the two factors of the product take turns."""
        if side.rho is None:
            return None
        moved = plan.sum((1, 2)).clamp(min=torch.finfo(plan.dtype).tiny**0.5)
        return (2 * side.rho * moved * setting.unit / setting.strength)[:, None]


def _mass(x: Tensor) -> Tensor:
    total = x.sum(1, keepdim=True)
    return torch.where(total > 0, total, 1)


def _entropy(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\sum_i x_i \log (x_i / y_i)` of each pair :math:`(B)`."""
    positive = (x > 0) & (y > 0)
    ratio = torch.where(positive, x, 1).log() - torch.where(positive, y, 1).log()
    return (x * ratio).sum(1)
