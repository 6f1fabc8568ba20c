r"""What the examples about edge types claim, on fewer graphs and nodes."""
import importlib.util
from pathlib import Path

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
