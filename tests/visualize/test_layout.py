import time

import networkx as nx
import numpy as np
import pytest

from eega_pyg.visualize.layout import packed_layout

SHAPES = [
    nx.star_graph(300),
    nx.barabasi_albert_graph(200, 2, seed=1),
    nx.star_graph(20),
    nx.path_graph(9),
    nx.complete_graph(5),
    nx.path_graph(2)
]


def boxes(graph, place):
    r"""The rectangle of each component, and its number of nodes."""
    for part in nx.connected_components(graph):
        points = np.array([place[n] for n in part])
        yield points.min(0), points.max(0), len(part)


def test_components_lie_apart_and_the_largest_at_the_top():
    graph = nx.disjoint_union_all([*SHAPES * 2, nx.empty_graph(30)])
    place = packed_layout(graph)
    assert set(place) == set(graph)
    found = list(boxes(graph, place))
    for i, (low, high, _) in enumerate(found):
        for other_low, other_high, _ in found[i + 1:]:
            assert (other_low > high + 1).any() or (low > other_high + 1).any()
    largest = max(found, key=lambda box: box[2])
    assert largest[0].tolist() == [0, 0]
    # Single nodes are hidden at first: they stand below all others.
    lonely = min(low[1] for low, _, size in found if size == 1)
    assert lonely > max(high[1] for _, high, size in found if size > 1)


@pytest.mark.parametrize('graph', SHAPES, ids=lambda g: str(len(g)))
def test_no_node_lies_on_another(graph):
    points = np.array(list(packed_layout(graph).values()))
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distance, 9)
    assert distance.min() > 0.55


def test_distances_on_paper_follow_those_in_the_graph():
    graph = nx.balanced_tree(3, 4)
    place = packed_layout(graph)
    true = dict(nx.all_pairs_shortest_path_length(graph))
    pairs = [(a, b) for a in graph for b in graph if a < b]
    drawn = [np.hypot(*np.subtract(place[a], place[b])) for a, b in pairs]
    assert np.corrcoef(drawn, [true[a][b] for a, b in pairs])[0, 1] > 0.6


def test_a_layout_is_the_same_every_time():
    graph = nx.barabasi_albert_graph(120, 2, seed=1)
    assert packed_layout(graph) == packed_layout(graph.copy())


def test_loops_and_double_edges_change_nothing():
    graph = nx.MultiDiGraph([(0, 1), (1, 0), (1, 2), (2, 2)])
    assert packed_layout(graph) == packed_layout(nx.Graph([(0, 1), (1, 2)]))


def test_no_node_has_no_place():
    assert packed_layout(nx.Graph()) == {}


@pytest.mark.slow
def test_four_times_the_nodes_take_about_four_times_as_long():
    def seconds(number):
        graph = nx.disjoint_union_all([
            nx.barabasi_albert_graph(number // 2, 1, seed=1),
            nx.barabasi_albert_graph(number // 2, 2, seed=1)
        ])
        start = time.process_time()
        packed_layout(graph)
        return time.process_time() - start

    # Quadratic would be sixteen times as long.
    assert seconds(8_000) < 11 * seconds(2_000)
