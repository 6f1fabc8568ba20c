import math
from typing import Mapping, Sequence, cast

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from eega_pyg.nn.conv import CompleteGraph
from eega_pyg.nn.multi_channel import EdgeChannel


class PairTagger(torch.nn.Module):
    r"""Scores of every tag for every word pair (Eq. 11, before the softmax).

    .. math::
        \mathbf{W}_p \left[ \mathbf{S}_i \, \Vert \, \mathbf{S}_j \right] +
        \mathbf{b}_p = \mathbf{W}_1 \mathbf{S}_i + \mathbf{W}_2 \mathbf{S}_j +
        \mathbf{b}_p

    The two products are taken a word, so nothing wider than the number of tags is held
    a pair. With :obj:`channels` the pair features of the multi-channel layer stand
    beside :math:`[\mathbf{S}_i \, \Vert \, \mathbf{S}_j]`, as in the authors' released
    code (the paper does not mention them).

    Args:
        in_channels (int): Size of each word's input.
        num_tags (int): Number of tags.
        channels (sequence of str, optional): Names of the channels whose pair features
            are read too. (default: :obj:`()`)
        channel_dim (int, optional): Size of the pair features. (default: :obj:`0`)

    Shapes:
        - **input:** word features :math:`(|\mathcal{V}|, F)`, the complete graphs, and,
          with :obj:`channels`, the multi-channel layer's channels and their types
        - **output:** scores :math:`(|\mathcal{E}|, T)`, pairs in the graphs' order
    """
    def __init__(self, in_channels: int, num_tags: int, channels: Sequence[str] = (),
                 channel_dim: int = 0) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_tags = num_tags
        self.lin_row = Linear(in_channels, num_tags)
        self.lin_col = Linear(in_channels, num_tags, bias=False)
        self.lin_channels = torch.nn.ModuleDict(
            {name: Linear(channel_dim, num_tags, bias=False)
             for name in channels})

        self.reset_parameters()

    def reset_parameters(self) -> None:
        self.lin_row.reset_parameters()
        self.lin_col.reset_parameters()
        for lin in self.lin_channels.values():
            cast(Linear, lin).reset_parameters()
        # Nearly all pairs are of tag 0, none: start by saying so with probability 0.95,
        # or the first epoch goes into learning it.
        with torch.no_grad():
            self.lin_row.bias.zero_()
            self.lin_row.bias[0] = math.log(19 * max(self.num_tags - 1, 1))

    def forward(self, x: Tensor, graph: CompleteGraph,
                channels: Mapping[str, EdgeChannel] = {},
                types: Mapping[str, Tensor] = {}) -> Tensor:
        row, col = self.lin_row(x), self.lin_col(x)
        out = row.index_select(0, graph.row) + col.index_select(0, graph.col)  # [E, T]
        for name, lin in self.lin_channels.items():
            out = out + channels[name].project(
                cast(Linear, lin).weight, types[name], graph)
        return out

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.in_channels}, {self.num_tags})'
