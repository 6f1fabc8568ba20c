r"""EEGA's equations the obvious way: everything padded, nothing left out.

Keys and values of the attribute transformer are :math:`(B, n, n, d)`, pair features
:math:`(B, n, n, d_l)` a channel, and the tagger reads pairs :math:`(B, n, n, 2d)`. The
weights are those of an :class:`~eega_pyg.nn.models.EEGA`, whose text encoder, image
side (at most ten objects) and alignment are called as they are: they are not what is
compared.
"""
import math
from typing import Any, Dict, List, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.utils import to_dense_batch

from eega_pyg.nn import AttributeTransformer, EdgeChannel, MultiChannel, NodeChannel
from eega_pyg.nn.conv import AttributeTransformerConv, CompleteGraph, WGCNConv
from eega_pyg.nn.models import EEGA
from eega_pyg.nn.models.eega import CHANNELS
from eega_pyg.schema import DEP, OBJECT, PAIR, REL, TOKEN, UNSCORED


class DenseEEGA(torch.nn.Module):
    r"""The dense reference of a model, on its weights.

    Args:
        model (EEGA): The model.
        max_words (int, optional): Sentences are padded to so many words; by default to
            the longest in the batch. (default: :obj:`None`)
    """
    def __init__(self, model: EEGA, max_words: Optional[int] = None) -> None:
        super().__init__()
        self.model = model
        self.max_words = max_words

    def forward(self, data: HeteroData, align: bool = False) -> Tuple[Tensor, Any]:
        r"""Scores :math:`(B, n, n, T)` of all pairs, padding too, and the alignment."""
        model, token = self.model, data[TOKEN]
        batch_size = data.num_graphs
        x, mask = to_dense_batch(model.encode_words(data), token.batch, 0,
                                 self.max_words, batch_size)
        h = self._transform(x, data)

        alignment = None
        if model.visual:
            h_i = model._transform(model.visual_graph, model.object_features(data),
                                   data[REL])
            batch_i = data[OBJECT].batch
            if align:
                alignment = model.alignment(h_i, data[REL].edge_index, batch_i, h[mask],
                                            data[DEP].edge_index, token.batch,
                                            batch_size)
            h = model.image_to_text(h[mask], token.batch, h_i, batch_i, batch_size)
            h = to_dense_batch(h, token.batch, 0, self.max_words, batch_size)[0]
        return self._tag(h, mask, data), alignment

    def loss(self, data: HeteroData) -> Tensor:
        r"""The joint loss of Eq. 13."""
        model = self.model
        logits, alignment = self(data, align=model.visual and model.lambda_graph > 0)
        tag = self._pairs(data[PAIR].tag.long(), data, UNSCORED)
        main = F.cross_entropy(logits.flatten(0, 2), tag.flatten(),
                               ignore_index=UNSCORED, reduction=model.reduction)
        if model.reduction == 'sum':
            main = main / data.num_graphs
        if alignment is None:
            return main
        return main + model.lambda_graph * alignment.loss

    def logits(self, data: HeteroData) -> Tensor:
        r"""Scores in the order of :class:`EEGAOutput`."""
        mask = self._pairs(torch.ones_like(data[PAIR].tag, dtype=torch.bool), data, 0)
        return self(data)[0][mask]

    def _transform(self, x: Tensor, data: HeteroData) -> Tensor:
        B, n, _ = x.shape
        token = data[TOKEN]
        source, target = data[DEP].edge_index
        graph = token.batch[target]
        where = (graph, target - token.ptr[graph], source - token.ptr[graph])
        adjacency = torch.zeros(B, n, n, dtype=torch.bool)
        adjacency[where] = True
        types = torch.zeros(B, n, n, dtype=torch.long)
        types[where] = data[DEP].edge_type.long()
        for layer in self.model.text_graph:
            layer = cast(AttributeTransformer, layer)
            conv = cast(AttributeTransformerConv, layer.conv)
            h = layer.norm1(x + layer.dropout(attend(conv, x, adjacency, types)))
            x = layer.norm2(h + layer.dropout(layer.ffn(h)))
        return x

    def _tag(self, h: Tensor, mask: Tensor, data: HeteroData) -> Tensor:
        model = self.model
        features: Dict[str, Tensor] = {}
        if model.multi_channel is not None:
            features = self._pair_features(model.multi_channel, mask, data)
            h = multi_channel(model.multi_channel, h, mask, features)
        h = model.dropout(h)
        B, n, d = h.shape
        rows = h[:, :, None].expand(B, n, n, d)
        pairs = [rows, rows.transpose(1, 2)]  # [S_i ; S_j]
        tagger = model.tagger
        weights: List[Tensor] = [tagger.lin_row.weight, tagger.lin_col.weight]
        for name, lin in tagger.lin_channels.items():
            pairs.append(features[name])
            weights.append(cast(Tensor, lin.weight))
        return F.linear(torch.cat(pairs, -1), torch.cat(weights, 1),
                        tagger.lin_row.bias)

    def _pair_features(self, layer: MultiChannel, mask: Tensor,
                       data: HeteroData) -> Dict[str, Tensor]:
        out = {}
        for name, channel in layer.channels.items():
            emb = cast(EdgeChannel, channel).emb
            if isinstance(channel, NodeChannel):
                types = to_dense_batch(data[TOKEN][CHANNELS[name]], data[TOKEN].batch,
                                       0, mask.size(1), data.num_graphs)[0]
                x = emb(types.long())
                out[name] = x[:, :, None] + x[:, None]  # [B, n, n, d_l]
            else:
                out[name] = emb(self._pairs(data[PAIR][CHANNELS[name]].long(), data, 0))
        return out

    def _pairs(self, value: Tensor, data: HeteroData, fill: int) -> Tensor:
        graph = CompleteGraph.from_ptr(data[TOKEN].ptr)
        out = graph.to_dense(value, fill)
        extra = 0 if self.max_words is None else self.max_words - out.size(1)
        return F.pad(out, (0, extra, 0, extra), value=fill)


