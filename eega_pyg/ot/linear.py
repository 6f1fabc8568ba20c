r"""The Wasserstein problem: two sides, their masses, a cost for each pair of nodes."""
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.costs import pairwise_cost
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.ragged import node_layout

GRADIENTS = ('envelope', 'unroll')


class LinearProblem(NamedTuple):
    r"""A batch of transport problems, padded: no mass, no node.

    Shapes:
        - **cost:** :math:`(B, n, m)`, finite everywhere
        - **a**, **b:** :math:`(B, n)`, :math:`(B, m)`
    """
    cost: Tensor
    a: Tensor
    b: Tensor


def linear_problem(
    x_s: Tensor,
    x_t: Tensor,
    batch_s: Optional[Tensor] = None,
    batch_t: Optional[Tensor] = None,
    batch_size: Optional[int] = None,
    cost: str = 'cosine',
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
) -> LinearProblem:
    r"""The Wasserstein problems between the nodes of two batches of graphs.

    Args:
        x_s (torch.Tensor): Node features of the first side :math:`(N_s, F)`.
        x_t (torch.Tensor): Node features of the second side :math:`(N_t, F)`.
        batch_s (torch.Tensor, optional): The pair of each node :math:`(N_s)`,
            ascending. (default: one pair)
        batch_t (torch.Tensor, optional): The pair of each node :math:`(N_t)`,
            ascending. (default: one pair)
        batch_size (int, optional): The number of pairs :math:`B`; needed where the last
            pairs may have an empty side.
        cost (str, optional): As in :func:`pairwise_cost`. (default: :obj:`"cosine"`)
        a (torch.Tensor, optional): The mass of the nodes :math:`(N_s)`.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The mass of the nodes :math:`(N_t)`.
            (default: uniform, of total mass one)

    Raises:
        ValueError: If a batch vector is not ascending, a mass is negative or not
            finite, or the total masses of a pair differ.
    """
    nodes_s, nodes_t = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t,
                                   batch_size, x_s.device)
    return masked_problem(pairwise_cost(nodes_s.pad(x_s), nodes_t.pad(x_t),
                                        cost), None if a is None else nodes_s.pad(a),
                          None if b is None else nodes_t.pad(b), nodes_s.mask,
                          nodes_t.mask)


def masked_problem(cost: Tensor, a: Optional[Tensor], b: Optional[Tensor],
                   mask_s: Optional[Tensor], mask_t: Optional[Tensor]) -> LinearProblem:
    r"""A problem given as tensors: masks turned into zero mass, one pair into a batch
    of one, costs without mass into zero (they may be infinite or NaN)."""
    if cost.dim() == 2:
        cost = cost[None]
        a, b, mask_s, mask_t = (x if x is None else x[None]
                                for x in (a, b, mask_s, mask_t))
    mask_s, mask_t = full_masks(cost, mask_s, mask_t)
    a, b = prepare_marginals(a, b, mask_s, mask_t, cost.dtype)
    inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    return LinearProblem(torch.where(inside, cost, 0), a, b)


def full_masks(cost: Tensor, mask_s: Optional[Tensor],
               mask_t: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
    r"""The given masks, or those of a batch in which every node is real."""
    batch_size, n, m = cost.shape
    if mask_s is None:
        mask_s = torch.ones(batch_size, n, dtype=torch.bool, device=cost.device)
    if mask_t is None:
        mask_t = torch.ones(batch_size, m, dtype=torch.bool, device=cost.device)
    return mask_s, mask_t
