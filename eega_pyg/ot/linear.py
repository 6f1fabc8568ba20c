r"""The Wasserstein problem: two sides, their masses, a cost for each pair of nodes."""
from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.costs import as_features, pairwise_cost
from eega_pyg.ot.marginals import prepare_marginals, uniform_marginals
from eega_pyg.ot.ragged import Layout, node_layout


class LinearProblem(NamedTuple):
    r"""A batch of transport problems, padded: no mass, no node.

    Shapes:
        - **cost:** :math:`(B, n, m)`; infinite between nodes that get no mass
        - **a**, **b:** :math:`(B, n)`, :math:`(B, m)`
    """
    cost: Tensor
    a: Tensor
    b: Tensor


def linear_problem(
    x_s: Tensor,
    x_t: Tensor,
    batch_s: Union[Tensor, Layout, None] = None,
    batch_t: Union[Tensor, Layout, None] = None,
    batch_size: Optional[int] = None,
    cost: str = 'cosine',
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
) -> LinearProblem:
    r"""The Wasserstein problems between the nodes of two batches of graphs.

    Args:
        x_s (torch.Tensor): Node features of the first side :math:`(N_s, F)`; those of
            half a precision are taken in single precision, on both sides.
        x_t (torch.Tensor): Node features of the second side :math:`(N_t, F)`.
        batch_s (torch.Tensor or Layout, optional): The pair of each node :math:`(N_s)`,
            ascending, or their layout. (default: one pair)
        batch_t (torch.Tensor or Layout, optional): The pair of each node :math:`(N_t)`,
            ascending, or their layout. (default: one pair)
        batch_size (int, optional): The number of pairs :math:`B`; needed where the last
            pairs may have an empty side.
        cost (str, optional): As in :func:`pairwise_cost`. (default: :obj:`"cosine"`)
        a (torch.Tensor, optional): The mass of the nodes :math:`(N_s)`.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The mass of the nodes :math:`(N_t)`.
            (default: uniform, of total mass one)

    Raises:
        ValueError: If shapes or types do not match, a batch vector is not ascending, a
            mass is negative or not finite, or the total masses of a pair differ.
    """
    x_s, x_t, nodes_s, nodes_t = checked_sides(x_s, x_t, batch_s, batch_t, batch_size)
    return masked_problem(pairwise_cost(nodes_s.pad(x_s), nodes_t.pad(x_t),
                                        cost), None if a is None else nodes_s.pad(a),
                          None if b is None else nodes_t.pad(b), nodes_s.mask,
                          nodes_t.mask)


def checked_sides(x_s: Tensor, x_t: Tensor, batch_s: Union[Tensor, Layout, None],
                  batch_t: Union[Tensor, Layout, None],
                  batch_size: Optional[int]) -> Tuple[Tensor, Tensor, Layout, Layout]:
    r"""The features of both sides, at least in single precision, and where their nodes
    stand; the errors are those of :func:`linear_problem`."""
    x_s, x_t = as_features(x_s), as_features(x_t)
    if (x_s.dim() != 2 or x_t.dim() != 2 or x_s.size(1) != x_t.size(1)
            or x_s.dtype != x_t.dtype):
        raise ValueError(
            f"Expected features of shapes [N, F] and [M, F] and of one type "
            f"(got {list(x_s.shape)} of '{x_s.dtype}' and "
            f"{list(x_t.shape)} of '{x_t.dtype}')")
    nodes_s, nodes_t = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t,
                                   batch_size, x_s.device)
    return x_s, x_t, nodes_s, nodes_t


def masked_problem(cost: Tensor, a: Optional[Tensor], b: Optional[Tensor],
                   mask_s: Optional[Tensor], mask_t: Optional[Tensor]) -> LinearProblem:
    r"""A problem given as tensors: masks turned into zero mass, one pair into a batch
    of one, costs without mass into zero (they may be infinite or NaN)."""
    if cost.dim() == 2:
        cost = cost[None]
        a, b, mask_s, mask_t = (x if x is None else x[None]
                                for x in (a, b, mask_s, mask_t))
    if cost.dim() != 3 or 0 in cost.shape[1:]:
        raise ValueError(f"Expected costs of shape [B, n, m] or [n, m] with a node on "
                         f"each side, masked where there is none "
                         f"(got {list(cost.shape)})")
    if a is None and b is None and mask_s is None and mask_t is None:
        return LinearProblem(cost, *uniform_marginals(cost))
    mask_s = _full_mask(mask_s, cost.shape[:2], cost.device)
    mask_t = _full_mask(mask_t, cost.shape[::2], cost.device)
    a, b = prepare_marginals(a, b, mask_s, mask_t, cost.dtype)
    inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    return LinearProblem(torch.where(inside, cost, 0), a, b)


def _full_mask(mask: Optional[Tensor], shape: torch.Size,
               device: torch.device) -> Tensor:
    if mask is None:
        return torch.ones(shape, dtype=torch.bool, device=device)
    if mask.shape != shape or mask.dtype != torch.bool:
        raise ValueError(
            f"Expected a mask of shape {list(shape)} and type 'torch.bool' "
            f"(got {list(mask.shape)} and '{mask.dtype}')")
    return mask
