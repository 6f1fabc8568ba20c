import math
from typing import List, Mapping, Optional, Sequence, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn import Linear

from eega_pyg.nn.conv import CompleteGraph
from eega_pyg.nn.conv.arguments import check_features, check_keys, check_types
from eega_pyg.nn.multi_channel import EdgeChannel, NodeChannel

#: Up to this offset each has a bucket of its own; then four buckets share an octave.
_NEAR = 16
#: The bucket of 305 words and more.
_FARTHEST = 33


def word_offset(graph: CompleteGraph) -> Tensor:
    r"""The bucket of how many words apart the two words of each pair stand: 33 for a
    word and itself, more where the second follows the first, less where it precedes it.
    :math:`(|\mathcal{E}|)`"""
    offset = graph.col - graph.row
    size = offset.abs()
    far = 4 * torch.log2(size.clamp(min=_NEAR) / _NEAR)
    bucket = torch.where(size <= _NEAR, size, _NEAR + far.floor().long())
    return _FARTHEST + offset.sign() * bucket.clamp(max=_FARTHEST)


class PairTagger(torch.nn.Module):
    r"""Scores of every tag for every word pair (Eq. 11, before the softmax).

    .. math::
        \mathbf{W}_p \left[ \mathbf{S}_i \, \Vert \, \mathbf{S}_j \right] +
        \mathbf{b}_p = \mathbf{W}_1 \mathbf{S}_i + \mathbf{W}_2 \mathbf{S}_j +
        \mathbf{b}_p

    The two products are taken a word, so nothing wider than the number of tags or
    :obj:`rank` is held a pair. With :obj:`channels` the pair features of the
    multi-channel layer stand beside :math:`[\mathbf{S}_i \, \Vert \, \mathbf{S}_j]`,
    as in the authors' released code (the paper does not mention them).

    A sum of one term for each word cannot tell which words belong together. This hurts
    in texts of several sentences: where two people are members of two teams, each of
    them looks like a member of both. With :obj:`rank`, a product of the two words is
    added,

    .. math::
        \mathbf{W}_3 \left( \mathbf{U} \mathbf{S}_i \odot
        \mathbf{V} \mathbf{S}_j \right),

    the low-rank bilinear pooling from `"Hadamard Product for Low-rank Bilinear Pooling"
    <https://arxiv.org/abs/1610.04325>`_. With :obj:`offsets`, each tag gets a score
    that depends on how many words :math:`j` stands after or before :math:`i`. Neither
    is in the paper; both start at zero.

    Args:
        in_channels (int): Size of each word's input.
        num_tags (int): Number of tags.
        channels (sequence of str, optional): Names of the channels whose pair features
            are read too. (default: :obj:`()`)
        channel_dim (int, optional): Size of the pair features. (default: :obj:`0`)
        rank (int, optional): Rank of the product; :obj:`0` for none.
            (default: :obj:`0`)
        offsets (bool, optional): If set to :obj:`True`, tags are scored by the offset
            of the two words, see :func:`word_offset`. (default: :obj:`False`)

    Shapes:
        - **input:** word features :math:`(|\mathcal{V}|, F)`, the complete graphs, and,
          with :obj:`channels`, the multi-channel layer's channels and their types
        - **output:** scores :math:`(|\mathcal{E}|, T)`, pairs in the graphs' order
    """
    def __init__(self, in_channels: int, num_tags: int, channels: Sequence[str] = (),
                 channel_dim: int = 0, rank: int = 0, offsets: bool = False) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_tags = num_tags
        self.lin_row = Linear(in_channels, num_tags)
        self.lin_col = Linear(in_channels, num_tags, bias=False)
        self.lin_channels = torch.nn.ModuleDict(
            {name: Linear(channel_dim, num_tags, bias=False)
             for name in channels})
        self.rank = rank
        if rank > 0:
            self.lin_head = Linear(in_channels, rank)
            self.lin_tail = Linear(in_channels, rank)
            self.lin_product = Linear(rank, num_tags, bias=False)
        self.offset: Optional[torch.nn.Embedding] = None
        if offsets:
            self.offset = torch.nn.Embedding(2 * _FARTHEST + 1, num_tags)

        self.reset_parameters()

    def reset_parameters(self) -> None:
        self.lin_row.reset_parameters()
        self.lin_col.reset_parameters()
        for lin in self.lin_channels.values():
            cast(Linear, lin).reset_parameters()
        if self.rank > 0:
            self.lin_head.reset_parameters()
            self.lin_tail.reset_parameters()
            torch.nn.init.zeros_(self.lin_product.weight)
        if self.offset is not None:
            torch.nn.init.zeros_(self.offset.weight)
        # Nearly all pairs are of tag 0, none: start by saying so with probability 0.95,
        # or the first epoch goes into learning it.
        with torch.no_grad():
            self.lin_row.bias.zero_()
            self.lin_row.bias[0] = math.log(19 * max(self.num_tags - 1, 1))

    @torch.no_grad()
    def take_over(self, other: 'PairTagger', tags: Sequence[Optional[int]]) -> None:
        r"""Takes the weights of a tagger of the same sizes with other tags.

        A tag that the other one has not keeps its own weights. Its bias becomes such
        that it starts beside the other's tag 0, none, as improbable as
        :meth:`reset_parameters` makes a tag: with :math:`1 / (19 (T - 1))` of the
        probability of none, as far as that is in the biases.

        Args:
            other (PairTagger): The other tagger.
            tags (sequence of int, optional): For each tag the id that the other has for
                it, or :obj:`None`.

        Raises:
            ValueError: If the sizes differ.
        """
        ours, theirs = self.state_dict(), other.state_dict()
        new = torch.tensor([i for i, tag in enumerate(tags) if tag is not None])
        old = torch.tensor([tag for tag in tags if tag is not None])
        per_tag = {
            name: tensor.dim() - 1 if name == 'offset.weight' else 0
            for name, tensor in ours.items()
            if not name.startswith(('lin_head.', 'lin_tail.'))
        }
        shapes = []
        for state in (ours, theirs):
            shapes.append({
                name: [
                    size for dim, size in enumerate(tensor.shape)
                    if dim != per_tag.get(name)
                ]
                for name, tensor in state.items()
            })
        if shapes[0] != shapes[1] or len(tags) != self.num_tags:
            raise ValueError(f"Expected a tagger of the sizes of {self} (got {other})")
        for name, tensor in ours.items():
            if name in per_tag:
                dim = per_tag[name]
                tensor.index_copy_(dim, new, theirs[name].index_select(dim, old))
            else:
                tensor.copy_(theirs[name])
        fresh = [i for i, tag in enumerate(tags) if tag is None]
        self.lin_row.bias[fresh] = math.log(
            max(other.num_tags - 1, 1) / max(self.num_tags - 1, 1))

    def forward(self, x: Tensor, graph: CompleteGraph,
                channels: Mapping[str, EdgeChannel] = {},
                types: Mapping[str, Tensor] = {}) -> Tensor:
        check_features('x', x, self.in_channels)
        if x.size(0) != graph.num_nodes:
            raise ValueError(f"Expected 'x' of the {graph.num_nodes} nodes of 'graph' "
                             f"(got {x.size(0)})")
        check_keys('channels', channels, self.lin_channels)
        check_keys('types', types, self.lin_channels)
        # In single precision under autocast, too: in bfloat16 a score has three digits,
        # and a softmax over them is off by up to 0.6 %.
        with torch.autocast(x.device.type, enabled=False):
            return self._scores(x.to(self.lin_row.weight.dtype), graph, channels, types)

    def _scores(self, x: Tensor, graph: CompleteGraph,
                channels: Mapping[str, EdgeChannel], types: Mapping[str,
                                                                    Tensor]) -> Tensor:
        row, col = self.lin_row(x), self.lin_col(x)  # [V, T]
        of_pairs = []
        for name, lin in self.lin_channels.items():
            channel = channels[name]
            table = channel.table(cast(Linear, lin).weight)
            if isinstance(channel, NodeChannel):
                term = channel.of_words(table, types[name], graph)
                row, col = row + term, col + term
            else:
                check_types('types', types[name], graph.row.numel(), table.size(0))
                of_pairs.append((table, types[name].long()))
        if self.offset is not None:
            of_pairs.append((self.offset.weight, word_offset(graph)))
        out = self._of_words(x, row, col, graph)
        for table, index in _joined(of_pairs):
            out = out + table.index_select(0, index)
        return out

    def _of_words(self, x: Tensor, row: Tensor, col: Tensor,
                  graph: CompleteGraph) -> Tensor:
        r"""The terms that are made of words, text by text: the products of all words
        with all words are then matrix products, and none of their :obj:`rank` factors
        is held a pair. :math:`(|\mathcal{E}|, T)`"""
        sizes = graph.sizes
        rows, cols = row.split(sizes), col.split(sizes)
        if self.rank == 0:
            parts = [r.unsqueeze(1) + c for r, c in zip(rows, cols)]  # [n, n, T]
        else:
            head, tail = self.lin_head(x), self.lin_tail(x)
            tail = tail.unsqueeze(1) * self.lin_product.weight  # [V, T, R]
            parts = []
            for r, c, h, t in zip(rows, cols, head.split(sizes), tail.split(sizes)):
                product = F.linear(h, t.flatten(0, 1), c.flatten())  # [n, n * T]
                parts.append(product.view(len(r), *c.shape).add_(r.unsqueeze(1)))
        # There may be no text.
        return torch.cat([row[:0], *(part.flatten(0, 1) for part in parts)])

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.in_channels}, {self.num_tags})'


def _joined(terms: List[Tuple[Tensor, Tensor]]) -> List[Tuple[Tensor, Tensor]]:
    r"""Tables and where the pairs look in them. Two tables become that of their sums,
    if it has fewer rows than there are pairs: then one look does for two."""
    out: List[Tuple[Tensor, Tensor]] = []
    for table, index in terms:
        if out and out[-1][0].size(0) * table.size(0) < index.numel():
            first, place = out.pop()
            index = place * table.size(0) + index
            table = (first.unsqueeze(1) + table).flatten(0, 1)
        out.append((table, index))
    return out
