import random
import time

import pytest
import torch

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
    seen = SceneGraph((SceneObject('person', 0.8, BOX,
                                   (1., 2.)), SceneObject('car', 0.7, SMALL, (3., 4.))),
                      (ScenePredicate(0, 'near', 1), ))
    said = SceneGraph(
        (SceneObject('red car'), SceneObject('tall man'), SceneObject('flag')),
        (ScenePredicate(1, 'lean on', 0), ScenePredicate(1, 'hold', 2)))
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
    ('cup', 'chair', False),
    ('dog', 'hot dog', False),
])
def test_what_is_the_same(seen, said, same, embed):
    merged = merge_graphs(SceneGraph((SceneObject(seen, 0.5, BOX), )),
                          SceneGraph((SceneObject(said), )), embed)
    assert len(merged.objects) == (1 if same else 2)


def test_each_object_is_matched_once(embed):
    two = SceneGraph((SceneObject('dog', 0.9, BOX), SceneObject('dog', 0.8, SMALL)))
    merged = merge_graphs(two, SceneGraph((SceneObject('brown dog'), )), embed)
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


def random_vectors(words):
    r"""Vectors of length one that depend on the word alone."""
    def embed(labels):
        rows = [
            torch.randn(8, generator=torch.Generator().manual_seed(words.index(w)))
            for w in labels
        ]
        return torch.nn.functional.normalize(torch.stack(rows), dim=1)

    return embed


def test_matches_are_those_of_a_loop_over_all_pairs():
    words = ['man', 'person', 'dog', 'car', 'people', 'woman', 'tree', 'figure']
    embed, rng = random_vectors(words), random.Random(0)
    for _ in range(40):
        sides = [rng.choices(words, k=rng.randint(1, 9)) for _ in range(2)]
        merged = merge_graphs(
            *(SceneGraph(tuple(SceneObject(w, s) for w in side))
              for side, s in zip(sides, (0.5, 0.25))), embed, threshold=0.4)
        cosine = embed(sides[0]) @ embed(sides[1]).T
        for i, a in enumerate(sides[0]):
            for j, b in enumerate(sides[1]):
                if {a, b} & {'person', 'people', 'figure'
                             } and not {a, b} & {'dog', 'car', 'tree'}:
                    cosine[i, j] = max(cosine[i, j], 0.9)
        pairs = {}
        while (best := cosine.max()) >= 0.4:
            i, j = divmod(int((cosine == best).flatten().nonzero()[0]), len(sides[1]))
            pairs[i] = j
            cosine[i], cosine[:, j] = -2, -2
        expected = [
            sides[1][pairs[i]] if i in pairs else w for i, w in enumerate(sides[0])
        ] + [w for j, w in enumerate(sides[1]) if j not in pairs.values()]
        assert labels(merged) == expected


@pytest.mark.slow
def test_what_is_compared_is_bounded():
    words = [f'w{i}' for i in range(50)] + ['man', 'person']
    embed = random_vectors(words)
    table = dict(zip(words, embed(words)))

    def seconds(number):
        graph = SceneGraph(tuple(SceneObject(words[i % 52]) for i in range(number)))
        taken = []
        for _ in range(3):  # The fastest of them was disturbed least.
            start = time.process_time()
            merged = merge_graphs(graph, graph,
                                  lambda w: torch.stack([table[x] for x in w]))
            taken.append(time.process_time() - start)
        assert len(merged.objects) == 2 * number - 1000
        return min(taken)

    assert seconds(32_000) < 12 * seconds(8_000)  # Quadratic: sixteen times.
