import pytest
import torch
from fusion_loops import degrees
from torch_geometric.utils import erdos_renyi_graph

from eega_pyg.nn.fusion import degree_sequences


@pytest.mark.parametrize('hops', [0, 1, 2, 3])
@pytest.mark.parametrize('probability', [0.0, 0.1, 0.4, 1.0])
def test_they_are_those_of_networkx(hops, probability):
    torch.manual_seed(0)
    edges = erdos_renyi_graph(17, probability)
    # Edges of one direction, repeated ones and self-loops change nothing.
    edges = torch.cat(
        [edges[:, edges[0] < edges[1]], edges[:, :5],
         torch.tensor([[3, 3], [3, 3]])], dim=1)
    out = degree_sequences(edges, 17, hops, decay=0.3)
    expected = degrees(edges.t().tolist(), 17, hops, 0.3)
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=1e-6)


def test_a_graph_without_nodes_or_edges():
    none = torch.empty(2, 0, dtype=torch.long)
    assert degree_sequences(none, 0).shape == (0, 10)
    assert torch.equal(degree_sequences(none, 3), torch.zeros(3, 10))
