r"""The absolute loss of Gromov-Wasserstein problems, over pairs of edges."""
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from eega_pyg.ot.structure import SparseStructure

#: Entries of the largest temporary tensor over pairs of edges.
CHUNK = 2**21


class EdgePairs(NamedTuple):
    r"""All pairs of an edge of one graph and an edge of its partner: the first graph's
    edges padded to :math:`(B, E)`, the second's one after the other.

    Shapes:
        - **s_row**, **s_col**, **s_mask:** :math:`(B \cdot E)`; **s_value:**
          :math:`(B, E)`
        - **t_row**, **t_col**, **t_value**, **t_graph:** :math:`(|\mathcal{E}_t|)`
    """
    s_row: Tensor
    s_col: Tensor
    s_value: Tensor
    s_mask: Tensor
    t_row: Tensor
    t_col: Tensor
    t_value: Tensor
    t_graph: Tensor


def edge_pairs(s: SparseStructure, t: SparseStructure) -> EdgePairs:
    r"""Lays out the edges of two structures against each other."""
    graph = s.graph
    count = torch.bincount(graph, minlength=s.batch_size)
    width = max(int(count.max()), 1) if count.numel() > 0 else 1
    shift = torch.arange(s.batch_size, device=graph.device) * width
    shift = shift - (count.cumsum(0) - count)
    position = torch.arange(graph.numel(), device=graph.device) + shift[graph]

    def pad(x: Tensor) -> Tensor:
        return x.new_zeros(s.batch_size * width).index_copy(0, position, x)

    value, mask = pad(s.value).view(-1, width), pad(torch.ones_like(s.value.detach()))
    return EdgePairs(pad(s.row), pad(s.col), value, mask, t.row, t.col, t.value,
                     t.graph)


def absolute_product(pairs: EdgePairs, plan: Tensor, remainder: bool = False,
                     reverse: bool = False) -> Tensor:
    r"""The plan seen through the absolute loss over neighbours

    .. math::
        {(\mathcal{L} \otimes \mathbf{T})}_{ij} = \sum_{i' \in \mathcal{N}(i)}
        \sum_{j' \in \mathcal{N}(j)} | d_{ii'} - d_{jj'} | \, T_{i'j'}

    in time :math:`\mathcal{O}(|\mathcal{E}_s| |\mathcal{E}_t|)` and memory
    :math:`\mathcal{O}(|\mathcal{E}_s| \, m)` and :data:`CHUNK` entries.

    Args:
        pairs (EdgePairs): The edges of both sides.
        plan (torch.Tensor): The plans :math:`(B, n, m)`.
        remainder (bool, optional): If set, the loss is :math:`|x - y| - |x| - |y|`,
            which is zero where either side has no edge. (default: :obj:`False`)
        reverse (bool, optional): If set, edges are followed backwards.
            (default: :obj:`False`)
    """
    batch_size, n, m = plan.shape
    width = pairs.s_value.size(1)
    s_from, s_to = pairs.s_row, pairs.s_col
    t_from, t_to = pairs.t_row, pairs.t_col
    if reverse:
        s_from, s_to, t_from, t_to = s_to, s_from, t_to, t_from

    # Edges of the first graph as columns: all that follows works on whole rows.
    seen = plan.reshape(batch_size * n, m).index_select(0, s_to)
    seen = (seen * pairs.s_mask[:, None]).view(batch_size, width, m)
    seen = seen.transpose(1, 2).reshape(batch_size * m, width)
    out = torch.zeros_like(seen)
    step = max(CHUNK // width, 1)
    chunked = torch.is_grad_enabled() and t_from.numel() > step
    for start in range(0, t_from.numel(), step):
        part = slice(start, start + step)
        args = (seen, pairs.s_value, pairs.t_value[part], pairs.t_graph[part],
                t_from[part], t_to[part], remainder)
        if chunked:
            # The backward pass computes a chunk's temporaries again.
            out = out + checkpoint(_absolute_chunk, *args, use_reentrant=False,
                                   preserve_rng_state=False)
        else:
            out = out + _absolute_chunk(*args)
    out = out.view(batch_size, m, width).transpose(1, 2).reshape(-1, m)
    out = out.new_zeros(batch_size * n, m).index_add(0, s_from, out)
    return out.view(batch_size, n, m)


def _absolute_chunk(seen: Tensor, s_value: Tensor, t_value: Tensor, t_graph: Tensor,
                    t_from: Tensor, t_to: Tensor, remainder: bool) -> Tensor:
    x, y = s_value.index_select(0, t_graph), t_value[:, None]
    loss = (x - y).abs()
    if remainder:
        loss = loss - x.abs() - y.abs()
    loss = loss * seen.index_select(0, t_to)
    return torch.zeros_like(seen).index_add(0, t_from, loss)
