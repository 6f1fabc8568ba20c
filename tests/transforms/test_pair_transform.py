import pytest
import torch
from torch_geometric.data import Batch, HeteroData
from torch_geometric.loader import DataLoader

from eega_pyg.datasets import FakeJMERE
from eega_pyg.parsing import Parse
from eega_pyg.schema import (
    BOX,
    DEP,
    ENTITY,
    ENTITY_IN_BOX,
    JMERE_TAGS,
    LABEL_OF_OBJECT,
    LABEL_PIECE,
    OBJECT,
    PAIR,
    PIECE,
    PIECE_OF_TOKEN,
    REL,
    TOKEN,
    TOKEN_OF_ENTITY,
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    ScenePredicate,
)
from eega_pyg.transforms import Pair, PairTransform, Pieces, Vocabularies

KEYS = {
    PIECE: {'input_ids', 'num_nodes'},
    TOKEN: {'upos', 'ner', 'shape', 'vector', 'num_nodes'},
    OBJECT: {'feat', 'score', 'box', 'has_box', 'num_nodes'},
    LABEL_PIECE: {'input_ids', 'num_nodes'},
    PIECE_OF_TOKEN: {'edge_index'},
    LABEL_OF_OBJECT: {'edge_index'},
    DEP: {'edge_index', 'edge_type'},
    REL: {'edge_index', 'edge_type'},
    PAIR: {'distance', 'pmi', 'tag'},
    ENTITY: {'type', 'num_nodes'},
    TOKEN_OF_ENTITY: {'edge_index'},
    BOX: {'xyxy', 'num_nodes'},
    ENTITY_IN_BOX: {'edge_index'},
}
GRAPH = {
    'text', 'words', 'image_id', 'quintuples', 'sentence', 'offset', 'annotated',
    'entities', 'grounded'
}


class Letters:
    def words(self, words):
        return Pieces([1, *(ord(c) for w in words for c in w), 2],
                      [-1, *(i for i, w in enumerate(words) for _ in w), -1])

    def label(self, label):
        return [ord(c) for c in label]


def parse(*heads) -> Parse:
    n = len(heads)
    return Parse(heads, ('dep', ) * n, ('X', ) * n, ('', ) * n, ('lower', ) * n)


def pairs():
    scene = SceneGraph((SceneObject('man'), SceneObject('cup', 0.5)),
                       (ScenePredicate(0, 'on', 1), ))
    quintuple = Quintuple(Entity(0, 1, 'per'), Entity(2, 3, 'org'), 'member_of')
    return [
        Pair(('hi', ), parse(0), text='hi'),
        Pair(('Ann', 'of', 'Acme'), parse(0, 0, 1), scene, (quintuple, ), 'Ann of Acme',
             'a.jpg', 7),
        Pair(('one', 'two'), parse(0, 1), SceneGraph((SceneObject('ox'), ))),
        Pair(('no', ), parse(0), offset=4, sentence=9),
    ]


@pytest.fixture
def graphs():
    vocabularies = Vocabularies.fit(pairs(), min_predicates=1)
    transform = PairTransform(vocabularies, Letters(), JMERE_TAGS)
    return [transform(pair) for pair in pairs()]


def content(data: HeteroData):
    # num_nodes too; it is no key of a graph that was taken out of a batch.
    out = {}
    for store in data.stores:
        for key, value in store.to_dict().items():
            if key not in ('batch', 'ptr', '_num_nodes'):
                is_tensor = isinstance(value, torch.Tensor)
                out[store._key, key] = value.tolist() if is_tensor else value
    for name in (PIECE, TOKEN, OBJECT, LABEL_PIECE):
        out[name, 'num_nodes'] = data[name].num_nodes
    return out


def test_every_store_and_key_is_always_there(graphs):
    for data in graphs:
        found = {store._key: set(store.keys()) for store in data.stores}
        assert found.pop(None) == GRAPH
        assert found == KEYS
        assert None not in content(data).values()


def test_a_graph_comes_out_of_a_batch_as_it_went_in(graphs):
    for order in ([0, 1, 2, 3], [3, 0], [1, 3, 1], [0]):
        batch = Batch.from_data_list([graphs[i] for i in order])
        for i, data in zip(order, batch.to_data_list()):
            assert content(data) == content(graphs[i])


def test_a_batch_lines_the_stores_up(graphs):
    batch = Batch.from_data_list(graphs)
    n = batch[TOKEN].ptr.diff()
    assert n.tolist() == [1, 3, 2, 1]
    assert batch[PAIR].tag.numel() == int((n * n).sum())
    assert batch[OBJECT].batch.tolist() == [1, 1, 2]
    assert batch.num_graphs == 4
    # The relation of graph 1, behind the one pair of graph 0:
    assert batch[PAIR].tag[1 + 0 * 3 + 2] == JMERE_TAGS.id('member_of')
    # Pieces of graph 2's label point at object 2 of the batch:
    assert batch[LABEL_OF_OBJECT].edge_index[1].tolist() == [0] * 3 + [1] * 3 + [2] * 2
    assert batch.words == [['hi'], ['Ann', 'of', 'Acme'], ['one', 'two'], ['no']]
    assert batch.quintuples[1] == [[0, 1, 'per', 2, 3, 'org', 'member_of']]
    assert batch.sentence.tolist() == [0, 7, 0, 9]
    assert batch.offset.tolist() == [0, 0, 0, 4]


def test_the_data_loader_serves_every_pair_once():
    dataset = FakeJMERE(num_pairs=23, avg_words=2, avg_objects=1, seed=3)
    assert min(d[TOKEN].num_nodes for d in dataset) == 1  # Else it tests too little.
    assert min(d[OBJECT].num_nodes for d in dataset) == 0
    batches = list(DataLoader(dataset, batch_size=4))
    assert [s for b in batches for s in b.sentence.tolist()] == list(range(23))
    total = sum(b[PAIR].pmi.numel() for b in batches)
    assert total == sum(d[TOKEN].num_nodes**2 for d in dataset)
