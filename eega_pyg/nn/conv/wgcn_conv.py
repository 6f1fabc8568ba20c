from typing import Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn import Linear, MessagePassing
from torch_geometric.nn.inits import glorot
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size

from .adjacency import edge_softmax, edges_of, index_of
from .arguments import check_nodes, check_rows, check_types
from .complete_graph import CompleteGraph
from .templates import remove_template_files


class WGCNConv(MessagePassing):
    r"""The weighted graph convolution (W-GCN) of one channel from the `"Joint
    Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph Alignment Network
    and Word-pair Relation Tagging" <https://arxiv.org/abs/2211.15028>`_ paper
    (Eq. 9).

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i)}
        \underset{j \in \mathcal{N}(i)}{\textrm{softmax}} \left( \textrm{ReLU}
        \left( \mathbf{w}^{\top} \mathbf{r}_{ij} + b \right) \right)
        \mathbf{W} \mathbf{x}_j

    where :math:`\mathbf{r}_{ij}` is the edge's attribute. With :obj:`num_edge_types`
    the attributes are rows of a trainable table, and :math:`\mathbf{w}` is applied to
    the table rather than to the edges. A message is a scalar times the neighbour:
    nothing of size :math:`|\mathcal{E}| \cdot F` is held where edges are sorted by
    their targets (torch sparse matrices, and :class:`~torch_geometric.EdgeIndex` with
    :obj:`sort_order="col"`), nor on a :class:`~eega_pyg.nn.conv.CompleteGraph`, where
    the sum is a product of dense blocks.

    Args:
        in_channels (int or tuple): Size of each input sample, or :obj:`-1` to derive it
            from the first input. Of a tuple, the sizes of source and target nodes, only
            the first is read.
        out_channels (int): Size of each output sample.
        edge_dim (int): Size of an edge attribute.
        num_edge_types (int, optional): Number of edge types; if given, the layer holds
            a table of :obj:`edge_dim` values a type and takes :obj:`edge_type`.
            (default: :obj:`None`)
        bias (bool, optional): If set to :obj:`False`, :math:`\mathbf{W}` has no
            additive bias. (default: :obj:`True`)
        **kwargs (optional): Additional arguments of :class:`MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or a tuple for a
          bipartite graph; edge indices :math:`(2, |\mathcal{E}|)`, a torch sparse
          matrix (transposed) whose values are the attributes or types, or a complete
          graph; edge attributes :math:`(|\mathcal{E}|, D)`, edge types
          :math:`(|\mathcal{E}|)`, or edge scores :math:`(|\mathcal{E}|)`, which are
          :math:`\mathbf{w}^{\top} \mathbf{r}_{ij} + b` where they can be had without
          building the attributes; optionally, which of the edges of a complete graph
          are there :math:`(|\mathcal{E}|)`, at least one for each node
        - **output:** node features :math:`(|\mathcal{V}|, F_{out})`; with
          :obj:`return_attention_weights=True` also the edge indices and the softmax of
          each edge :math:`(|\mathcal{E}|)`

    Raises:
        ValueError: Unless exactly one of attributes, types and scores is given, and it
            is what the layer was built for.
        ValueError, TypeError, IndexError: Naming the argument, if a shape, type or
            value does not fit.
    """
    SUPPORTS_FUSED_EDGE_INDEX = True

    def __init__(self, in_channels: Union[int, Tuple[int, int]], out_channels: int,
                 edge_dim: int, num_edge_types: Optional[int] = None, bias: bool = True,
                 **kwargs: object) -> None:
        kwargs.setdefault('aggr', 'add')
        super().__init__(node_dim=0, **kwargs)
        if edge_dim < 1:
            raise ValueError(f"Expected 'edge_dim' of at least 1 (got {edge_dim})")
        # All that the fused path and the dense blocks can do is to add to targets.
        self.adds = (kwargs['aggr'] in ('add', 'sum')
                     and self.flow == 'source_to_target')
        if not self.adds:
            self.fuse = False
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.edge_dim = edge_dim
        self.num_edge_types = num_edge_types
        source = in_channels if isinstance(in_channels, int) else in_channels[0]
        self.lin = Linear(source, out_channels, bias=bias)
        self.lin_edge = Linear(edge_dim, 1)
        if num_edge_types is not None:
            self.edge_emb = torch.nn.Embedding(num_edge_types, edge_dim)
        remove_template_files()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        self.lin.reset_parameters()
        glorot(self.lin_edge.weight)
        # The softmax does not see a common shift, the ReLU does: a bias well above zero
        # starts every edge on its linear side, where it has a gradient.
        torch.nn.init.constant_(self.lin_edge.bias, 4.0)
        if self.num_edge_types is not None:
            self.edge_emb.reset_parameters()

    def forward(
        self,
        x: Union[Tensor, OptPairTensor],
        edge_index: Union[Adj, CompleteGraph],
        edge_attr: OptTensor = None,
        edge_type: OptTensor = None,
        edge_score: OptTensor = None,
        edge_mask: OptTensor = None,
        size: Size = None,
        return_attention_weights: bool = False,
    ) -> Union[Tensor, Tuple[Tensor, Tuple[Tensor, Tensor]]]:
        x = check_nodes(x, (self.lin.in_channels, None))
        if isinstance(edge_index, CompleteGraph):
            if x[1] is not x[0] or x[0].size(0) != edge_index.num_nodes:
                raise ValueError(f"Expected 'x' of the {edge_index.num_nodes} nodes of "
                                 f"the complete graphs (got {x[0].size(0)})")
            if not self.adds or self._is_watched():
                edge_index = edge_index.edge_index
        if not isinstance(edge_index, CompleteGraph):
            edges = edges_of(x, edge_index, edge_attr, edge_type, size, self.edge_dim,
                             self.num_edge_types, self.flow)
            edge_index, edge_attr, edge_type, size = edges
            num_edges = index_of(edges).size(1)
            if self._is_watched() and isinstance(edge_index, EdgeIndex):
                edge_index = edge_index.as_tensor()
        else:
            num_edges = edge_index.row.numel()
            self._check(edge_attr, edge_type, num_edges)
        if edge_score is not None:
            check_rows('edge_score', edge_score, num_edges, None)
        if edge_mask is not None and (edge_mask.shape != (num_edges, )
                                      or edge_mask.dtype != torch.bool):
            raise ValueError(f"Expected 'edge_mask' of shape [{num_edges}] and type "
                             f"'torch.bool' (got {list(edge_mask.shape)} and "
                             f"'{edge_mask.dtype}')")
        score = self._score(edge_attr, edge_type, edge_score).relu()  # [E]
        if edge_mask is not None:
            score = score.masked_fill(~edge_mask, float('-inf'))
        h = self.lin(x[0])
        if isinstance(edge_index, CompleteGraph):
            block = self._block(edge_index, score)
            out = edge_index.nodes_from_dense(block @ edge_index.nodes_to_dense(h))
            if not return_attention_weights:
                return out
            alpha = block.flatten()[edge_index.position]
            return out, (edge_index.edge_index, alpha)

        alpha = self.edge_updater(edge_index, edge_score=score, size=size)
        out = self.propagate(edge_index, x=(h, None), alpha=alpha, size=size)
        return (out, (edge_index, alpha)) if return_attention_weights else out

    def _is_watched(self) -> bool:
        r"""Whether an explainer or a hook wants to see the messages, of which neither
        the fused path nor the dense blocks have any."""
        return bool(self.explain) or any(
            getattr(self, f'_{step}_forward_{hooks}')
            for step in ('propagate', 'edge_update', 'message', 'aggregate')
            for hooks in ('pre_hooks', 'hooks'))

    def _check(self, edge_attr: OptTensor, edge_type: OptTensor,
               num_edges: int) -> None:
        if edge_type is not None and self.num_edge_types is not None:
            check_types('edge_type', edge_type, num_edges, self.num_edge_types)
        elif edge_attr is not None:
            check_rows('edge_attr', edge_attr, num_edges, self.edge_dim)

    def _score(self, edge_attr: OptTensor, edge_type: OptTensor,
               edge_score: OptTensor) -> Tensor:
        expected = 'edge_attr' if self.num_edge_types is None else 'edge_type'
        given = {
            'edge_attr': edge_attr,
            'edge_type': edge_type,
            'edge_score': edge_score
        }
        names = [name for name, value in given.items() if value is not None]
        if names == ['edge_score']:
            assert edge_score is not None
            return edge_score
        if names != [expected]:
            raise ValueError(f"Expected either '{expected}' or 'edge_score' (got "
                             f"{' and '.join(names) or 'neither'})")
        if edge_type is not None:
            table = self.lin_edge(self.edge_emb.weight).squeeze(-1)
            return table.index_select(0, edge_type.long())
        return self.lin_edge(edge_attr).squeeze(-1)

    @staticmethod
    def _block(graph: CompleteGraph, score: Tensor) -> Tensor:
        weight = graph.to_dense(score, fill_value=float('-inf'))  # [B, N, N]
        # A padded row has no entry at all, and would be 0/0.
        weight = weight.masked_fill(~graph.node_mask.unsqueeze(-1), 0.0)
        return weight.softmax(dim=-1)

    def edge_update(self, edge_score: Tensor, index: Tensor, ptr: OptTensor,
                    size_i: Optional[int]) -> Tensor:
        return edge_softmax(edge_score, index, ptr, size_i)

    def message(self, x_j: Tensor, alpha: Tensor) -> Tensor:
        return x_j * alpha.unsqueeze(-1)

    def message_and_aggregate(self, edge_index: EdgeIndex, x: OptPairTensor,
                              alpha: Tensor) -> Tensor:
        (ptr, neighbor), _ = edge_index.get_csc()
        # It has no gradient in half precision.
        dtype = torch.promote_types(x[0].dtype, torch.float32)
        out = F.embedding_bag(neighbor, x[0].to(dtype), ptr, mode='sum',
                              per_sample_weights=alpha.to(dtype),
                              include_last_offset=True)
        return out.to(x[0].dtype)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.in_channels}, {self.out_channels}, '
                f'edge_dim={self.edge_dim})')
