r"""Entropic optimal transport by Sinkhorn's iterations."""
import math
from dataclasses import dataclass
from typing import Any, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.linear import LinearProblem, masked_problem
from eega_pyg.ot.log_domain import fast_exp, log_plan
from eega_pyg.ot.marginals import (
    Marginals,
    can_be_met,
    divergence,
    is_resolved,
    regularization,
    with_logarithms,
)
from eega_pyg.ot.permitted import PermittedCosts, permitted_costs, score_of
from eega_pyg.ot.projection import check_options, project
from eega_pyg.ot.result import TransportOutput, marginal_error, once
from eega_pyg.ot.tracking import tracking


@dataclass(frozen=True)
class Sinkhorn:
    r"""Entropic optimal transport (Cuturi, *"Sinkhorn Distances: Lightspeed Computation
    of Optimal Transport"*, 2013; Eq. 5 of EEGA with its regulariser)

    .. math::
        \min_{\mathbf{T} \mathbf{1} = \mathbf{a}, \, \mathbf{T}^{\top} \mathbf{1} =
        \mathbf{b}} \; \langle \mathbf{T}, \mathbf{C} \rangle + \varepsilon \,
        \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top})

    Args:
        epsilon (float, optional): The strength of the regulariser.
            (default: :obj:`0.1`)
        relative (bool, optional): If set, :obj:`epsilon` is in units of the pair's mean
            cost, in which forbidden nodes and costs far above all others (see
            :func:`permitted_costs`) do not count. (default: :obj:`True`)
        num_iters (int, optional): At most so many iterations. (default: :obj:`1000`)
        tol (float, optional): A pair has converged when its marginal error, relative to
            its mass, is not above this. (default: :obj:`1e-6`)
        check_every (int, optional): Iterations between two looks at the error.
            (default: :obj:`10`)
        scaling (float, optional): If given, the strength starts at the mean cost and is
            multiplied by this until it is :obj:`epsilon`, each time starting from the
            last potentials. (default: :obj:`None`)
        gradient (str, optional): :obj:`"envelope"` holds the plan constant: exact for
            :obj:`regularized` once converged, a surrogate for :obj:`linear` (the plan's
            own change is left out). :obj:`"unroll"` differentiates the iterations.
            (default: :obj:`"envelope"`)

    Raises:
        ValueError: If an option is out of range.
    """
    epsilon: float = 0.1
    relative: bool = True
    num_iters: int = 1000
    tol: float = 1e-6
    check_every: int = 10
    scaling: Optional[float] = None
    gradient: str = 'envelope'

    def __post_init__(self) -> None:
        check_options(self.epsilon, self.tol, self.gradient, self.num_iters,
                      self.check_every)
        if self.scaling is not None and not 0 < self.scaling < 1:
            raise ValueError(f"Expected 'scaling' in (0, 1) (got '{self.scaling}')")

    @no_autocast()
    def __call__(self, problem: LinearProblem,
                 potentials: Optional[Tuple[Tensor, Tensor]] = None,
                 strength: Optional[Tensor] = None) -> TransportOutput:
        r"""Solves a batch of problems.

        Args:
            problem (LinearProblem): The problems.
            potentials (tuple of torch.Tensor, optional): Where to start, as in a
                result. (default: zero)
            strength (torch.Tensor, optional): The strength of the regulariser of each
                pair :math:`(B)`, in units of the costs. (default: as :obj:`epsilon` and
                :obj:`relative` say)
        """
        cost, a, b = problem
        unroll = self.gradient == 'unroll' and torch.is_grad_enabled()
        with tracking(unroll):
            marginals = with_logarithms(a, b)
        costs = permitted_costs(cost, Marginals(*(x.detach() for x in marginals)),
                                self.relative or self.scaling is not None)
        cost, permitted = costs.cost, costs.permitted
        if strength is None:
            strength = regularization(self.epsilon, self.relative, cost, a, b,
                                      costs.counted)
        with tracking(unroll):
            f, g = potentials or (torch.zeros_like(a), torch.zeros_like(b))
            if f.shape != a.shape or g.shape != b.shape:
                raise ValueError(
                    f"Expected potentials of shape {list(a.shape)} and "
                    f"{list(b.shape)} (got {list(f.shape)} and {list(g.shape)})")
            if potentials is not None:
                f, g = torch.where(a > 0, f, 0), torch.where(b > 0, g, 0)
            iterations: Tensor = torch.zeros_like(strength, dtype=torch.long)
            if self.scaling is not None:
                f, g, iterations = _anneal(costs, marginals, f, g, strength,
                                           self.scaling, self.num_iters,
                                           self.check_every)
            scale = strength[:, None]
            score = score_of(cost, strength, permitted)
            fit = project(score, marginals, marginals.log_a + f / scale,
                          marginals.log_b + g / scale, self.num_iters, self.tol,
                          self.check_every)
            log_t = log_plan(score, fit.u, fit.v)
            plan = fast_exp(log_t)
            lost = torch.zeros_like(marginals.mass)
            if permitted is not None:
                lost = torch.where(permitted, 0, plan).sum((1, 2))
                plan = torch.where(permitted, plan, 0)
            f = torch.where(a > 0, fit.u - marginals.log_a, 0) * scale
            g = torch.where(b > 0, fit.v - marginals.log_b, 0) * scale
        linear = (plan * cost).sum((1, 2))
        kl = divergence(log_t, plan, marginals)
        regularized = linear + strength * kl
        if not unroll:
            regularized = regularized + marginal_slope(a, f) + marginal_slope(b, g)
        # Where no plan is without forbidden pairs, the iterations end with one.
        converged = (fit.converged & linear.isfinite() & can_be_met(a, b) &
                     (lost <= self.tol * marginals.mass)
                     & is_resolved(strength, self.epsilon, self.relative, cost, a, b,
                                   costs.counted))
        out = TransportOutput(plan, linear, torch.zeros_like(linear),
                              regularized, iterations + fit.iterations,
                              marginal_error(plan, a, b), converged, f, g)
        return out if unroll else once(out)


