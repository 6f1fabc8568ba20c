import pytest
import torch

from eega_pyg.datasets import FakeJMERE
from eega_pyg.schema import LABEL_PIECE, OBJECT, PAIR, PIECE, TOKEN, Quintuple, TagSet
from eega_pyg.tagging import encode


def test_a_seed_makes_the_same_data_set_in_every_process():
    def total(seed):
        data = FakeJMERE(5, feature_size=3, seed=seed)._data
        return (int(data[PIECE].input_ids.sum()), int(data[PAIR].tag.sum()),
                round(float(data[OBJECT].feat.sum()), 3))

    assert total(1) == (11941, 75, -5.924)
    assert total(2) != total(1)


def test_ids_are_within_the_stated_sizes():
    dataset = FakeJMERE(30, num_piece_ids=50)
    data, sizes = dataset._data, dataset.vocabularies.sizes
    for name in ('upos', 'ner', 'shape'):
        assert int(data[TOKEN][name].max()) < sizes[name]
    for name in ('distance', 'pmi'):
        assert 0 <= int(data[PAIR][name].min())
        assert int(data[PAIR][name].max()) < sizes[name]
    for store in (PIECE, LABEL_PIECE):
        assert 1 <= int(data[store].input_ids.min())
        assert int(data[store].input_ids.max()) < 50


def test_tags_are_those_of_the_quintuples():
    tags = TagSet(('a', 'b'), ('r', 's', 't'))
    dataset = FakeJMERE(20, tags=tags, table='symmetric')
    assert sum(len(d.quintuples) for d in dataset) > 20
    for data in dataset:
        quintuples = [Quintuple.from_list(q) for q in data.quintuples]
        n = data[TOKEN].num_nodes
        expected = encode(quintuples, n, tags, 'symmetric')
        assert torch.equal(data[PAIR].tag.view(n, n).long(), expected)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="'num_pairs' of at least 1 .got 0."):
        FakeJMERE(0)


def test_sizes_need_not_vary():
    data = FakeJMERE(num_pairs=5, avg_words=7, avg_objects=3, vary=False)
    assert [d['token'].num_nodes for d in data] == [7] * 5
    assert [d['object'].num_nodes for d in data] == [3] * 5
