r"""Where a descent starts."""
from typing import Optional

import torch
from torch import Tensor

from eega_pyg.ot.constraint import Constraint
from eega_pyg.ot.log_domain import fast_exp, log_plan
from eega_pyg.ot.marginals import LOG_ZERO, Marginals
from eega_pyg.ot.projection import project, round_plan


def first_plan(plan: Optional[Tensor], permitted: Optional[Tensor],
               feasible: Optional[Tensor], marginals: Marginals,
               constraint: Constraint) -> Tensor:
    r"""A given start or the product plan, without forbidden pairs.

    Args:
        plan (torch.Tensor, optional): The given start :math:`(B, n, m)`.
        permitted (torch.Tensor, optional): Where mass may be :math:`(B, n, m)`.
        feasible (torch.Tensor, optional): Whether there is a plan that meets both
            marginals :math:`(B)`; :obj:`None` if they need not be met.
        marginals (Marginals): The masses.
        constraint (Constraint): What the marginals have to do.
    """
    a, b = marginals.a, marginals.b
    if plan is None:
        plan = constraint.start(marginals)
    else:
        plan = constraint.repair(checked_start(plan, a, b), marginals)
    if permitted is None:
        return plan
    if feasible is None:
        plan = constraint.repair(torch.where(permitted, plan, 0), marginals)
        return torch.where(permitted, plan, 0)
    with torch.no_grad():
        score = torch.where(permitted, positive_log(plan), LOG_ZERO)
        u, v = (torch.zeros_like(x).masked_fill(x <= 0, LOG_ZERO) for x in (a, b))
        tol = 100 * torch.finfo(a.dtype).eps
        fit = project(score, marginals, u, v, 1000, tol, 20, ties=True)
        found = fast_exp(log_plan(score, fit.u, fit.v))
        plan = torch.where(feasible[:, None, None], found, plan)
        return torch.where(permitted, plan, 0)


def positive_log(plan: Tensor) -> Tensor:
    r"""The logarithm of a plan; of the least number where there is no mass."""
    return plan.clamp(min=torch.finfo(plan.dtype).tiny).log()


def checked_start(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""A given start, without what is between nodes that have no mass."""
    plan = plan[None] if plan.dim() == 2 else plan
    shape = (*a.shape, b.size(1))
    inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    if plan.shape != shape or not bool((plan[inside] >= 0).all()):
        raise ValueError(f"Expected a start of shape {list(shape)} with masses >= 0 "
                         f"(got {list(plan.shape)})")
    return torch.where(inside, plan, 0)


def start_from(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""A given start, rounded to its marginals."""
    return round_plan(checked_start(plan, a, b), a, b)
