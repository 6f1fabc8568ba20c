r"""What the examples claim, on fewer graphs and nodes."""
import importlib.util
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / 'examples'


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_rings_are_told_apart_by_their_edge_types_alone():
    example = load('ring_kinds')
    torch.manual_seed(0)
    graphs = example.ring_graphs(400, torch.Generator().manual_seed(0))
    parts = graphs[:300], graphs[300:]
    assert example.accuracy(parts, typed=True, epochs=20, seed=0) > 0.9
    assert example.accuracy(parts, typed=False, epochs=20, seed=0) < 0.6


def test_rings_of_both_kinds_have_the_same_shape_and_as_many_double_edges():
    example = load('ring_kinds')
    torch.manual_seed(1)
    for graph in example.ring_graphs(6, torch.Generator().manual_seed(1)):
        types = {
            (u, v): t
            for u, v, t in zip(*graph.edge_index.tolist(), graph.edge_type.tolist())
        }
        assert all(types[v, u] == t for (u, v), t in types.items())
        ring = list(range(graph.num_nodes - example.RING, graph.num_nodes))
        kinds = [types[u, v] for u, v in zip(ring, ring[1:] + ring[:1])]
        assert sum(kinds) == example.RING // 2
        alternates = all(a != b for a, b in zip(kinds, kinds[1:] + kinds[:1]))
        assert alternates == (graph.y == 1)


@pytest.mark.slow
def test_communities_are_found_by_their_edge_types_alone():
    example = load('friend_or_foe')
    torch.manual_seed(0)
    data = example.network(3, size=150, degree=20, noise=0.1, known=0.1)
    assert example.accuracy(data, typed=True, steps=120, seed=0) > 0.85
    assert example.accuracy(data, typed=False, steps=120, seed=0) < 0.5


def test_rewired_graphs_have_the_degrees_of_two_communities_and_not_their_edges():
    example = load('template_readout')
    graphs = example.community_graphs(40, seed=0)
    inside = [0., 0.]
    for graph in graphs:
        row, col = graph.edge_index
        half = graph.num_nodes // 2
        inside[graph.y] += float(((row < half) == (col < half)).double().mean()) / 20
    degrees = [[graph.num_edges / graph.num_nodes for graph in graphs[y::2]]
               for y in (0, 1)]
    assert inside[0] > 0.9 and inside[1] < 0.6
    assert abs(sum(degrees[0]) / sum(degrees[1]) - 1) < 0.1
    planted = nx.planted_partition_graph(2, 10, 0.6, 0.04, seed=1)
    before = sorted(degree for _, degree in planted.degree)
    example.rewire(planted, seed=1)
    assert sorted(degree for _, degree in planted.degree) == before


@pytest.mark.slow
def test_distances_to_templates_see_communities_and_mean_pooling_does_not():
    example = load('template_readout')
    graphs = example.community_graphs(300, seed=0)
    parts = graphs[:150], graphs[150:]
    torch.manual_seed(0)
    assert example.accuracy(parts, example.Templates(), epochs=8, rate=0.05) > 0.7
    assert example.accuracy(parts, example.MeanPooling(), epochs=20, rate=0.01) < 0.6


def test_nodes_of_a_graph_are_found_again_in_noisy_copies():
    example = load('graph_matching')
    graph = nx.barabasi_albert_graph(40, 3, seed=0)
    rng = np.random.default_rng(0)
    for noise, least in ((0., 0.95), (0.05, 0.6)):
        instances = [example.noisy_copy(graph, noise, rng) for _ in range(4)]
        found, _ = example.match_all(instances)
        right = [(f == x.order).mean() for f, x in zip(found, instances)]
        assert sum(right) / 4 > least
