from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.knowledge_graph.formats.figure import draw_graph
from eega_pyg.knowledge_graph.records import Evidence, Mention, Node, Relation, Sentence
from eega_pyg.schema import SceneGraph, SceneObject, TagSet
from eega_pyg.tagging import Extraction
from eega_pyg.visualize.figures import draw_explanation, save_figure


@pytest.fixture
def result():
    plan = np.array([[0.2, 1.0], [0.8, 0.0]])
    table = np.full((2, 2, 2), 0.5)
    return Result('Ann $x^', ((0, 3), (4, 7)), Extraction([], []),
                  SceneGraph((SceneObject('man'), SceneObject('a_$1$'))),
                  alignment=Alignment(plan, 1 - plan),
                  pairs=PairProbabilities(TagSet(('per', ), ()), [(range(2), table)]))


def test_a_figure_shows_both_plans_and_the_table(result, tmp_path):
    figure = draw_explanation(result)
    shown = [
        axis.get_images()[0].get_array() for axis in figure.axes if axis.get_images()
    ]
    for values, expected in zip(
            shown, [*result.alignment, np.full((2, 2), 0.5)], strict=True):
        np.testing.assert_array_equal(values, expected)
    save_figure(figure, tmp_path / 'figure.png')
    assert Image.open(tmp_path / 'figure.png').width > 300


def test_a_graph_is_drawn_up_to_what_fits(tmp_path):
    mention = (Mention(0, 0, 1, 'a', 1.0), )
    evidence = (Evidence(0, (0, 1), (0, 1), 1.0), )
    nodes = {f'n{i}': Node(f'n{i}', f'$name {i}', 'per', mention) for i in range(301)}
    relations = [Relation('n0', 'of $', f'n{i}', evidence) for i in range(1, 301)]
    graph = KnowledgeGraph((Sentence('a'), ), nodes, relations)
    with pytest.raises(ValueError, match='room for 300 entities .* filter the graph'):
        graph.write(tmp_path / 'graph.svg')
    with pytest.raises(ValueError, match='no relation to draw'):
        KnowledgeGraph(graph.sentences, nodes, []).write(tmp_path / 'graph.svg')
    KnowledgeGraph(graph.sentences, nodes, relations[:3]).write(tmp_path / 'graph.svg')
    assert '<svg' in (tmp_path / 'graph.svg').read_text()


def test_all_relations_between_two_entities_are_read(tmp_path):
    mention = (Mention(0, 0, 1, 'a', 1.0), )
    evidence = (Evidence(0, (0, 1), (0, 1), 1.0), )
    nodes = {n: Node(n, n, 'per', mention) for n in 'abc'}
    relations = [
        Relation(head, name, tail, evidence, name != 'peer')
        for head, name, tail in (('a', 'of', 'b'), ('b', 'by', 'a'), ('a', 'peer', 'b'),
                                 ('b', 'in', 'c'), ('b', 'near', 'c'))
    ]
    figure = draw_graph(KnowledgeGraph((Sentence('a'), ), nodes, relations))
    texts = sorted(t.get_text() for t in figure.axes[0].texts)
    ways = [{'of →', 'by ←', 'peer —'}, {'of ←', 'by →', 'peer —'}]
    both, = [set(t.split('\n')) for t in texts if 'peer' in t]
    assert both in ways and 'in\nnear' in texts


@pytest.mark.parametrize('ending', ['svg', 'pdf', 'png'])
def test_a_figure_is_the_same_file_and_says_what_its_font_lacks(
        result, tmp_path, ending):
    odd = replace(result, text='京 東', offsets=((0, 1), (2, 3)))
    for name in ('a', 'b'):
        with pytest.warns(UserWarning, match="no glyph for '京 東': set") as told:
            save_figure(draw_explanation(odd), tmp_path / f'{name}.{ending}')
        assert len(told) == 1
    assert (tmp_path / f'a.{ending}').read_bytes() == (tmp_path /
                                                       f'b.{ending}').read_bytes()


def test_what_cannot_be_drawn_is_named(result):
    bare = Result('Ann', ((0, 3), ), Extraction([], []), SceneGraph())
    with pytest.raises(ValueError, match='neither plans nor a table'):
        draw_explanation(bare)
    words = tuple((i, i + 1) for i in range(81))
    with pytest.raises(ValueError, match=r'room for 80 words \(got 81\)'):
        draw_explanation(Result('a' * 81, words, Extraction([], []), SceneGraph()))