def sinkhorn(
    cost: Tensor,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    potentials: Optional[Tuple[Tensor, Tensor]] = None,
    **options: Any,
) -> TransportOutput:
    r"""Solves entropic transport problems, given as tensors, by :class:`Sinkhorn`, for
    a batch of pairs of any sizes.

    Args:
        cost (torch.Tensor): The costs :math:`(B, n, m)`, or :math:`(n, m)` for one
            pair. An infinite cost forbids a pair of nodes: it gets no mass.
        a (torch.Tensor, optional): The first marginals :math:`(B, n)`; zero is no node.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The second marginals :math:`(B, m)`.
            (default: uniform, of total mass one)
        mask_s (torch.Tensor, optional): The nodes of the first side :math:`(B, n)`.
            (default: all)
        mask_t (torch.Tensor, optional): The nodes of the second side :math:`(B, m)`.
            (default: all)
        potentials (tuple of torch.Tensor, optional): Where to start, as in a result.
            (default: zero)
        **options (optional): The fields of :class:`Sinkhorn`.

    Raises:
        ValueError: If an option is out of range, shapes do not match, a mass is
            negative or not finite, or the total masses of a pair differ.
        TypeError: If an option does not exist.
    """
    return Sinkhorn(**options)(masked_problem(cost, a, b, mask_s, mask_t), potentials)


def marginal_slope(a: Tensor, potential: Tensor) -> Tensor:
    r"""Zero :math:`(B)`, with the optimal value's slope in the marginals: the dual
    potential, up to a constant that no change of equal mass sees."""
    return ((a - a.detach()) * potential.detach()).sum(1)


def _anneal(costs: PermittedCosts, marginals: Marginals, f: Tensor, g: Tensor,
            strength: Tensor, scaling: float, num_iters: int,
            check_every: int) -> Tuple[Tensor, Tensor, Tensor]:
    r"""The potentials after the stages that lead to a pair's strength, and their
    iterations. How many there are depends on the pair alone."""
    a, b, log_a, log_b, _ = marginals
    start = regularization(1., True, costs.cost, a, b, costs.counted)
    iterations = torch.zeros_like(strength, dtype=torch.long)
    ratio = float((start / strength).detach().max()) if start.numel() > 0 else 1.
    for stage in range(math.ceil(math.log(max(ratio, 1)) / -math.log(scaling))):
        current = start * scaling**stage
        active = current > strength
        scale = torch.where(active, current, strength)
        score = score_of(costs.cost, scale, costs.permitted)
        scale = scale[:, None]
        fit = project(score, marginals, log_a + f / scale, log_b + g / scale, num_iters,
                      1e-2, check_every)
        f = torch.where(active[:, None], (fit.u - log_a) * scale, f)
        g = torch.where(active[:, None], (fit.v - log_b) * scale, g)
        iterations += active * fit.iterations
    return f, g, iterations
