r"""A torch sparse adjacency matrix as edges with types or attributes."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import Adj, OptTensor, Size
from torch_geometric.utils import is_torch_sparse_tensor, to_edge_index


class Edges(NamedTuple):
    r"""What a layer with typed or attributed edges is called with."""
    edge_index: Adj
    edge_attr: OptTensor
    edge_type: OptTensor
    size: Size


def edges_of(edge_index: Adj, edge_attr: OptTensor, edge_type: OptTensor, size: Size,
             edge_dim: Optional[int], typed: bool, flow: str) -> Edges:
    r"""Takes a torch sparse matrix apart; other edges are returned as they are.

    The matrix is transposed, as everywhere in PyG: entry :math:`(i, j)` is the edge
    from :math:`j` to :math:`i`. Its values are the edges' types (in a layer with edge
    types) or attributes (in one with ``edge_dim``); a layer without either looks at its
    pattern alone.

    Raises:
        ValueError: If types or attributes are given beside those of the matrix, which
            PyG would pair with its edges in whatever order they stand.
    """
    if not is_torch_sparse_tensor(edge_index):
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
