import networkx as nx
import numpy as np

from eega_pyg.visualize.layout import packed_layout


def test_components_do_not_overlap_and_all_nodes_are_placed():
    graph = nx.disjoint_union_all(
        [nx.star_graph(20),
         nx.path_graph(5),
         nx.complete_graph(4),
         nx.path_graph(2)] * 4 + [nx.empty_graph(30)])
    place = packed_layout(graph)
    assert set(place) == set(graph)
    parts = [
        np.array([place[n] for n in part]) for part in nx.connected_components(graph)
    ]
    for i, part in enumerate(parts):
        middle = part.mean(0)
        radius = np.linalg.norm(part - middle, axis=1).max()
        for other in parts[i + 1:]:
            assert np.linalg.norm(other - middle, axis=1).min() > radius


def test_a_layout_is_the_same_every_time():
    graph = nx.barabasi_albert_graph(80, 2, seed=1)
    assert packed_layout(graph) == packed_layout(graph)


def test_no_node_has_no_place():
    assert packed_layout(nx.Graph()) == {}
