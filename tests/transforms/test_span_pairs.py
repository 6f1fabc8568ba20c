import torch
from torch_geometric.data import Batch, HeteroData

from eega_pyg.schema import TOKEN
from eega_pyg.transforms.span_pairs import SPAN_PAIR, TOKEN_OF_SPAN, add_span_pairs


def graph(num_words, spans, pairs, relation):
    data = HeteroData()
    data[TOKEN].num_nodes = num_words
    return add_span_pairs(data, spans, pairs, relation)


def test_spans_and_pairs_are_counted_over_a_batch():
    first = graph(4, [(1, 3), (0, 1)], [((0, 1), (1, 3))], [2])
    second = graph(2, [(1, 2)], [((1, 2), (1, 2))], [0])
    batch = Batch.from_data_list([first, graph(3, [], [], []), second])
    # The second text begins at word 7 and with the third span.
    assert batch[TOKEN_OF_SPAN].edge_index.T.tolist() == [[1, 0], [2, 0], [0, 1],
                                                          [4 + 3 + 1, 2]]
    assert batch[SPAN_PAIR].edge_index.T.tolist() == [[1, 0], [2, 2]]
    assert batch[SPAN_PAIR].relation.equal(torch.tensor([2, 0]))
