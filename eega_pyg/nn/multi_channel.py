from typing import Dict, Mapping, Optional, cast

import torch
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import reset

from eega_pyg.nn.conv import CompleteGraph, WGCNConv
from eega_pyg.nn.conv.arguments import check_keys, check_types


class EdgeChannel(torch.nn.Module):
    r"""Pair features :math:`\mathbf{R}_{ij}` looked up by the type of the pair: the
    number of hops on the dependency tree (Sd) or the bucket of the pointwise mutual
    information (Co). Takes types of pairs :math:`(|\mathcal{E}|)`.

    Args:
        num_types (int): Number of types.
        channels (int): Size :math:`d_l` of the pair features.
        zero_type (int, optional): The type whose features start at zero, *e.g.*, that
            of names which no vocabulary has. (default: :obj:`None`)
    """
    def __init__(self, num_types: int, channels: int,
                 zero_type: Optional[int] = None) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(num_types, channels, padding_idx=zero_type)

    def forward(self, types: Tensor, graph: CompleteGraph) -> Tensor:
        r"""The pair features. :math:`(|\mathcal{E}|, d_l)`"""
        return self.spread(self.emb.weight, types, graph)

    def project(self, weight: Tensor, types: Tensor, graph: CompleteGraph) -> Tensor:
        r"""The pair features times :obj:`weight` :math:`(F, d_l)`, which is applied to
        the table. :math:`(|\mathcal{E}|, F)`"""
        return self.spread(self.table(weight), types, graph)

    def table(self, weight: Tensor) -> Tensor:
        r"""The features of each type times :obj:`weight`."""
        return self.emb.weight @ weight.t()

    def spread(self, table: Tensor, types: Tensor, graph: CompleteGraph) -> Tensor:
        r"""Looks each pair up in a table."""
        check_types('types', types, graph.row.numel(), table.size(0))
        return table.index_select(0, types.long())


class NodeChannel(EdgeChannel):
    r"""Pair features that are the sum of one term a word: its part of speech (Pos).
    Takes types of words :math:`(|\mathcal{V}|)`."""
    def of_words(self, table: Tensor, types: Tensor, graph: CompleteGraph) -> Tensor:
        r"""Looks each word up in a table."""
        check_types('types', types, graph.num_nodes, table.size(0))
        return table.index_select(0, types.long())

    def spread(self, table: Tensor, types: Tensor, graph: CompleteGraph) -> Tensor:
        x = self.of_words(table, types, graph)
        return x.index_select(0, graph.row) + x.index_select(0, graph.col)


class MultiChannel(torch.nn.Module):
    r"""The multi-channel layer: a W-GCN over all word pairs a channel (Eq. 9) and an
    MLP over their concatenation (Eq. 10).

    .. math::
        \mathbf{S}_i = \textrm{MLP} \left( \left[ \mathbf{S}_i^{Pos} \, \Vert \,
        \mathbf{S}_i^{Sd} \, \Vert \, \mathbf{S}_i^{Co} \right] \right)

    Args:
        in_channels (int): Size of each word's input.
        out_channels (int): Size of each word's output, in every channel and after the
            MLP.
        channels (dict): The :class:`EdgeChannel` or :class:`NodeChannel` of each name.
        channel_dim (int): Size :math:`d_l` of the pair features.
        self_types (dict, optional): The type that a pair of a word with itself, and no
            other, has in a channel, *e.g.*, no hops. Its score starts above all others,
            so that a word starts by looking at itself: with equal scores, every
            :math:`\mathbf{S}_i` of a sentence would start as the same mean, and words
            could hardly be told apart for many steps. (default: :obj:`None`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)
        skip (bool, optional): If set to :obj:`True`, the input of a word is added to
            its output (not in the paper). Without it, the output is made of
            weighted means over all words of the text, in which the word itself weighs
            the less the longer the text is. (default: :obj:`False`)

    Shapes:
        - **input:** word features :math:`(|\mathcal{V}|, F_{in})`, the complete graphs,
          the types of the pairs (or of the words) of each channel, and optionally which
          pairs look at one another :math:`(|\mathcal{E}|)`
        - **output:** word features :math:`(|\mathcal{V}|, F_{out})`
    """
    def __init__(self, in_channels: int, out_channels: int,
                 channels: Mapping[str, EdgeChannel], channel_dim: int,
                 self_types: Optional[Mapping[str, int]] = None, dropout: float = 0.1,
                 skip: bool = False) -> None:
        super().__init__()
        if skip and in_channels != out_channels:
            raise ValueError(f"Expected as many channels out as in with 'skip' (got "
                             f"{in_channels} and {out_channels})")
        self.skip = skip
        if not channels:
            raise ValueError("Expected at least one channel")
        self.channels = torch.nn.ModuleDict(channels)
        self.convs = torch.nn.ModuleDict({
            name:
            WGCNConv(in_channels, out_channels, channel_dim)
            for name in channels
        })
        self.mlp = torch.nn.Sequential(
            Linear(len(channels) * out_channels, out_channels),
            torch.nn.GELU(),
            torch.nn.Dropout(dropout),
            Linear(out_channels, out_channels),
        )
        self.self_types = dict(self_types or {})
        self._prefer_selves()

    def reset_parameters(self) -> None:
        for module in (self.channels, self.convs, self.mlp):
            reset(module)
        self._prefer_selves()

    @torch.no_grad()
    def _prefer_selves(self) -> None:
        for name, self_type in self.self_types.items():
            weight = cast(WGCNConv, self.convs[name]).lin_edge.weight[0]
            emb = cast(EdgeChannel, self.channels[name]).emb.weight
            # Raises this type's score by 6 and leaves all others where they are.
            emb[self_type] += 6.0 * weight / weight.dot(weight)

    def forward(self, x: Tensor, graph: CompleteGraph, types: Dict[str, Tensor],
                edge_mask: Optional[Tensor] = None) -> Tensor:
        check_keys('types', types, self.channels)
        outs = []
        for name in self.convs:
            channel = cast(EdgeChannel, self.channels[name])
            conv = cast(WGCNConv, self.convs[name])
            score = channel.project(conv.lin_edge.weight, types[name],
                                    graph).squeeze(-1)
            outs.append(
                conv(x, graph, edge_score=score + conv.lin_edge.bias,
                     edge_mask=edge_mask))
        out = self.mlp(torch.cat(outs, dim=-1))
        return out + x if self.skip else out
