import pytest

from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision import merge_graphs

BOX = (0.1, 0.1, 0.5, 0.9)
SMALL = (0.2, 0.2, 0.3, 0.3)


@pytest.fixture(scope='module')
def embed():
    from eega_pyg.vision import LabelEmbedder
    return LabelEmbedder()


def labels(graph):
    return [o.label for o in graph.objects]


def triples(graph):
    names = labels(graph)
    return {(names[p.subject], p.predicate, names[p.object]) for p in graph.predicates}


def test_boxes_come_from_one_and_attributes_and_predicates_from_both(embed):
    seen = SceneGraph(
        (SceneObject('person', 0.8, BOX,
                     (1., 2.)), SceneObject('car', 0.7, SMALL,
                                            (3., 4.))), (ScenePredicate(0, 'near', 1), ))
    said = SceneGraph((SceneObject('red car'), SceneObject('tall man'),
                       SceneObject('flag')), (ScenePredicate(1, 'lean on', 0),
                                              ScenePredicate(1, 'hold', 2)))
    merged = merge_graphs(seen, said, embed)
    assert labels(merged) == ['tall man', 'red car', 'flag']
    assert [o.box for o in merged.objects] == [BOX, SMALL, None]
    assert [o.feature for o in merged.objects] == [(1., 2.), (3., 4.), None]
    assert [o.score for o in merged.objects] == [1., 1., 1.]
    assert triples(merged) == {('tall man', 'near', 'red car'),
                               ('tall man', 'lean on', 'red car'),
                               ('tall man', 'hold', 'flag')}


@pytest.mark.parametrize('seen, said, same', [
    ('cell phone', 'phone', True),
    ('sports ball', 'ball', True),
    ('person', 'woman', True),
    ('person', 'soccer player', True),
    ('person', 'dog', False),
    ('man', 'woman', False),
    ('car', 'truck', False),
    ('hot dog', 'dog', False),
    ('cup', 'chair', False),
])
def test_what_is_the_same(seen, said, same, embed):
    merged = merge_graphs(SceneGraph((SceneObject(seen, 0.5, BOX), )),
                          SceneGraph((SceneObject(said), )), embed)
    assert len(merged.objects) == (1 if same else 2)


def test_each_object_is_matched_once(embed):
    two = SceneGraph((SceneObject('dog', 0.9, BOX), SceneObject('dog', 0.8, SMALL)))
    merged = merge_graphs(two, SceneGraph((SceneObject('brown dog'), )), embed)
    assert labels(merged) == ['brown dog', 'dog']
    merged = merge_graphs(SceneGraph((SceneObject('brown dog'), )), two, embed)
    assert labels(merged) == ['brown dog', 'dog']
    assert [o.box for o in merged.objects] == [BOX, SMALL]


def test_the_same_predicate_twice_is_one_with_the_higher_score(embed):
    def graph(score):
        return SceneGraph((SceneObject('man'), SceneObject('hat')),
                          (ScenePredicate(0, 'wear', 1, score), ))

    merged = merge_graphs(graph(0.2), graph(0.6), embed)
    assert merged.predicates == (ScenePredicate(0, 'wear', 1, 0.6), )


def test_an_empty_graph_adds_nothing(embed):
    graph = SceneGraph((SceneObject('man', 0.5, BOX), ))
    assert merge_graphs(graph, SceneGraph(), embed) == graph
    assert merge_graphs(SceneGraph(), graph, embed) == graph
