r"""Exact Wasserstein distances by proximal steps of entropic problems."""
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
    mean_cost,
    regularization,
    with_logarithms,
)
from eega_pyg.ot.permitted import PermittedCosts, permitted_costs, score_of
from eega_pyg.ot.projection import check_options, project, round_plan
from eega_pyg.ot.result import TransportOutput, marginal_error, once
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.tracking import tracking


@dataclass(frozen=True)
class ProximalPoint:
    r"""Optimal transport without a regulariser, by proximal points (IPOT; Xie *et al.*,
    *"A Fast Proximal Point Method for Computing Exact Wasserstein Distance"*, 2020)

    .. math::
        \mathbf{T}_{k+1} = \arg\min_{\mathbf{T} \mathbf{1} = \mathbf{a}, \,
        \mathbf{T}^{\top} \mathbf{1} = \mathbf{b}} \; \langle \mathbf{T}, \mathbf{C}
        \rangle + \varepsilon_k \, \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{T}_k)

    with steps :math:`\varepsilon_k` that shrink: after :math:`k` of them the plan is
    that of strength :math:`1 / \sum_k \varepsilon_k^{-1}`. The plan is then rounded to
    its marginals (Altschuler *et al.*, *"Near-linear Time Approximation Algorithms for
    Optimal Transport via Sinkhorn Iteration"*, 2017), and a pair stops when the duality
    gap proves its cost optimal. The gradient of :obj:`linear` and :obj:`regularized`,
    which are equal, holds the plan constant, which is exact where the plan is optimal.

    Args:
        epsilon (float, optional): The strength of the first step. (default: :obj:`0.1`)
        relative (bool, optional): If set, :obj:`epsilon` is in units of the pair's mean
            cost. (default: :obj:`True`)
        decay (float, optional): Each step's strength in units of the last one's.
            (default: :obj:`0.4`)
        num_iters (int, optional): At most so many steps. (default: :obj:`10`)
        inner_iters (int, optional): At most so many Sinkhorn iterations in a step.
            (default: :obj:`10000`)
        tol (float, optional): A pair has converged when its duality gap, in units of
            its mean cost, is not above this. (default: :obj:`1e-4`)
        check_every (int, optional): Sinkhorn iterations between two looks at the
            marginal error. (default: :obj:`10`)

    Raises:
        ValueError: If an option is out of range.
    """
    epsilon: float = 0.1
    relative: bool = True
    decay: float = 0.4
    num_iters: int = 10
    inner_iters: int = 10000
    tol: float = 1e-4
    check_every: int = 10

    def __post_init__(self) -> None:
        check_options(self.epsilon, self.tol, 'envelope', self.num_iters,
                      self.check_every, self.inner_iters)
        if not 0 < self.decay <= 1:
            raise ValueError(f"Expected 'decay' in (0, 1] (got '{self.decay}')")

    @no_autocast()
    def __call__(self, problem: LinearProblem) -> TransportOutput:
        r"""Solves a batch of problems."""
        a, b = problem.a, problem.b
        with tracking(False):
            marginals = with_logarithms(a, b)
            costs = permitted_costs(problem.cost, marginals)
            cost, permitted, counted, needed, feasible = costs
            unit = mean_cost(cost, a, b, counted) * marginals.mass
            strength = regularization(self.epsilon, self.relative, cost, a, b, counted)
            inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
            if permitted is not None:
                inside = inside & permitted
            log_a, log_b = marginals.log_a, marginals.log_b
            f, g = torch.zeros_like(a), torch.zeros_like(b)
            # The best feasible plan and potentials so far, their costs below and above.
            plan, upper = self._cost(a[:, :, None] * b[:, None, :], costs, marginals)
            best_f, best_g = f, _c_transform(cost, f, inside)
            lower = (b * best_g).sum(1)
            failed = ~(upper - lower <= self.tol * unit)
            if feasible is not None:
                failed |= ~feasible
            active = failed if feasible is None else failed & feasible
            iterations = torch.zeros_like(strength, dtype=torch.long)
            total = 0.
            for i in range(self.num_iters):
                # All steps so far make one entropic problem of this inverse strength.
                total += self.decay**-i
                inverse = (total / strength)[:, None]
                # Pairs that are done get scores that the projection meets at once.
                score = score_of(cost, strength / total, needed)
                score = torch.where(active[:, None, None], score, 0)
                fit = project(score, marginals, log_a + f * inverse,
                              log_b + g * inverse, self.inner_iters, self.tol / 10,
                              self.check_every)
                f = torch.where(a > 0, (fit.u - log_a) / inverse, 0)
                g = torch.where(b > 0, (fit.v - log_b) / inverse, 0)
                iterations += active
                new_plan, new_upper = self._cost(
                    round_plan(fast_exp(log_plan(score, fit.u, fit.v)), a, b), costs,
                    marginals)
                new_g = _c_transform(cost, f, inside)
                new_lower = (a * f).sum(1) + (b * new_g).sum(1)
                better, tighter = active & (new_upper < upper), active & (new_lower
                                                                          > lower)
                upper = torch.where(better, new_upper, upper)
                lower = torch.where(tighter, new_lower, lower)
                plan = torch.where(better[:, None, None], new_plan, plan)
                best_f = torch.where(tighter[:, None], f, best_f)
                best_g = torch.where(tighter[:, None], new_g, best_g)
                done = active & (upper - lower <= self.tol * unit)
                active, failed = active & ~done, failed & ~done
                if not bool(active.any()):
                    break
        cost = problem.cost if permitted is None else torch.where(
            permitted, problem.cost, 0)
        linear = ((plan * cost).sum(
            (1, 2)) + marginal_slope(a, best_f) + marginal_slope(b, best_g))
        return once(
            TransportOutput(plan, linear, torch.zeros_like(linear), linear, iterations,
                            marginal_error(plan, a, b),
                            ~failed & linear.isfinite() & can_be_met(a, b), best_f,
                            best_g))

    def _cost(self, plan: Tensor, costs: PermittedCosts,
              marginals: Marginals) -> Tuple[Tensor, Tensor]:
        r"""The plan without pairs that are not needed, and its cost; infinite if it had
        much mass there."""
        if costs.needed is None:
            return plan, (plan * costs.cost).sum((1, 2))
        lost = torch.where(costs.needed, 0, plan).sum((1, 2))
        plan = torch.where(costs.needed, plan, 0)
        upper = (plan * costs.cost).sum((1, 2))
        return plan, torch.where(lost <= self.tol * marginals.mass, upper, torch.inf)


def proximal_point(
    cost: Tensor,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    **options: Any,
) -> TransportOutput:
    r"""Solves transport problems, given as tensors, by :class:`ProximalPoint`.

    Args:
        cost, a, b, mask_s, mask_t: As in :func:`sinkhorn`.
        **options (optional): The fields of :class:`ProximalPoint`.

    Raises:
        ValueError, TypeError: As :func:`sinkhorn`.
    """
    return ProximalPoint(**options)(masked_problem(cost, a, b, mask_s, mask_t))


def _c_transform(cost: Tensor, f: Tensor, inside: Tensor) -> Tensor:
    r"""The largest potentials of the second side that are feasible beside :obj:`f`."""
    slack = torch.where(inside, cost - f[:, :, None], torch.inf).amin(1)
    return torch.where(inside.any(1), slack, 0)
