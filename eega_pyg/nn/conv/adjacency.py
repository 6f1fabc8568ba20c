r"""All forms of the edges as what a layer computes with."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size
from torch_geometric.utils import is_torch_sparse_tensor, softmax, to_edge_index


class Edges(NamedTuple):
    r"""What a layer with typed or attributed edges is called with."""
    edge_index: Adj
    edge_attr: OptTensor
    edge_type: OptTensor
    size: Size


def edges_of(x: OptPairTensor, edge_index: Adj, edge_attr: OptTensor,
             edge_type: OptTensor, size: Size, edge_dim: Optional[int], typed: bool,
             flow: str) -> Edges:
    r"""Takes a torch sparse matrix apart, and gives an
    :class:`~torch_geometric.EdgeIndex` the size of the graph, which without it ends at
    the last node that has an edge. One attribute an edge may be a vector of them.

    The matrix is transposed, as everywhere in PyG: entry :math:`(i, j)` is the edge
    from :math:`j` to :math:`i`. Its values are the edges' types (in a layer with edge
    types) or attributes (in one with ``edge_dim``); a layer without either looks at its
    pattern alone.

    Raises:
        ValueError: If types or attributes are given beside those of the matrix, which
            PyG would pair with its edges in whatever order they stand; or if the matrix
            holds an edge twice.
    """
    if size is None and x[1] is not None:
        size = (x[0].size(0), x[1].size(0))
        size = size if flow == 'source_to_target' else size[::-1]
    if edge_attr is not None and edge_attr.dim() == 1:
        edge_attr = edge_attr.view(-1, 1)
    if not is_torch_sparse_tensor(edge_index):
        if isinstance(edge_index,
                      EdgeIndex) and size not in (None, edge_index.sparse_size()):
            edge_index = EdgeIndex(edge_index.as_tensor(), sparse_size=size,
                                   sort_order=edge_index.sort_order)
        return Edges(edge_index, edge_attr, edge_type, size)
    assert isinstance(edge_index, Tensor)
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
    return Edges(index, value.view(value.size(0), -1), None, size)


def edge_softmax(src: Tensor, index: Tensor, ptr: OptTensor,
                 num_nodes: Optional[int]) -> Tensor:
    r"""The softmax over the edges of each node, with sums in single precision at least:
    in half precision, that of a few hundred edges stops growing."""
    wide = src.to(torch.promote_types(src.dtype, torch.float32))
    return softmax(wide, index, ptr, num_nodes).to(src.dtype)
