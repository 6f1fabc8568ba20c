import torch
from torch_geometric.data import HeteroData

from eega_pyg.parsing import Parse
from eega_pyg.schema import DEP, PIECE, PIECE_OF_TOKEN, TOKEN
from eega_pyg.transforms import Pair, Pieces, TextGraph, Vocabularies


class Letters:
    # A piece for each letter.
    def words(self, words):
        return Pieces([1, *(ord(c) for w in words for c in w), 2],
                      [-1, *(i for i, w in enumerate(words) for _ in w), -1])

    def label(self, label):
        return [ord(c) for c in label]


TREE = Pair(
    ('ab', 'c', 'de'),
    Parse(heads=(1, 1, 1), deps=('nsubj', 'ROOT', 'dobj'), upos=('X', 'VERB', 'X'),
          ner=('ORG', '', ''), shape=('lower', 'lower', 'digit')))


def test_dependencies_go_both_ways_under_one_label_and_every_word_has_a_loop():
    vocabs = Vocabularies.fit([TREE])
    data = TextGraph(vocabs, Letters())(HeteroData(), TREE)
    names = vocabs.dep.to_list()
    edges = {(int(i), int(j), names[t])
             for (i, j), t in zip(data[DEP].edge_index.t(), data[DEP].edge_type)}
    assert edges == {(0, 1, 'nsubj'), (1, 0, 'nsubj'), (2, 1, 'dobj'), (1, 2, 'dobj'),
                     (0, 0, '<self>'), (1, 1, '<self>'), (2, 2, '<self>')}
    assert data[DEP].edge_index.size(1) == len(edges)


def test_pieces_point_at_their_words_and_special_ones_at_none():
    data = TextGraph(Vocabularies.fit([TREE]), Letters())(HeteroData(), TREE)
    assert data[PIECE].input_ids.tolist() == [1, *map(ord, 'abcde'), 2]
    assert data[PIECE_OF_TOKEN].edge_index.tolist() == [[1, 2, 3, 4, 5],
                                                        [0, 0, 1, 2, 2]]
    assert data[PIECE].num_nodes == 7


def test_what_training_did_not_show_is_unknown():
    other = Pair(('f', ), Parse((0, ), ('ROOT', ), ('NUM', ), ('GPE', ), ('url', )))
    data = TextGraph(Vocabularies.fit([TREE]), Letters())(HeteroData(), other)
    for field in ('upos', 'ner', 'shape'):
        assert data[TOKEN][field].tolist() == [0]
    assert data[DEP].edge_index.tolist() == [[0], [0]]


def test_token_fields_are_the_ids_of_the_parse():
    vocabs = Vocabularies.fit([TREE])
    data = TextGraph(vocabs, Letters())(HeteroData(), TREE)
    for field in ('upos', 'ner', 'shape'):
        names = getattr(vocabs, field).to_list()
        read = tuple(names[i] for i in data[TOKEN][field])
        assert read == getattr(TREE.parse, field)
    assert data[TOKEN].upos.dtype == torch.long
