from typing import List, NamedTuple

import torch
from torch import Tensor


class CompleteGraph(NamedTuple):
    r"""All ordered pairs of nodes of each graph in a batch, self-pairs included.

    The pairs of a graph are row-major, graph after graph: the order in which the
    ``(token, pair, token)`` store keeps its attributes.

    Args:
        row (Tensor): First node of each pair. :math:`(|\mathcal{E}|)`
        col (Tensor): Second node of each pair. :math:`(|\mathcal{E}|)`
        position (Tensor): Where each pair stands in a flattened
            :math:`(B, N, N)` block. :math:`(|\mathcal{E}|)`
        node_mask (Tensor): Which entries of a :math:`(B, N)` block are nodes.
        node_position (Tensor): Where each node stands in a flattened :math:`(B, N)`
            block. :math:`(|\mathcal{V}|)`
        sizes (list of int): The number of nodes of each graph, on the host.
    """
    row: Tensor
    col: Tensor
    position: Tensor
    node_mask: Tensor
    node_position: Tensor
    sizes: List[int]

    @classmethod
    def from_ptr(cls, ptr: Tensor) -> 'CompleteGraph':
        r"""The complete graphs on nodes ``ptr[i]`` to ``ptr[i + 1] - 1``.

        Args:
            ptr (Tensor): Cumulated numbers of nodes. :math:`(B + 1)`
        """
        size = ptr.diff()  # [B]
        sizes = size.tolist()
        max_nodes = max(sizes, default=0)
        num_pairs = size * size
        graph = torch.repeat_interleave(num_pairs,
                                        output_size=sum(n * n for n in sizes))
        start = num_pairs.cumsum(0) - num_pairs
        local = torch.arange(graph.numel(), device=ptr.device) - start[graph]
        i = torch.div(local, size[graph], rounding_mode='floor')
        j = local - i * size[graph]
        node_mask = torch.arange(max_nodes, device=ptr.device) < size.unsqueeze(1)
        shift = torch.arange(len(sizes), device=ptr.device) * max_nodes - ptr[:-1]
        position = torch.arange(sum(sizes),
                                device=ptr.device) + torch.repeat_interleave(
                                    shift, size, output_size=sum(sizes))
        return cls(
            row=i + ptr[graph],
            col=j + ptr[graph],
            position=(graph * max_nodes + i) * max_nodes + j,
            node_mask=node_mask,
            node_position=position,
            sizes=sizes,
        )

    @property
    def num_nodes(self) -> int:
        r"""How many nodes all the graphs have."""
        return self.node_position.numel()

    @property
    def edge_index(self) -> Tensor:
        r"""Edges whose messages flow from the second node of a pair to the first, as
        Eq. 9 sums over the second. :math:`(2, |\mathcal{E}|)`"""
        return torch.stack([self.col, self.row])

    def to_dense(self, edge_attr: Tensor, fill_value: float = 0.0) -> Tensor:
        r"""Spreads one value a pair over :math:`(B, N, N)` blocks."""
        B, N = self.node_mask.shape
        out = edge_attr.new_full((B * N * N, ), fill_value)
        return out.scatter(0, self.position, edge_attr).view(B, N, N)

    def nodes_to_dense(self, x: Tensor) -> Tensor:
        r"""Spreads node features over :math:`(B, N, F)` blocks, zeros elsewhere."""
        B, N = self.node_mask.shape
        out = x.new_zeros(B * N, x.size(-1)).index_copy(0, self.node_position, x)
        return out.view(B, N, x.size(-1))

    def nodes_from_dense(self, x: Tensor) -> Tensor:
        r"""The inverse of :meth:`nodes_to_dense`."""
        return x.flatten(0, 1).index_select(0, self.node_position)
