r"""The structure of graphs: a value for each edge, or for all pairs of nodes."""
from typing import Callable, NamedTuple, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.ot.ragged import Layout


class DenseStructure(NamedTuple):
    r"""Values for all pairs of nodes.

    Shapes:
        - **matrix:** :math:`(B, n, n)`, finite everywhere, or :math:`(B, n, n, D)`
          with :math:`D` channels
        - **adjacency:** :math:`(B, n, n)`, zero or one (default: all are adjacent, a
          node to itself too)
    """
    matrix: Tensor
    adjacency: Optional[Tensor] = None

    @property
    def value(self) -> Tensor:
        r"""The values, zero where there is no edge."""
        if self.adjacency is None:
            return self.matrix
        return self.matrix * (self.adjacency[..., None]
                              if self.num_channels else self.adjacency)

    @property
    def num_channels(self) -> int:
        r"""The number of channels of a value, zero if values are numbers."""
        return self.matrix.size(3) if self.matrix.dim() == 4 else 0

    def channel(self, index: int) -> 'DenseStructure':
        r"""The structure with one channel of the values."""
        return DenseStructure(self.matrix[..., index], self.adjacency)

    @property
    def batch_size(self) -> int:
        return self.matrix.size(0)

    @property
    def num_nodes(self) -> int:
        return self.matrix.size(1)

    def transpose(self) -> 'DenseStructure':
        r"""The structure with every edge turned round."""
        return DenseStructure(
            self.matrix.transpose(1, 2),
            None if self.adjacency is None else self.adjacency.transpose(1, 2))

    def is_symmetric(self) -> bool:
        r"""Whether every edge has its reverse, with the same value."""
        return torch.equal(self.value, self.value.transpose(
            1, 2)) and (self.adjacency is None
                        or torch.equal(self.adjacency, self.adjacency.transpose(1, 2)))

    def mass(self, a: Tensor) -> Tensor:
        r"""The product mass :math:`\sum_{(i, i') \in \mathcal{E}} a_i a_{i'}` of the
        adjacent nodes of each graph :math:`(B)`."""
        if self.adjacency is None:
            return a.sum(1).square()
        return (a[:, :, None] * self.adjacency * a[:, None, :]).sum((1, 2))

    def matmul(self, x: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        r"""The product of :obj:`of` the values on the edges with :math:`(B, n, F)`."""
        matrix = of(self.matrix)
        return (matrix if self.adjacency is None else matrix * self.adjacency) @ x

    def select(self, index: int) -> 'DenseStructure':
        r"""The structure of one graph alone, in double precision on the CPU."""
        part = slice(index, index + 1)
        return DenseStructure(
            self.matrix[part].cpu().double(),
            None if self.adjacency is None else self.adjacency[part].cpu().double())

    def part(self, graphs: Tensor, num_nodes: int) -> 'DenseStructure':
        r"""The first nodes of some graphs."""
        part = graphs, slice(num_nodes), slice(num_nodes)
        return DenseStructure(self.matrix[part],
                              None if self.adjacency is None else self.adjacency[part])

    def to_sparse(self, a: Tensor) -> 'SparseStructure':
        r"""The same as edges between nodes that have mass."""
        inside = (a > 0)[:, :, None] & (a > 0)[:, None, :]
        if self.adjacency is not None:
            inside = inside & (self.adjacency != 0)
        graph, row, col = inside.nonzero(as_tuple=True)
        first = graph * self.num_nodes
        return _from_sorted(first + row, first + col, self.matrix[graph, row, col],
                            self.batch_size, self.num_nodes)


class SparseStructure(NamedTuple):
    r"""Values on edges, sorted by their first node. Nodes are counted in the padded
    layout: node :math:`i` of graph :math:`g` is :math:`g \cdot n + i`.

    Shapes:
        - **row**, **col:** :math:`(|\mathcal{E}|)`
        - **value:** :math:`(|\mathcal{E}|)`, or :math:`(|\mathcal{E}|, D)` with
          :math:`D` channels
        - **rowptr:** :math:`(B \cdot n + 1)`
    """
    row: Tensor
    col: Tensor
    value: Tensor
    rowptr: Tensor
    batch_size: int
    num_nodes: int

    @property
    def num_channels(self) -> int:
        r"""The number of channels of a value, zero if values are numbers."""
        return self.value.size(1) if self.value.dim() == 2 else 0

    def channel(self, index: int) -> 'SparseStructure':
        r"""The structure with one channel of the values."""
        return self._replace(value=self.value[:, index])

    @property
    def graph(self) -> Tensor:
        r"""The graph of each edge."""
        return self.row // self.num_nodes

    def transpose(self) -> 'SparseStructure':
        r"""The structure with every edge turned round."""
        order = torch.argsort(self.col, stable=True)
        return _from_sorted(self.col[order], self.row[order], self.value[order],
                            self.batch_size, self.num_nodes)

    def is_symmetric(self) -> bool:
        r"""Whether every edge has its reverse, with the same value."""
        size = self.batch_size * self.num_nodes
        order = torch.argsort(self.row * size + self.col)
        turned = torch.argsort(self.col * size + self.row)
        return (torch.equal(self.row[order], self.col[turned])
                and torch.equal(self.col[order], self.row[turned])
                and torch.equal(self.value[order], self.value[turned]))

    def mass(self, a: Tensor) -> Tensor:
        r"""The product mass :math:`\sum_{(i, i') \in \mathcal{E}} a_i a_{i'}` of the
        adjacent nodes of each graph :math:`(B)`."""
        flat = a.flatten()
        mass = flat[self.row] * flat[self.col]
        return mass.new_zeros(self.batch_size).index_add(0, self.graph, mass)

    def matmul(self, x: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        r"""The product of :obj:`of` the values on the edges with :math:`(B, n, F)`,
        differentiable in both and without a copy of :obj:`x` for each edge."""
        # On a view that is not contiguous it is thirty times slower than on a copy.
        flat = x.reshape(-1, x.size(2)).contiguous()
        out = F.embedding_bag(self.col, flat, self.rowptr, mode='sum',
                              per_sample_weights=of(self.value),
                              include_last_offset=True)
        return out.view(x.shape)

    def select(self, index: int) -> 'SparseStructure':
        r"""The structure of one graph alone, in double precision on the CPU."""
        first = index * self.num_nodes
        rowptr = self.rowptr[first:first + self.num_nodes + 1]
        part = slice(int(rowptr[0]), int(rowptr[-1]))
        return SparseStructure(
            (self.row[part] - first).cpu(), (self.col[part] - first).cpu(),
            self.value[part].cpu().double(), (rowptr - rowptr[0]).cpu(), 1,
            self.num_nodes)

    def part(self, graphs: Tensor, num_nodes: int) -> 'SparseStructure':
        r"""The first nodes of some graphs, given in ascending order, and the edges
        between them."""
        first = self.rowptr[graphs * self.num_nodes]
        count = self.rowptr[(graphs + 1) * self.num_nodes] - first
        place = torch.arange(graphs.numel(), device=graphs.device)
        graph = torch.repeat_interleave(place, count)
        edges = (first - count.cumsum(0) + count)[graph]
        edges = edges + torch.arange(edges.numel(), device=edges.device)
        shift = ((place * num_nodes) - graphs * self.num_nodes)[graph]
        row, col, value = self.row[edges], self.col[edges], self.value[edges]
        row, col = row + shift, col + shift
        if num_nodes < self.num_nodes:
            # Nodes without mass may have edges.
            own = torch.maximum(row, col) < (graph + 1) * num_nodes
            row, col, value = row[own], col[own], value[own]
        return _from_sorted(row, col, value, graphs.numel(), num_nodes)


Structure = Union[DenseStructure, SparseStructure]


def _from_sorted(row: Tensor, col: Tensor, value: Tensor, batch_size: int,
                 num_nodes: int) -> SparseStructure:
    degree = torch.bincount(row, minlength=batch_size * num_nodes)
    return SparseStructure(row, col, value, F.pad(degree.cumsum(0), (1, 0)), batch_size,
                           num_nodes)


def _plain(edge_index: Tensor) -> Tensor:
    # PyG's EdgeIndex takes no arithmetic; to import it would load all of PyG.
    as_tensor = getattr(edge_index, 'as_tensor', None)
    return edge_index if as_tensor is None else as_tensor()


def sparse_structure(edge_index: Tensor, edge_attr: Tensor,
                     nodes: Layout) -> SparseStructure:
    r"""Edges of a batch of graphs, as PyG gives them, with their distances.

    Args:
        edge_index (torch.Tensor): The edges :math:`(2, |\mathcal{E}|)`; one that is
            given twice counts twice.
        edge_attr (torch.Tensor): Their values :math:`(|\mathcal{E}|)`, or
            :math:`(|\mathcal{E}|, D)` with :math:`D` channels.
        nodes (Layout): The nodes of the batch.

    Raises:
        ValueError: If the shapes do not match, a node does not exist, or an edge joins
            two graphs.
    """
    if (edge_index.dim() != 2 or edge_index.size(0) != 2
            or edge_index.dtype != torch.long or edge_attr.dim() not in (1, 2)
            or edge_attr.size(0) != edge_index.size(1) or edge_attr.shape[1:] == (0, )):
        raise ValueError(
            f"Expected edges of shape [2, E] and type 'torch.int64' with "
            f"values of shape [E] or [E, D] (got {list(edge_index.shape)}, "
            f"'{edge_index.dtype}' and {list(edge_attr.shape)})")
    edge_index = _plain(edge_index)
    _check_nodes(edge_index, nodes.position.numel())
    row, col = nodes.position[edge_index]
    width = nodes.max_nodes
    if bool((row // width != col // width).any()):
        bad = int((row // width != col // width).nonzero()[0])
        raise ValueError(f"Expected edges within a graph (edge {bad} joins graph "
                         f"{int(row[bad]) // width} and {int(col[bad]) // width})")
    order = torch.argsort(row, stable=True)
    return _from_sorted(row[order], col[order], edge_attr[order], nodes.batch_size,
                        width)


def _check_nodes(edge_index: Tensor, num_nodes: int) -> None:
    if edge_index.numel() == 0:
        return
    low, high = torch.stack(edge_index.aminmax()).tolist()
    if low < 0 or high >= num_nodes:
        raise ValueError(f"Expected edges between nodes in [0, {num_nodes}) "
                         f"(got {low} to {high})")


def unique_edges(edge_index: Tensor, num_nodes: int,
                 self_loops: bool = False) -> Tensor:
    r"""Each edge once: a neighbourhood is a set.

    Args:
        edge_index (torch.Tensor): The edges :math:`(2, |\mathcal{E}|)`.
        num_nodes (int): The number of nodes in the whole batch.
        self_loops (bool, optional): Whether to keep edges from a node to itself.
            (default: :obj:`False`)

    Raises:
        ValueError: If a node does not exist.
    """
    edge_index = _plain(edge_index)
    _check_nodes(edge_index, num_nodes)
    key = torch.unique(edge_index[0] * num_nodes + edge_index[1])
    row = torch.div(key, max(num_nodes, 1), rounding_mode='floor')
    col = key - row * num_nodes
    if not self_loops:
        row, col = row[row != col], col[row != col]
    return torch.stack([row, col])
