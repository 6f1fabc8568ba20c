r"""Exact Wasserstein distances by proximal steps of entropic problems."""
from typing import Optional

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.linear import masked_problem
from eega_pyg.ot.marginals import regularization, with_logarithms
from eega_pyg.ot.projection import check_iterations, fast_exp, log_plan, project
from eega_pyg.ot.result import TransportOutput, marginal_error
from eega_pyg.ot.sinkhorn import marginal_slope


@no_autocast()
def proximal_point(
    cost: Tensor,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    epsilon: float = 0.1,
    relative: bool = True,
    decay: float = 0.4,
    num_iters: int = 10,
    inner_iters: int = 10000,
    tol: float = 1e-4,
    check_every: int = 10,
) -> TransportOutput:
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
        cost (torch.Tensor): The costs :math:`(B, n, m)`, or :math:`(n, m)` for one
            pair.
        a (torch.Tensor, optional): The first marginals :math:`(B, n)`; zero is no node.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The second marginals :math:`(B, m)`.
            (default: uniform, of total mass one)
        mask_s (torch.Tensor, optional): The nodes of the first side :math:`(B, n)`.
            (default: all)
        mask_t (torch.Tensor, optional): The nodes of the second side :math:`(B, m)`.
            (default: all)
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
        ValueError: If an option is out of range, shapes do not match, a mass is
            negative or not finite, or the total masses of a pair differ.
    """
    check_iterations(num_iters, check_every, inner_iters)
    if not 0 < decay <= 1:
        raise ValueError(f"Expected 'decay' in (0, 1] (got '{decay}')")
    cost, a, b = masked_problem(cost, a, b, mask_s, mask_t)
    with torch.no_grad():
        marginals = with_logarithms(a, b)
        unit = regularization(1., True, cost, a, b) * marginals.mass
        strength = regularization(epsilon, relative, cost, a, b)
        inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
        log_a, log_b = marginals.log_a, marginals.log_b
        f, g = torch.zeros_like(a), torch.zeros_like(b)
        # The best feasible plan and potentials so far, their costs below and above.
        plan, best_f = a[:, :, None] * b[:, None, :], f
        best_g = _c_transform(cost, f, inside)
        upper, lower = (plan * cost).sum((1, 2)), (b * best_g).sum(1)
        active = upper - lower > tol * unit
        iterations = torch.zeros_like(strength, dtype=torch.long)
        total = 0.
        for i in range(num_iters):
            # All steps so far make one entropic problem, with this inverse strength.
            total += decay**-i
            inverse = (total / strength)[:, None]
            # Pairs that are done get scores that the projection meets at once.
            score = torch.where(active[:, None, None], -cost * inverse[:, :, None], 0)
            fit = project(score, marginals, log_a + f * inverse, log_b + g * inverse,
                          inner_iters, tol / 10, check_every)
            f = torch.where(a > 0, (fit.u - log_a) / inverse, 0)
            g = torch.where(b > 0, (fit.v - log_b) / inverse, 0)
            iterations += active
            new_plan = _round(fast_exp(log_plan(score, fit.u, fit.v)), a, b)
            new_g = _c_transform(cost, f, inside)
            new_upper = (new_plan * cost).sum((1, 2))
            new_lower = (a * f).sum(1) + (b * new_g).sum(1)
            better, tighter = active & (new_upper < upper), active & (new_lower > lower)
            upper = torch.where(better, new_upper, upper)
            lower = torch.where(tighter, new_lower, lower)
            plan = torch.where(better[:, None, None], new_plan, plan)
            best_f = torch.where(tighter[:, None], f, best_f)
            best_g = torch.where(tighter[:, None], new_g, best_g)
            active = active & (upper - lower > tol * unit)
            if not bool(active.any()):
                break
    linear = ((plan * cost).sum(
        (1, 2)) + marginal_slope(a, best_f) + marginal_slope(b, best_g))
    return TransportOutput(plan, linear, torch.zeros_like(linear), linear, iterations,
                           marginal_error(plan, a, b), ~active & linear.isfinite(),
                           best_f, best_g)


def _round(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""The nearest plan that meets its marginals: rows and columns with too much are
    scaled down, what is then missing is spread over the product of the gaps."""
    row = plan.sum(2)
    row = torch.where(row > a, row, torch.where(a > 0, a, 1))
    plan = plan * (a / row)[:, :, None]
    column = plan.sum(1)
    column = torch.where(column > b, column, torch.where(b > 0, b, 1))
    plan = plan * (b / column)[:, None, :]
    gap_a, gap_b = (a - plan.sum(2)).clamp(min=0), (b - plan.sum(1)).clamp(min=0)
    missing = gap_b.sum(1)
    missing = torch.where(missing > 0, missing, 1)[:, None]
    return plan + gap_a[:, :, None] * (gap_b / missing)[:, None, :]


def _c_transform(cost: Tensor, f: Tensor, inside: Tensor) -> Tensor:
    r"""The largest potentials of the second side that are feasible beside :obj:`f`."""
    slack = torch.where(inside, cost - f[:, :, None], torch.inf).amin(1)
    return torch.where(inside.any(1), slack, 0)