def attend(conv: AttributeTransformerConv, x: Tensor, adjacency: Tensor,
           types: Tensor) -> Tensor:
    r"""Eqs. 3 and 4 with a key and a value for each pair of nodes."""
    H, C = conv.heads, conv.out_channels
    query = conv.lin_query(x).unflatten(-1, (H, C))  # [B, n, H, C]
    key, value = conv.lin_key(x)[:, None], conv.lin_value(x)[:, None]  # [B, 1, n, d]
    if conv.edge_dim is not None:
        z = conv.edge_emb(types)  # [B, n, n, d_z]
        key, value = key + conv.lin_edge_key(z), value + conv.lin_edge_value(z)
    key, value = key.unflatten(-1, (H, C)), value.unflatten(-1, (H, C))
    score = (query[:, :, None] * key).sum(-1) / math.sqrt(C)  # [B, n, n, H]
    score = score.masked_fill(~adjacency[..., None], float('-inf'))
    # A padded row has no neighbour, and would be 0/0.
    score = score.masked_fill(~adjacency.any(2)[:, :, None, None], 0.0)
    alpha = conv.attn_dropout(score.softmax(dim=2))
    return (alpha[..., None] * value).sum(2).flatten(2)


def multi_channel(layer: MultiChannel, h: Tensor, mask: Tensor,
                  features: Dict[str, Tensor]) -> Tensor:
    r"""Eqs. 9 and 10."""
    outs = []
    for name, x in features.items():
        conv = cast(WGCNConv, layer.convs[name])
        score = conv.lin_edge(x).squeeze(-1).relu()  # [B, n, n]
        score = score.masked_fill(~mask[:, None], float('-inf'))
        outs.append(score.softmax(dim=-1).to(h.dtype) @ conv.lin(h))
    return layer.mlp(torch.cat(outs, dim=-1))
