r"""Entropic transport whose marginals are wishes."""
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.linear import LinearProblem
from eega_pyg.ot.log_domain import fast_exp, log_plan, logsumexp
from eega_pyg.ot.marginals import (
    Marginals,
    are_masses,
    is_resolved,
    log_marginal,
    regularization,
    with_logarithms,
)
from eega_pyg.ot.penalties import PENALTIES, Penalty
from eega_pyg.ot.permitted import permitted_costs, score_of
from eega_pyg.ot.projection import check_options, check_prices
from eega_pyg.ot.result import TransportOutput, marginal_error, once
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.tracking import tracking


@dataclass(frozen=True)
class UnbalancedSinkhorn:
    r"""Entropic transport with a price for what the marginals miss (Chizat *et al.*,
    *"Scaling Algorithms for Unbalanced Optimal Transport Problems"*, 2018)

    .. math::
        \min_{\mathbf{T} \ge 0} \; \langle \mathbf{T}, \mathbf{C} \rangle +
        \varepsilon \, \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top}) +
        \rho_s \, D(\mathbf{T} \mathbf{1}, \mathbf{a}) +
        \rho_t \, D(\mathbf{T}^{\top} \mathbf{1}, \mathbf{b})

    .. math::
        D(\mathbf{x}, \mathbf{y}) = \mathrm{KL}(\mathbf{x} \,\|\, \mathbf{y}) =
        \sum_i x_i \log \frac{x_i}{y_i} - x_i + y_i \quad \text{or} \quad
        \frac{1}{2} {\|\mathbf{x} - \mathbf{y}\|}^2

    A side with :obj:`None` meets its marginal, as in :class:`Sinkhorn`; one with zero
    is free. One side met and one free is the semi-relaxed problem.

    Args:
        epsilon (float, optional): The strength :math:`\varepsilon` of the regulariser.
            (default: :obj:`0.1`)
        rho_s (float, optional): The price :math:`\rho_s` of the first marginal, or
            :obj:`None` where it has to be met. (default: :obj:`1`)
        rho_t (float, optional): The price :math:`\rho_t` of the second marginal,
            likewise. (default: :obj:`1`)
        relative (bool, optional): If set, :obj:`epsilon` and both prices are in units
            of the pair's mean cost; those of squared distances, for each unit of mass.
            (default: :obj:`True`)
        num_iters (int, optional): At most so many iterations. (default: :obj:`1000`)
        tol (float, optional): A pair has converged when no logarithm of a scaling, and
            so no logarithm of the plan's entries, is further than about this from its
            end, and the marginals that have to be met are, up to this relative to the
            mass. (default: :obj:`1e-4`)
        check_every (int, optional): Iterations between two looks at the error.
            (default: :obj:`10`)
        gradient (str, optional): As in :class:`Sinkhorn`. (default:
            :obj:`"envelope"`)
        penalty (str, optional): The distance :math:`D` that has a price: :obj:`"kl"`,
            or :obj:`"l2"`, which is half the squared distance, as POT's
            :obj:`regm_div="l2"`. Squares are small where masses are: for many light
            nodes their price has to be as many times higher. (default: :obj:`"kl"`)

    Raises:
        ValueError: If an option is out of range, or both marginals have to be met.
    """
    epsilon: float = 0.1
    rho_s: Optional[float] = 1.
    rho_t: Optional[float] = 1.
    relative: bool = True
    num_iters: int = 1000
    tol: float = 1e-4
    check_every: int = 10
    gradient: str = 'envelope'
    penalty: str = 'kl'

    def __post_init__(self) -> None:
        check_options(self.epsilon, self.tol, self.gradient, self.num_iters,
                      self.check_every)
        check_prices(self.rho_s, self.rho_t, 'take Sinkhorn')
        if self.penalty not in PENALTIES:
            raise ValueError(f"Expected a penalty in {tuple(PENALTIES)} "
                             f"(got '{self.penalty}')")

    @no_autocast()
    def __call__(self, problem: LinearProblem) -> TransportOutput:
        r"""Solves a batch of problems.

        Args:
            problem (LinearProblem): The problems; the masses of the two sides may
                differ.
        """
        cost, a, b = problem
        costs = permitted_costs(cost, with_logarithms(a.detach(), b.detach()))
        cost, permitted = costs.cost, costs.permitted
        unit = cost, a, b, costs.counted
        strength = regularization(self.epsilon, self.relative, *unit)
        unroll = self.gradient == 'unroll' and torch.is_grad_enabled()
        with tracking(unroll):
            marginals = with_logarithms(a, b)
            score = score_of(cost, strength, permitted)
            if permitted is not None:
                # A node all of whose pairs are forbidden moves nothing.
                usable = permitted & (a > 0)[:, :, None] & (b > 0)[:, None, :]
                marginals = with_logarithms(torch.where(usable.any(2), a, 0),
                                            torch.where(usable.any(1), b, 0))
            sides = self._side(self.rho_s), self._side(self.rho_t)
            f, g, iterations, error = self._iterate(score, marginals, *sides)
            log_t = log_plan(score, marginals.log_a + f, marginals.log_b + g)
            plan = fast_exp(log_t)
            if permitted is not None:
                plan = torch.where(permitted, plan, 0)
        linear = (plan * cost).sum((1, 2))
        # Without unrolling, the logarithm of the plan is constant, the masses are not.
        ratio = log_t - log_marginal(a)[:, :, None] - log_marginal(b)[:, None, :]
        kl = (torch.where(plan > 0, ratio, 0) * plan - plan).sum((1, 2))
        regularized = linear + strength * (kl + a.sum(1) * b.sum(1))
        converged = (error <= self.tol) & linear.isfinite() & are_masses(a, b)
        converged &= is_resolved(strength, self.epsilon, self.relative, *unit)
        for side, sums, mass, potential in zip(sides, (plan.sum(2), plan.sum(1)),
                                               (a, b), (f, g)):
            if side.price is None:
                if not unroll:
                    # The plan is held constant, and has to follow this marginal.
                    regularized = regularized + marginal_slope(
                        mass, potential * strength[:, None])
                gap = (sums - mass).abs().sum(1)
                converged &= gap <= self.tol * mass.sum(1)
            elif side.price > 0:
                price = strength * side.price
                regularized = regularized + price * side.value(sums, mass)
        out = TransportOutput(plan, linear, torch.zeros_like(linear), regularized,
                              iterations, marginal_error(plan, a, b), converged,
                              f * strength[:, None], g * strength[:, None])
        return out if unroll else once(out)

    def _side(self, rho: Optional[float]) -> Penalty:
        return PENALTIES[self.penalty](None if rho is None else rho / self.epsilon)

    def _iterate(self, score: Tensor, marginals: Marginals, side_s: Penalty,
                 side_t: Penalty) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        r"""The potentials in units of the strength, and how far they are from their
        end: each iteration brings them nearer by the product of both factors."""
        a, b, log_a, log_b, _ = marginals
        f, g = torch.zeros_like(a), torch.zeros_like(b)
        iterations = torch.zeros_like(marginals.mass, dtype=torch.long)
        error = torch.full_like(marginals.mass, torch.inf)
        active = torch.ones_like(iterations, dtype=torch.bool)
        for i in range(1, self.num_iters + 1):
            new_f = side_s.potential(logsumexp(score + (log_b + g)[:, None, :], 2), a)
            new_g = side_t.potential(logsumexp(score + (log_a + new_f)[:, :, None], 1),
                                     b)
            if self.rho_s != 0 and self.rho_t != 0:
                shift = _shift(side_s, side_t, new_f, new_g, a, b)
                new_f = torch.where(a > 0, new_f + shift, 0)
                new_g = torch.where(b > 0, new_g - shift, 0)
            moved = (new_g - g).detach().abs().amax(1)
            f = torch.where(active[:, None], new_f, f)
            g = torch.where(active[:, None], new_g, g)
            if i % self.check_every == 0 or i == self.num_iters:
                iterations = torch.where(active, i, iterations)
                damping_s = side_s.damping(f.detach(), a.detach())
                damping_t = side_t.damping(g.detach(), b.detach())
                left = moved / (damping_s + damping_t - damping_s * damping_t)
                error = torch.where(active, left, error)
                active = active & ~(error <= self.tol)
                if not bool(active.any()):
                    break
        return f, g, iterations, error


def _shift(side_s: Penalty, side_t: Penalty, f: Tensor, g: Tensor, a: Tensor,
           b: Tensor) -> Tensor:
    r"""What to add to :obj:`f` and take from :obj:`g` :math:`(B, 1)`: the best such
    number, which iterations alone approach the slower the higher the price (Séjourné
    *et al.*, *"Faster Unbalanced Optimal Transport: Translation Invariant Sinkhorn and
    1-D Frank-Wolfe"*, 2022)."""
    pull_s, less_s = side_s.pull(f, a)
    pull_t, less_t = side_t.pull(g, b)
    less = less_s + less_t
    return ((pull_s - pull_t) / torch.where(less > 0, less, 1))[:, None]
