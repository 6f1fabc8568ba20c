from typing import Optional, Union

import torch
from torch import Tensor
from torch_geometric.nn import Linear, MessagePassing
from torch_geometric.nn.inits import glorot
from torch_geometric.typing import Adj, OptTensor
from torch_geometric.utils import softmax

from .complete_graph import CompleteGraph


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

    where :math:`\mathbf{r}_{ij}` is the edge's attribute. A message is a scalar times
    the neighbour; on a :class:`~eega_pyg.nn.conv.CompleteGraph` the sum is a product of
    dense blocks, so that nothing of size :math:`|\mathcal{E}| \cdot F` is held.

    Args:
        in_channels (int): Size of each input sample, or :obj:`-1` to derive it from the
            first input.
        out_channels (int): Size of each output sample.
        edge_dim (int): Size of an edge attribute.
        bias (bool, optional): If set to :obj:`False`, :math:`\mathbf{W}` has no
            additive bias. (default: :obj:`True`)
        **kwargs (optional): Additional arguments of :class:`MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edge indices
          :math:`(2, |\mathcal{E}|)` or a complete graph, edge attributes
          :math:`(|\mathcal{E}|, D)` or edge scores :math:`(|\mathcal{E}|)`, which are
          :math:`\mathbf{w}^{\top} \mathbf{r}_{ij} + b` where they can be had without
          building the attributes
        - **output:** node features :math:`(|\mathcal{V}|, F_{out})`

    Raises:
        ValueError: Unless exactly one of attributes and scores is given.
    """
    def __init__(self, in_channels: int, out_channels: int, edge_dim: int,
                 bias: bool = True, **kwargs: object) -> None:
        kwargs.setdefault('aggr', 'add')
        super().__init__(**kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.edge_dim = edge_dim
        self.lin = Linear(in_channels, out_channels, bias=bias)
        self.lin_edge = Linear(edge_dim, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        self.lin.reset_parameters()
        glorot(self.lin_edge.weight)
        # The softmax does not see a common shift, the ReLU does: a bias well above zero
        # starts every edge on its linear side, where it has a gradient.
        torch.nn.init.constant_(self.lin_edge.bias, 4.0)

    def forward(self, x: Tensor, edge_index: Union[Adj, CompleteGraph],
                edge_attr: OptTensor = None, edge_score: OptTensor = None) -> Tensor:
        if (edge_attr is None) == (edge_score is None):
            raise ValueError("Expected either 'edge_attr' or 'edge_score'")
        if edge_score is None:
            edge_score = self.lin_edge(edge_attr).squeeze(-1)  # [E]
        edge_score = edge_score.relu()
        x = self.lin(x)
        if isinstance(edge_index, CompleteGraph):
            return self._dense(x, edge_index, edge_score)
        return self.propagate(edge_index, x=x, edge_score=edge_score)

    def _dense(self, x: Tensor, graph: CompleteGraph, edge_score: Tensor) -> Tensor:
        weight = graph.to_dense(edge_score, fill_value=float('-inf'))  # [B, N, N]
        # A padded row has no entry at all, and would be 0/0.
        weight = weight.masked_fill(~graph.node_mask.unsqueeze(-1), 0.0)
        out = weight.softmax(dim=-1) @ graph.nodes_to_dense(x)  # [B, N, F]
        return out[graph.node_mask]

    def message(self, x_j: Tensor, edge_score: Tensor, index: Tensor, ptr: OptTensor,
                size_i: Optional[int]) -> Tensor:
        return x_j * softmax(edge_score, index, ptr, size_i).unsqueeze(-1)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.in_channels}, {self.out_channels}, '
                f'edge_dim={self.edge_dim})')
