import inspect
from typing import Optional

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.inits import reset
from torch_geometric.typing import Adj
from torch_geometric.utils import is_torch_sparse_tensor

from .arguments import check_edges, check_features, check_types


class TypedConv(torch.nn.Module):
    r"""A graph layer of one's choice that is called with the types of the edges, as
    :class:`AttributeTransformerConv` is.

    .. math::
        \mathbf{X}^{\prime} = g \cdot \textrm{conv}(\mathbf{X}, \ldots)

    where the gain :math:`g` is trained. It starts small: what a random layer adds to
    the features of a pretrained encoder is noise.

    What :obj:`conv` is told of the types depends on the arguments of its ``forward``:

    - ``edge_type``: the types themselves, *e.g.*,
      :class:`~torch_geometric.nn.RGCNConv`. A layer with an attribute
      ``num_edge_types``, as ours have, has to have set it;
    - else ``edge_attr``, or any keywords (``**kwargs``), if there is an
      :obj:`edge_dim`: the rows of a trained table with :obj:`edge_dim` values a type,
      *e.g.*, :class:`~torch_geometric.nn.GATv2Conv`;
    - else nothing, *e.g.*, :class:`~torch_geometric.nn.GCNConv`.

    Args:
        conv (torch.nn.Module): The layer; keeps the size of its input.
        num_edge_types (int): Number of edge types.
        edge_dim (int, optional): Size of the attributes of an edge that the layer
            reads; by default its own ``edge_dim``, if it has such an attribute.
            (default: :obj:`None`)
        gain (float, optional): What the gain starts from. (default: :obj:`0.1`)

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edge indices
          :math:`(2, |\mathcal{E}|)`, edge types :math:`(|\mathcal{E}|)`
        - **output:** node features :math:`(|\mathcal{V}|, F)`

    Raises:
        ValueError: If there is an :obj:`edge_dim` and the layer takes nothing of edges,
            or the layer cannot be called with ``x`` and ``edge_index``.
        ValueError: When called, if the layer changes the size of its input, or if the
            edges are a sparse matrix, whose order is not that of the types.
        ValueError, TypeError, IndexError: Naming the argument, if a shape, type or
            value does not fit.
    """
    def __init__(self, conv: torch.nn.Module, num_edge_types: int,
                 edge_dim: Optional[int] = None, gain: float = 0.1) -> None:
        super().__init__()
        # A compiled layer takes the arguments of the one within.
        taken = inspect.signature(getattr(conv, '_orig_mod', conv).forward).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in taken.values())
        reads_edges = takes_any or 'edge_type' in taken or 'edge_attr' in taken
        if edge_dim is not None and not reads_edges:
            raise ValueError(f"Expected a layer that takes 'edge_attr', since "
                             f"'edge_dim' is given (got {conv})")
        edge_dim = getattr(conv, 'edge_dim', None) if edge_dim is None else edge_dim
        self.conv = conv
        self.num_edge_types = num_edge_types
        self.reads: Optional[str] = None
        if 'edge_type' in taken and getattr(conv, 'num_edge_types', 0) is not None:
            self.reads = 'edge_type'
        elif ('edge_attr' in taken or takes_any) and edge_dim is not None:
            self.reads = 'edge_attr'
            self.edge_emb = torch.nn.Embedding(num_edge_types, edge_dim)
        given = {} if self.reads is None else {self.reads: None}
        try:
            if {'x_dict', 'edge_index_dict'} & taken.keys():
                raise TypeError('it takes dictionaries')
            inspect.Signature(list(taken.values())).bind(None, None, **given)
        except TypeError as e:
            raise ValueError(f"Expected a layer whose 'forward' takes the features and "
                             f"the edges of one kind of nodes, as layer(x, edge_index) "
                             f"(got {conv}: {e})") from None
        self.initial_gain = gain
        self.gain = torch.nn.Parameter(torch.tensor([gain]))

    def reset_parameters(self) -> None:
        reset(self.conv)
        if self.reads == 'edge_attr':
            self.edge_emb.reset_parameters()
        torch.nn.init.constant_(self.gain, self.initial_gain)

    def forward(self, x: Tensor, edge_index: Adj, edge_type: Tensor) -> Tensor:
        check_features('x', x)
        if not isinstance(edge_index, Tensor) or is_torch_sparse_tensor(edge_index):
            raise ValueError("Expected 'edge_index' as a tensor or an EdgeIndex: the "
                             "edges of a sparse matrix have another order than "
                             "'edge_type'")
        size, index = (x.size(0), x.size(0)), edge_index
        if isinstance(edge_index, EdgeIndex):
            index = edge_index.as_tensor()
            if edge_index.sparse_size() != size:
                edge_index = EdgeIndex(index, sparse_size=size,
                                       sort_order=edge_index.sort_order)
        check_edges(index, size)
        check_types('edge_type', edge_type, index.size(1), self.num_edge_types)
        if self.reads == 'edge_type':
            out = self.conv(x, edge_index, edge_type=edge_type)
        elif self.reads == 'edge_attr':
            out = self.conv(x, edge_index, edge_attr=self.edge_emb(edge_type.long()))
        else:
            out = self.conv(x, edge_index)
        if out.shape != x.shape:
            raise ValueError(f"Expected {self.conv} to keep the shape "
                             f"{list(x.shape)} of its input (got {list(out.shape)})")
        return self.gain * out

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.conv}, reads={self.reads})'
