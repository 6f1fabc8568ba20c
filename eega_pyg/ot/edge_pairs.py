r"""The absolute loss of Gromov-Wasserstein problems, over pairs of edges."""
from typing import NamedTuple, Optional

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


class AbsoluteProduct:
    r"""The plan seen through the absolute loss over neighbours

    .. math::
        {(\mathcal{L} \otimes \mathbf{T})}_{ij} = \sum_{i' \in \mathcal{N}(i)}
        \sum_{j' \in \mathcal{N}(j)} | d_{ii'} - d_{jj'} | \, T_{i'j'}

    in time :math:`\mathcal{O}(|\mathcal{E}_s| |\mathcal{E}_t|)` and memory
    :math:`\mathcal{O}(|\mathcal{E}_s| \, m)` and :data:`CHUNK` entries. Losses that
    have no slope and are one chunk are kept for the next plan.

    Args:
        pairs (EdgePairs): The edges of both sides.
        remainder (bool, optional): If set, the loss is :math:`|x - y| - |x| - |y|`,
            which is zero where either side has no edge. (default: :obj:`False`)
        reverse (bool, optional): If set, edges are followed backwards.
            (default: :obj:`False`)
    """
    def __init__(self, pairs: EdgePairs, remainder: bool = False,
                 reverse: bool = False):
        self.pairs, self.remainder = pairs, remainder
        self.s_from, self.s_to = pairs.s_row, pairs.s_col
        self.t_from, self.t_to = pairs.t_row, pairs.t_col
        if reverse:
            self.s_from, self.s_to = self.s_to, self.s_from
            self.t_from, self.t_to = self.t_to, self.t_from
        self.step = max(CHUNK // pairs.s_value.size(1), 1)
        self.loss: Optional[Tensor] = None
        if self.t_from.numel() <= self.step and not torch.is_grad_enabled():
            self.loss = _loss(pairs.s_value, pairs.t_value, pairs.t_graph, remainder)

    def __call__(self, plan: Tensor) -> Tensor:
        r"""The product with plans :math:`(B, n, m)`."""
        batch_size, n, m = plan.shape
        pairs, width = self.pairs, self.pairs.s_value.size(1)
        # Edges of the first graph as columns: all that follows works on whole rows.
        seen = plan.reshape(batch_size * n, m).index_select(0, self.s_to)
        seen = (seen * pairs.s_mask[:, None]).view(batch_size, width, m)
        seen = seen.transpose(1, 2).reshape(batch_size * m, width)
        if self.loss is not None:
            out = _see(seen, self.loss, self.t_from, self.t_to)
        else:
            out = torch.zeros_like(seen)
            chunked = torch.is_grad_enabled() and self.t_from.numel() > self.step
            for start in range(0, self.t_from.numel(), self.step):
                part = slice(start, start + self.step)
                args = (seen, pairs.s_value, pairs.t_value[part], pairs.t_graph[part],
                        self.t_from[part], self.t_to[part], self.remainder)
                if chunked:
                    # The backward pass computes a chunk's temporaries again.
                    out = out + checkpoint(_chunk, *args, use_reentrant=False,
                                           preserve_rng_state=False)
                else:
                    out = out + _chunk(*args)
        out = out.view(batch_size, m, width).transpose(1, 2).reshape(-1, m)
        out = out.new_zeros(batch_size * n, m).index_add(0, self.s_from, out)
        return out.view(batch_size, n, m)


def _chunk(seen: Tensor, s_value: Tensor, t_value: Tensor, t_graph: Tensor,
           t_from: Tensor, t_to: Tensor, remainder: bool) -> Tensor:
    return _see(seen, _loss(s_value, t_value, t_graph, remainder), t_from, t_to)


def _loss(s_value: Tensor, t_value: Tensor, t_graph: Tensor, remainder: bool) -> Tensor:
    x, y = s_value.index_select(0, t_graph), t_value[:, None]
    loss = (x - y).abs()
    return loss - x.abs() - y.abs() if remainder else loss


def _see(seen: Tensor, loss: Tensor, t_from: Tensor, t_to: Tensor) -> Tensor:
    return torch.zeros_like(seen).index_add(0, t_from,
                                            loss * seen.index_select(0, t_to))
