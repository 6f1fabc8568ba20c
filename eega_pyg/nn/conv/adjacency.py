r"""All forms of the edges as what a layer computes with."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size
from torch_geometric.utils import is_torch_sparse_tensor, softmax, to_edge_index

from .arguments import check_edges, check_rows, check_size, check_types


class Edges(NamedTuple):
    r"""What a layer with typed or attributed edges is called with."""
    edge_index: Adj
    edge_attr: OptTensor
    edge_type: OptTensor
    size: Size


def edges_of(x: OptPairTensor, edge_index: Adj, edge_attr: OptTensor,
             edge_type: OptTensor, size: Size, edge_dim: Optional[int],
             num_edge_types: Optional[int], flow: str) -> Edges:
    r"""Takes a torch sparse matrix apart, and gives an
    :class:`~torch_geometric.EdgeIndex` the size of the graph, which without it ends at
    the last node that has an edge. One attribute an edge may be a vector of them.

    The matrix is transposed, as everywhere in PyG: entry :math:`(i, j)` is the edge
    from :math:`j` to :math:`i`. Its values are the edges' types (in a layer with edge
    types) or attributes (in one with ``edge_dim``); a layer without either looks at its
    pattern alone.

    Raises:
        ValueError, TypeError, IndexError: Naming the argument, if shapes, types or
            values do not fit; if types or attributes are given beside those of the
            matrix, which PyG would pair with its edges in whatever order they stand; or
            if the matrix holds an edge twice.
    """
    num_nodes = (x[0].size(0), None if x[1] is None else x[1].size(0))
    forward = flow == 'source_to_target'
    known = num_nodes if forward else num_nodes[::-1]
    if not isinstance(edge_index, Tensor):
        raise TypeError(f"Expected 'edge_index' as a tensor, an EdgeIndex or a torch "
                        f"sparse matrix (got '{type(edge_index).__name__}')")
    if is_torch_sparse_tensor(edge_index):
        shape = (edge_index.size(1), edge_index.size(0))
        if any(n is not None and n != m for n, m in zip(num_nodes, shape)):
            raise ValueError(f"Expected 'edge_index' as a sparse matrix of targets by "
                             f"sources (got {list(edge_index.shape)} with 'x' of "
                             f"{num_nodes[0]} sources and {num_nodes[1]} targets)")
        edges = _from_matrix(edge_index, edge_attr, edge_type, edge_dim, num_edge_types
                             is not None, flow)
    else:
        if size is not None:
            check_size(size, known)
        elif x[1] is not None:
            size = known
        index = edge_index
        if isinstance(edge_index, EdgeIndex):
            index = edge_index.as_tensor()
        check_edges(index, size)
        if isinstance(edge_index,
                      EdgeIndex) and size not in (None, edge_index.sparse_size()):
            edge_index = EdgeIndex(index, sparse_size=size,
                                   sort_order=edge_index.sort_order)
        elif edge_index.dtype != torch.long:
            edge_index = edge_index.long()
        if isinstance(edge_attr, Tensor) and edge_attr.dim() == 1:
            edge_attr = edge_attr.view(-1, 1)
        edges = Edges(edge_index, edge_attr, edge_type, size)
    num_edges = index_of(edges).size(1)
    if num_edge_types is not None and edges.edge_type is not None:
        check_types('edge_type', edges.edge_type, num_edges, num_edge_types)
    elif edge_dim is not None and edges.edge_attr is not None:
        check_rows('edge_attr', edges.edge_attr, num_edges, edge_dim)
    return edges


def index_of(edges: Edges) -> Tensor:
    r"""The edges as a plain tensor."""
    index = edges.edge_index
    assert isinstance(index, Tensor)
    return index.as_tensor() if isinstance(index, EdgeIndex) else index


def _from_matrix(edge_index: Tensor, edge_attr: OptTensor, edge_type: OptTensor,
                 edge_dim: Optional[int], typed: bool, flow: str) -> Edges:
    if edge_attr is not None or edge_type is not None:
        raise ValueError(
            "Expected edge types or attributes as the values of the sparse "
            "adjacency matrix, and none beside it")
    if flow != 'source_to_target':
        raise ValueError(
            f"Expected the flow 'source_to_target' with a sparse adjacency "
            f"matrix; transpose it instead (got '{flow}')")
    if edge_index.layout == torch.sparse_coo:
        num_entries = edge_index._nnz()
        edge_index = edge_index.coalesce()  # To PyG they are sorted, and are not.
        if edge_index._nnz() < num_entries:
            raise ValueError("The sparse adjacency matrix holds an edge twice, whose "
                             "types or attributes would be added up: give the edges "
                             "as 'edge_index' instead")
    index, value = to_edge_index(edge_index)
    size = (edge_index.size(1), edge_index.size(0))
    # Rows of the matrix are targets, and all layouts but CSC are sorted by row.
    by_target = edge_index.layout != torch.sparse_csc
    index = EdgeIndex(index.flip(0), sparse_size=size,
                      sort_order='col' if by_target else 'row')
    if typed:
        if value.dim() > 1 or value.is_floating_point():
            raise ValueError(
                f"Expected the edge types, whole numbers, as the values of "
                f"the sparse adjacency matrix (got values of shape "
                f"{list(value.shape)} and type '{value.dtype}')")
        return Edges(index, None, value, size)
    if edge_dim is None:
        return Edges(index, None, None, size)
    return Edges(index,
                 value.view(-1, 1) if value.dim() == 1 else value.flatten(1), None,
                 size)


def edge_softmax(src: Tensor, index: Tensor, ptr: OptTensor,
                 num_nodes: Optional[int]) -> Tensor:
    r"""The softmax over the edges of each node, with sums in single precision at least:
    in half precision, that of a few hundred edges stops growing."""
    wide = src.to(torch.promote_types(src.dtype, torch.float32))
    return softmax(wide, index, ptr, num_nodes).to(src.dtype)
