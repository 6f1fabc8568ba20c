import dataclasses

import pytest
import torch
from torch_geometric.data import HeteroData

from eega_pyg.parsing import Parse
from eega_pyg.schema import (
    LABEL_OF_OBJECT,
    LABEL_PIECE,
    OBJECT,
    REL,
    SceneGraph,
    SceneObject,
    ScenePredicate,
)
from eega_pyg.transforms import Pair, Pieces, VisualGraph, Vocabularies


class Letters:
    def words(self, words):
        return Pieces([], [])

    def label(self, label):
        return [ord(c) for c in label]


def pair(graph: SceneGraph) -> Pair:
    return Pair(('a', ), Parse((0, ), ('ROOT', ), ('X', ), ('', ), ('lower', )), graph)


def graph(*predicates) -> SceneGraph:
    objects = (SceneObject('man', 0.9, (0.0, 0.25, 0.5, 1.0)), SceneObject('ox', 0.5),
               SceneObject('cup', 0.7))
    return SceneGraph(objects, tuple(ScenePredicate(*p) for p in predicates))


@pytest.fixture
def vocabs() -> Vocabularies:
    return Vocabularies.fit([pair(graph((0, 'on', 1), (0, 'near', 1)))],
                            min_predicates=1)


def edges(data, vocabs):
    names = vocabs.predicate.to_list()
    return sorted((int(i), int(j), names[t])
                  for (i, j), t in zip(data[REL].edge_index.t(), data[REL].edge_type))


def test_several_predicates_join_two_objects_both_ways(vocabs):
    given = graph((0, 'on', 1), (1, 'near', 0), (0, 'near', 1), (0, 'eats', 2))
    data = VisualGraph(vocabs, Letters())(HeteroData(), pair(given))
    assert edges(data, vocabs) == sorted([(0, 1, 'on'), (1, 0, 'on'), (0, 1, 'near'),
                                          (1, 0, 'near'), (0, 2, '<unknown>'),
                                          (2, 0, '<unknown>'), (0, 0, '<self>'),
                                          (1, 1, '<self>'), (2, 2, '<self>')])


def test_a_predicate_of_an_object_with_itself_is_left_to_the_self_loop(vocabs):
    data = VisualGraph(vocabs, Letters())(HeteroData(), pair(graph((1, 'on', 1))))
    assert edges(data, vocabs) == [(i, i, '<self>') for i in range(3)]


def test_objects_beyond_the_limit_go_by_score_and_their_edges_with_them(vocabs):
    given = graph((0, 'on', 1), (0, 'near', 2))
    data = VisualGraph(vocabs, Letters(), max_objects=2)(HeteroData(), pair(given))
    assert data[OBJECT].score.tolist() == pytest.approx([0.9, 0.7])
    assert edges(data, vocabs) == [(0, 0, '<self>'), (0, 1, 'near'), (1, 0, 'near'),
                                   (1, 1, '<self>')]
    assert data[LABEL_PIECE].input_ids.tolist() == [ord(c) for c in 'mancup']
    assert data[LABEL_OF_OBJECT].edge_index.tolist() == [[0, 1, 2, 3, 4, 5],
                                                         [0, 0, 0, 1, 1, 1]]


def test_absent_boxes_and_features_are_zeros(vocabs):
    given = graph()
    seen = dataclasses.replace(given.objects[1], feature=(1.0, 2.0))
    given = SceneGraph((given.objects[0], seen, given.objects[2]))
    data = VisualGraph(vocabs, Letters(), feature_size=2)(HeteroData(), pair(given))
    assert data[OBJECT].has_box.tolist() == [True, False, False]
    assert data[OBJECT].box.tolist() == [[0.0, 0.25, 0.5, 1.0], [0] * 4, [0] * 4]
    assert data[OBJECT].feat.tolist() == [[0, 0], [1, 2], [0, 0]]
    with pytest.raises(ValueError, match=r'objects\[1\].feature: expected 3 numbers'):
        VisualGraph(vocabs, Letters(), feature_size=3)(HeteroData(), pair(given))
    without = VisualGraph(vocabs, Letters())(HeteroData(), pair(given))
    assert without[OBJECT].feat.shape == (3, 0)


def test_without_objects_every_key_is_there_with_the_same_type(vocabs):
    transform = VisualGraph(vocabs, Letters(), feature_size=2)
    full = transform(HeteroData(), pair(graph((0, 'on', 1))))
    empty = transform(HeteroData(), pair(SceneGraph()))
    assert full.metadata() == empty.metadata()
    for a, b in zip(full.stores, empty.stores):
        assert list(a.keys()) == list(b.keys())
        for key, value in a.items():
            if isinstance(value, torch.Tensor):
                assert b[key].dtype == value.dtype
                assert b[key].numel() == 0
                assert b[key].dim() == value.dim()
            else:
                assert (key, b[key]) == ('num_nodes', 0)
