r"""Which pairs of nodes may carry mass, and which of their costs say what a cost is."""
from typing import NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from eega_pyg.ot.marginals import LOG_ZERO, Marginals, check_type, mean_cost
from eega_pyg.ot.simplex import FAR, simplex
from eega_pyg.ot.tracking import as_integers, as_numpy, refuse_vmap

#: So many times the mean of the others has the mean to be.
RAISED = 5.


class PermittedCosts(NamedTuple):
    r"""Costs that are numbers, and what is known of the others.

    Shapes:
        - **cost:** :math:`(B, n, m)`, zero where it was infinite
        - **permitted:** :math:`(B, n, m)`, where mass may be (None: everywhere)
        - **counted:** :math:`(B, n, m)`, the pairs that make the mean cost (None: all)
        - **needed:** :math:`(B, n, m)`, the pairs that an optimal plan may need (None:
          all)
        - **feasible:** :math:`(B)`, whether there is a plan (None: always)
    """
    cost: Tensor
    permitted: Optional[Tensor]
    counted: Optional[Tensor]
    needed: Optional[Tensor]
    feasible: Optional[Tensor]


@torch.no_grad()
def _above(cost: Tensor, marginals: Marginals) -> Tuple[Tensor, Tensor]:
    r"""Costs above what all pairs of a node cost, which makes no plan better or worse
    than another, and what is rounding in them :math:`(B, 1, 1)`. Zero where there is
    no mass or no finite cost."""
    above = cost.masked_fill((marginals.a <= 0)[:, :, None], torch.inf)
    above.masked_fill_((marginals.b <= 0)[:, None, :], torch.inf)
    size = torch.zeros_like(above[:, :1, :1])
    for dim in (2, 1):
        low = above.amin(dim, keepdim=True)
        low = torch.where(low.isfinite(), low, 0)
        above.sub_(low)
        size = size + low.abs().amax((1, 2), keepdim=True)
    return above.masked_fill_(above == torch.inf,
                              0), 128 * torch.finfo(cost.dtype).eps * size


@torch.no_grad()
def _masks(cost: Tensor, marginals: Marginals) -> Tuple[Optional[Tensor], ...]:
    above, rounding = _above(cost, marginals)
    top = above.amax((1, 2), keepdim=True)
    zero = (above <= rounding).sum((1, 2))
    low = (above < top / FAR).sum((1, 2))
    # At least a tenth of the positive ones are far below the largest.
    suspect = (top > rounding).flatten() & (10 * (low - zero)
                                            >= cost.size(1) * cost.size(2) - zero)
    infinite = cost.amax((1, 2)) == torch.inf
    if not bool((suspect | infinite).any()):
        return None, None, None, None
    inside = (marginals.a > 0)[:, :, None] & (marginals.b > 0)[:, None, :]
    permitted = cost != torch.inf
    positive = above > rounding
    some = torch.stack([suspect, (inside & ~permitted).any(2).any(1)])
    feasible = torch.ones_like(suspect)
    for i in as_integers(some[1].nonzero().flatten()):
        feasible[i] = is_feasible(permitted[i], marginals, i)
    counted, needed = permitted.clone(), permitted.clone()
    for i in as_integers(suspect.nonzero().flatten()):
        values = above[i][positive[i]]
        limit = FAR * values.kthvalue(-(-values.numel() // 10)).values
        near = permitted[i] & (above[i] <= limit)
        part = marginals.select(slice(i, i + 1))
        if (_mean(cost[i], permitted[i], part) >= RAISED * _mean(cost[i], near, part)
                and is_feasible(near, marginals, i)):
            counted[i] = near
            # A plan without far pairs beats any that has one of more than this: what
            # a cycle of exchanges costs elsewhere.
            cycle = 2 * min(int((part.a > 0).sum()), int((part.b > 0).sum()))
            needed[i] &= above[i] <= cycle * limit
    return permitted if bool(some[1].any()) else None, counted, needed, feasible


def _mean(cost: Tensor, mask: Tensor, marginals: Marginals) -> float:
    return float(mean_cost(cost[None], marginals.a, marginals.b, mask[None]))


def is_feasible(mask: Tensor, marginals: Marginals, index: int) -> bool:
    r"""Whether a pair has a plan without mass outside :obj:`mask` :math:`(n, m)`."""
    a, b = as_numpy(marginals.a[index]), as_numpy(marginals.b[index])
    cost = np.where(as_numpy(mask) > 0, 0., np.inf)
    return simplex(cost, a, b, slack=slack_of(marginals.a.dtype)).optimal


def slack_of(dtype: torch.dtype) -> float:
    r"""What sums of rounded masses differ by."""
    return 1e-6 if dtype == torch.float32 else 1e-12


def permitted_costs(cost: Tensor, marginals: Marginals,
                    relative: bool = True) -> PermittedCosts:
    r"""Takes the pairs apart that may not be used (their cost is infinite), and those
    that are not used in any case: costs far above all others, *e.g.*, where a user
    forbids pairs by a large number, would make the mean cost, in whose units solvers
    work, a unit in which all the other costs are the same.

    A cost is far above the others if, after what all pairs of a node cost is
    subtracted, it is more than :data:`FAR` times the lowest tenth of them, the costs'
    mean is :data:`RAISED` times that without them, and both sides can be matched
    without them.

    Args:
        cost (torch.Tensor): The costs :math:`(B, n, m)`.
        marginals (Marginals): The masses.
        relative (bool, optional): Whether the mean cost is asked for. If not, costs are
            looked at only where one is infinite. (default: :obj:`True`)

    Raises:
        ValueError: If the costs are neither ``float32`` nor ``float64``.
    """
    refuse_vmap(cost, marginals.a, marginals.b)
    check_type(cost.dtype)
    if not relative and not bool((cost.detach().amax((1, 2)) == torch.inf).any()):
        return PermittedCosts(cost, None, None, None, None)
    permitted, counted, needed, feasible = _masks(cost.detach(), marginals)
    if permitted is not None:
        cost = torch.where(permitted, cost, 0)
    return PermittedCosts(cost, permitted, counted, needed, feasible)


def score_of(cost: Tensor, scale: Tensor, mask: Optional[Tensor]) -> Tensor:
    r"""Costs as logarithms of a plan without masses, in units of :obj:`scale`
    :math:`(B)`; the logarithm of zero outside :obj:`mask`."""
    score = -cost / scale[:, None, None]
    return score if mask is None else torch.where(mask, score, LOG_ZERO)
