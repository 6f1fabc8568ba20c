r"""Spans of a text, and the pairs of them that something is known of."""
from typing import Iterable, Sequence, Tuple

import torch
from torch_geometric.data import HeteroData

from eega_pyg.schema import TOKEN, EdgeType, Span

SPAN = 'span'
TOKEN_OF_SPAN: EdgeType = (TOKEN, 'of', SPAN)
SPAN_PAIR: EdgeType = (SPAN, 'pair', SPAN)


def add_span_pairs(data: HeteroData, spans: Iterable[Span],
                   pairs: Iterable[Tuple[Span,
                                         Span]], relation: Sequence[int]) -> HeteroData:
    r"""Adds a node for each span, to which its words point, and an edge for each pair
    of spans.

    Args:
        data (HeteroData): The graph of a text.
        spans (iterable of tuple): The spans, each once.
        pairs (iterable of tuple): Pairs of them, from the head to the tail.
        relation (sequence of int): What is known of each pair, which is kept as
            ``data['span', 'pair', 'span'].relation`` (``[pairs]``).
    """
    index = {span: i for i, span in enumerate(spans)}
    words = [[word, i] for span, i in index.items() for word in range(*span)]
    data[SPAN].num_nodes = len(index)
    data[TOKEN_OF_SPAN].edge_index = _edges(words)
    data[SPAN_PAIR].edge_index = _edges([[index[a], index[b]] for a, b in pairs])
    data[SPAN_PAIR].relation = torch.tensor(relation, dtype=torch.long)
    return data


def _edges(pairs: Sequence[Sequence[int]]) -> torch.Tensor:
    return torch.tensor(pairs, dtype=torch.long).view(-1, 2).T.contiguous()
