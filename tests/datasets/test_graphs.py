import pytest
import torch
from torch_geometric.data import HeteroData

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE, join_records
from eega_pyg.datasets.graphs import Graphs
from eega_pyg.parsing import Parser
from eega_pyg.schema import PIECE


def graph(i):
    data = HeteroData()
    data.words = [f'w{j}' for j in range(i + 1)]
    data.quintuples = [[0, i]] * (i % 2)
    data.offset = torch.tensor([i])
    data[PIECE].input_ids = torch.arange(i + 2)
    data[PIECE].num_nodes = i + 2
    data['a', 'to', 'b'].edge_index = torch.randint(5, (2, i))
    return data


def same(a, b):
    def equal(x, y):
        if isinstance(x, torch.Tensor):
            return x.dtype == y.dtype and x.equal(y)
        return x == y

    a, b = a.to_dict(), b.to_dict()
    return a.keys() == b.keys() and all(
        a[s].keys() == b[s].keys() and all(equal(a[s][k], b[s][k]) for k in a[s])
        for s in a)


@pytest.mark.parametrize('number', [1, 3, 4, 7])
def test_graphs_come_out_as_they_went_in(monkeypatch, number):
    monkeypatch.setattr('eega_pyg.datasets.graphs._BLOCK', 3)
    given = [graph(i) for i in range(number)]
    graphs = Graphs(iter(given))
    assert len(graphs) == number
    assert all(map(same, graphs, given))
    assert same(graphs[-1], given[-1])
    assert list(graphs.words) == [d.words for d in given]
    assert graphs.num_pieces == [d[PIECE].num_nodes for d in given]
    with pytest.raises(IndexError):
        graphs[number]


def test_there_may_be_no_graph():
    assert list(Graphs()) == [] and Graphs().num_pieces == []


@pytest.fixture
def train(small_root, tiny_overrides):
    data = Config.load('default', tiny_overrides).data
    return JMERE(str(small_root), log=False, **data.arguments())


def test_further_texts_are_built_once_and_again_if_they_change(train, monkeypatch):
    parsed = []
    parse = Parser.parse

    def spy(parser, sentences, progress=False):
        parsed.extend(sentences)
        return parse(parser, sentences, progress)

    monkeypatch.setattr(Parser, 'parse', spy)
    records = train.records()[:3]
    first = train.build(records, keep=True)
    assert len(parsed) == 3
    assert all(map(same, train.build(records, keep=True), first))
    assert len(parsed) == 3
    assert all(map(same, train.build(records), first))
    assert len(parsed) == 6
    assert len(train.build(records[:2], keep=True)) == 2
    assert len(parsed) == 8


def test_the_captions_of_joined_texts_are_parsed_once(train, monkeypatch):
    from eega_pyg.vision.captions.parser import CaptionParser
    parsed = []
    parse = CaptionParser.parse

    def spy(parser, captions, progress=False):
        parsed.extend(captions)
        return parse(parser, captions, progress)

    monkeypatch.setattr(CaptionParser, 'parse', spy)
    records = train.records()
    single = {d.image_id: d for d in train.build(records)}
    number = len(parsed)
    assert 0 < number <= len({r.image_id for r in records})
    joined = train.build(join_records(records, 5))
    assert len(parsed) == number
    assert all(
        d['object'].box.equal(single[d.image_id]['object'].box) and
        d['label_piece'].input_ids.equal(single[d.image_id]['label_piece'].input_ids)
        for d in joined)
