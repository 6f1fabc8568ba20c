import math
from typing import Any, Dict, Optional, Tuple, Union

import torch
from torch import Tensor
from torch_geometric.nn import Linear, MessagePassing
from torch_geometric.nn.dense.linear import is_uninitialized_parameter
from torch_geometric.nn.inits import glorot
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size

from .adjacency import edge_softmax, edges_of
from .arguments import check_nodes
from .templates import remove_template_files


class _ValueLinear(Linear):
    gain = 1.0

    @torch.no_grad()
    def initialize_parameters(self, module: torch.nn.Module, input: Any) -> None:
        lazy = is_uninitialized_parameter(self.weight)
        super().initialize_parameters(module, input)
        if lazy:
            self.weight.mul_(self.gain)


class AttributeTransformerConv(MessagePassing):
    r"""The attribute transformer (At-Att) from the `"Joint Multimodal Entity-Relation
    Extraction Based on Edge-enhanced Graph Alignment Network and Word-pair Relation
    Tagging" <https://arxiv.org/abs/2211.15028>`_ paper (Eqs. 3 and 4).

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i)} \alpha_{ij}
        \left( \mathbf{W}_v \mathbf{x}_j + \mathbf{W}_r \mathbf{z}_{ij} \right),
        \qquad
        \alpha_{ij} = \underset{j \in \mathcal{N}(i)}{\textrm{softmax}} \left(
        \frac{ (\mathbf{W}_q \mathbf{x}_i)^{\top}
        (\mathbf{W}_k \mathbf{x}_j + \mathbf{W}_z \mathbf{z}_{ij}) }{\sqrt{d}} \right)

    where :math:`\mathbf{z}_{ij}` is the edge's attribute, which enters keys and values
    through a matrix each, and :math:`d` the size of a head. With
    :obj:`num_edge_types` the attributes are rows of a trainable table, and
    :math:`\mathbf{W}_z` and :math:`\mathbf{W}_r` are applied to the table rather than
    to the edges. Where there are more edges than pairs of a node and a type, scores and
    sums are factored too, which gives the same up to rounding: :math:`(\mathbf{W}_q
    \mathbf{x}_i)^{\top} \mathbf{W}_z \mathbf{z}_t` is computed once for each node and
    type, and what a node's edges of a type add is :math:`\mathbf{W}_r \mathbf{z}_t`
    times the sum of their coefficients. Explainers and hooks see whole messages.

    Args:
        in_channels (int or tuple): Size of each input sample, or :obj:`-1` to derive
            it from the first input. A tuple is the sizes of source and target nodes.
        out_channels (int): Size of each output sample, a head.
        heads (int, optional): Number of attention heads. (default: :obj:`1`)
        concat (bool, optional): If set to :obj:`False`, heads are averaged instead of
            concatenated. (default: :obj:`True`)
        dropout (float, optional): Dropout probability of the attention coefficients.
            (default: :obj:`0`)
        edge_dim (int, optional): Size of an edge attribute. Without it the layer is a
            vanilla transformer on the graph. (default: :obj:`None`)
        num_edge_types (int, optional): Number of edge types; if given, the layer holds
            a table of :obj:`edge_dim` values a type and takes :obj:`edge_type`.
            (default: :obj:`None`)
        bias (bool, optional): If set to :obj:`False`, queries, keys and values have no
            additive bias. (default: :obj:`True`)
        value_gain (float, optional): Factor of the initial weights of the values,
            :math:`\mathbf{W}_v` and :math:`\mathbf{W}_r`. What a random layer adds to
            the features of a pretrained encoder is noise: below :obj:`1`, it adds
            less. (default: :obj:`1`)
        zero_type (int, optional): The edge type whose attributes start at zero, *e.g.*,
            that of names which no vocabulary has. (default: :obj:`None`)
        **kwargs (optional): Additional arguments of :class:`MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or a tuple for a
          bipartite graph, edge indices :math:`(2, |\mathcal{E}|)`, edge attributes
          :math:`(|\mathcal{E}|, D)` or edge types :math:`(|\mathcal{E}|)`; or instead
          of these a torch sparse matrix (transposed) whose values are the attributes or
          types
        - **output:** node features :math:`(|\mathcal{V}|, H * F_{out})`; with
          :obj:`return_attention_weights=True` also the edge indices and coefficients
          :math:`(|\mathcal{E}|, H)`

    Raises:
        ValueError: If the edge attributes or types that the layer was built for are
            missing, or given to a layer built without them.
        ValueError, TypeError, IndexError: Naming the argument, if a shape, type or
            value does not fit.
    """
    def __init__(
        self,
        in_channels: Union[int, Tuple[int, int]],
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        dropout: float = 0.0,
        edge_dim: Optional[int] = None,
        num_edge_types: Optional[int] = None,
        bias: bool = True,
        value_gain: float = 1.0,
        zero_type: Optional[int] = None,
        **kwargs: object,
    ) -> None:
        kwargs.setdefault('aggr', 'add')
        super().__init__(node_dim=0, **kwargs)
        if num_edge_types is not None and edge_dim is None:
            raise ValueError("Expected 'edge_dim' beside 'num_edge_types' (got 'None')")
        if heads < 1:
            raise ValueError(f"Expected 'heads' >= 1 (got '{heads}')")

        self.in_channels = in_channels
        self.out_channels = out_channels
        self.heads = heads
        self.concat = concat
        self.dropout = dropout
        self.edge_dim = edge_dim
        self.num_edge_types = num_edge_types
        self.value_gain = value_gain

        if isinstance(in_channels, int):
            in_channels = (in_channels, in_channels)
        # A lazy layer draws its weights from the same distribution when it is used.
        size: Dict[str, Any] = {
            'out_channels': heads * out_channels,
            'weight_initializer': 'glorot'
        }
        self.lin_query = Linear(in_channels[1], bias=bias, **size)
        self.lin_key = Linear(in_channels[0], bias=bias, **size)
        self.lin_value = _ValueLinear(in_channels[0], bias=bias, **size)
        if edge_dim is not None:
            self.lin_edge_key = Linear(edge_dim, bias=False, **size)
            self.lin_edge_value = _ValueLinear(edge_dim, bias=False, **size)
        if num_edge_types is not None and edge_dim is not None:
            # Its reset puts the row of the padding to zero.
            self.edge_emb = torch.nn.Embedding(num_edge_types, edge_dim,
                                               padding_idx=zero_type)
        self.attn_dropout = torch.nn.Dropout(dropout)

        remove_template_files()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        for module in self.children():
            if isinstance(module, Linear):
                module.reset_parameters()
                if module.in_channels > 0:
                    # A second draw keeps the weights that version 0.1 has for a seed.
                    glorot(module.weight)
            if isinstance(module, _ValueLinear):
                module.gain = self.value_gain
                if module.in_channels > 0:
                    module.weight.data.mul_(self.value_gain)
        if self.num_edge_types is not None:
            self.edge_emb.reset_parameters()

    def forward(
        self,
        x: Union[Tensor, OptPairTensor],
        edge_index: Adj,
        edge_attr: OptTensor = None,
        edge_type: OptTensor = None,
        size: Size = None,
        return_attention_weights: bool = False,
    ) -> Union[Tensor, Tuple[Tensor, Tuple[Tensor, Tensor]]]:
        x = check_nodes(x, (self.lin_key.in_channels, self.lin_query.in_channels))
        edge_index, edge_attr, edge_type, size = edges_of(x, edge_index, edge_attr,
                                                          edge_type, size,
                                                          self.edge_dim,
                                                          self.num_edge_types,
                                                          self.flow)
        H, C = self.heads, self.out_channels
        query = self.lin_query(x[1]).view(-1, H, C)
        key = self.lin_key(x[0]).view(-1, H, C)
        value = self.lin_value(x[0]).view(-1, H, C)

        if self._is_factored(query.size(0), edge_type):
            assert edge_type is not None
            table = self.edge_emb.weight
            edge_key = self.lin_edge_key(table).view(-1, H, C)  # [T, H, C]
            alpha = self.edge_updater(
                edge_index, query=query, key=key, edge_key=None,
                type_score=torch.einsum('nhc,thc->nth', query, edge_key).flatten(0, 1),
                edge_type=edge_type.long(), size=size)
            out = self.propagate(edge_index, value=value, alpha=alpha, edge_value=None,
                                 type_value=self.lin_edge_value(table).view(-1, H, C),
                                 edge_type=edge_type.long(), size=size)
        else:
            edge_key, edge_value = self._edge_terms(edge_attr, edge_type)
            alpha = self.edge_updater(edge_index, query=query, key=key,
                                      edge_key=edge_key, type_score=None,
                                      edge_type=None, size=size)
            out = self.propagate(edge_index, value=value, alpha=alpha,
                                 edge_value=edge_value, type_value=None, edge_type=None,
                                 size=size)
        out = out.flatten(1) if self.concat else out.mean(dim=1)

        if return_attention_weights:
            return out, (edge_index, alpha)
        return out

    def _is_factored(self, num_nodes: int, edge_type: OptTensor) -> bool:
        r"""Whether the terms of types are worth a product for each node and type."""
        if self.num_edge_types is None or edge_type is None:
            return False
        watched = (self.explain or self._message_forward_hooks
                   or self._message_forward_pre_hooks)
        return (not watched and self.aggr in ('add', 'sum')
                and edge_type.numel() > num_nodes * self.num_edge_types)

    def _edge_terms(self, edge_attr: OptTensor,
                    edge_type: OptTensor) -> Tuple[OptTensor, OptTensor]:
        H, C = self.heads, self.out_channels
        if self.num_edge_types is not None:
            if edge_type is None or edge_attr is not None:
                raise ValueError("Expected 'edge_type', and no 'edge_attr', in a layer "
                                 f"with {self.num_edge_types} edge types")
            table = self.edge_emb.weight
            edge_key = self.lin_edge_key(table).view(-1, H, C)  # [num_edge_types, H, C]
            edge_value = self.lin_edge_value(table).view(-1, H, C)
            edge_type = edge_type.long()
            return (edge_key.index_select(0, edge_type),
                    edge_value.index_select(0, edge_type))
        if self.edge_dim is not None:
            if edge_attr is None or edge_type is not None:
                raise ValueError("Expected 'edge_attr', and no 'edge_type', in a layer "
                                 f"with 'edge_dim={self.edge_dim}'")
            return (self.lin_edge_key(edge_attr).view(-1, H, C),
                    self.lin_edge_value(edge_attr).view(-1, H, C))
        if edge_attr is not None or edge_type is not None:
            raise ValueError("Got edge attributes or types in a layer without "
                             "'edge_dim'")
        return None, None

    def edge_update(self, query_i: Tensor, key_j: Tensor, edge_key: OptTensor,
                    type_score: OptTensor, edge_type: OptTensor, index: Tensor,
                    ptr: OptTensor, size_i: Optional[int]) -> Tensor:
        if edge_key is not None:
            key_j = key_j + edge_key
        alpha = (query_i * key_j).sum(dim=-1)  # [E, H]
        if type_score is not None and edge_type is not None:
            alpha = alpha + type_score.index_select(0, self._of_type(index, edge_type))
        alpha = alpha / math.sqrt(self.out_channels)
        return self.attn_dropout(edge_softmax(alpha, index, ptr, size_i))

    def message(self, value_j: Tensor, alpha: Tensor, edge_value: OptTensor) -> Tensor:
        if edge_value is not None:
            value_j = value_j + edge_value
        return value_j * alpha.unsqueeze(-1)  # [E, H, C]

    def aggregate(self, inputs: Tensor, index: Tensor, alpha: Tensor,
                  type_value: OptTensor, edge_type: OptTensor, ptr: OptTensor = None,
                  dim_size: Optional[int] = None) -> Tensor:
        out = super().aggregate(inputs, index, ptr, dim_size)
        if type_value is None or edge_type is None:
            return out
        place = self._of_type(index, edge_type)
        mass = alpha.new_zeros(out.size(0) * type_value.size(0), alpha.size(1))
        mass = mass.index_add(0, place, alpha).view(out.size(0), -1, alpha.size(1))
        return out + torch.einsum('nth,thc->nhc', mass, type_value)

    def _of_type(self, index: Tensor, edge_type: Tensor) -> Tensor:
        r"""The place of each edge's pair of node and type."""
        assert self.num_edge_types is not None
        return index * self.num_edge_types + edge_type

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.in_channels}, {self.out_channels}, '
                f'heads={self.heads})')
