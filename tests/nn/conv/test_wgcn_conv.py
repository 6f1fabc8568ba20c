import pytest
import torch

from eega_pyg.nn.conv import CompleteGraph, WGCNConv


def loop(conv, x, edges, r):
    """Eq. 9: `edges` are pairs (i, j), j a neighbour of i, with features `r`."""
    w, b = conv.lin_edge.weight[0], conv.lin_edge.bias[0]
    out = torch.zeros(x.size(0), conv.out_channels, dtype=x.dtype)
    for i in range(x.size(0)):
        mine = [e for e, (a, _) in enumerate(edges) if a == i]
        if mine:
            scores = torch.stack([torch.relu(w @ r[e] + b) for e in mine])
            for weight, e in zip(scores.softmax(0), mine):
                out[i] += weight * conv.lin(x[edges[e][1]])
    return out


@pytest.fixture
def conv():
    torch.manual_seed(1)
    conv = WGCNConv(6, 4, edge_dim=3).double()
    torch.nn.init.normal_(conv.lin_edge.bias)  # So that the ReLU cuts some edges.
    return conv


def test_sparse_graph_equals_the_equation(conv):
    x = torch.randn(5, 6, dtype=torch.double)
    edges = [(0, 1), (0, 2), (0, 0), (3, 1), (3, 4), (4, 3)]
    r = 3 * torch.randn(len(edges), 3, dtype=torch.double)
    edge_index = torch.tensor([(j, i) for i, j in edges]).t()
    torch.testing.assert_close(conv(x, edge_index, edge_attr=r),
                               loop(conv, x, edges, r), rtol=0, atol=1e-12)


@pytest.mark.parametrize('sizes', [[4], [3, 1, 5], [1, 1], [2, 0, 3]])
def test_complete_graph_equals_message_passing_and_the_equation(conv, sizes):
    ptr = torch.tensor([0] + sizes).cumsum(0)
    x = torch.randn(sum(sizes), 6, dtype=torch.double, requires_grad=True)
    graph = CompleteGraph.from_ptr(ptr)
    r = 3 * torch.randn(graph.row.numel(), 3, dtype=torch.double)
    dense = conv(x, graph, edge_attr=r)
    sparse = conv(x, graph.edge_index, edge_attr=r)
    torch.testing.assert_close(dense, sparse, rtol=0, atol=1e-12)
    edges = list(zip(graph.row.tolist(), graph.col.tolist()))
    torch.testing.assert_close(dense, loop(conv, x, edges, r), rtol=0, atol=1e-12)
    weight = torch.randn_like(dense)
    grads = [
        torch.autograd.grad((out * weight).sum(), [x, conv.lin_edge.weight])
        for out in (dense, sparse)
    ]
    for a, b in zip(*grads):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


@pytest.mark.parametrize('ptr', [[0], [0, 0], [0, 0, 0]])
def test_complete_graphs_of_nothing_are_nothing(conv, ptr):
    graph = CompleteGraph.from_ptr(torch.tensor(ptr))
    x = torch.empty(0, 6, dtype=torch.double)
    assert conv(x, graph, edge_score=torch.empty(0)).shape == (0, 4)


@pytest.mark.parametrize('kwargs', [{'aggr': 'mean'}, {'flow': 'target_to_source'}])
def test_a_complete_graph_is_its_edges_whatever_the_sum(kwargs):
    conv = WGCNConv(6, 4, edge_dim=3, **kwargs)
    graph = CompleteGraph.from_ptr(torch.tensor([0, 3, 5]))
    x, score = torch.randn(5, 6), torch.randn(13)
    torch.testing.assert_close(conv(x, graph, edge_score=score),
                               conv(x, graph.edge_index, edge_score=score))


def test_scores_stand_for_attributes(conv):
    graph = CompleteGraph.from_ptr(torch.tensor([0, 3, 5]))
    x = torch.randn(5, 6, dtype=torch.double)
    r = torch.randn(13, 3, dtype=torch.double)
    score = conv.lin_edge(r).squeeze(-1)
    torch.testing.assert_close(conv(x, graph, edge_score=score),
                               conv(x, graph, edge_attr=r))
    with pytest.raises(ValueError, match="either 'edge_attr' or 'edge_score'"):
        conv(x, graph)


def test_masked_pairs_of_a_complete_graph_are_not_there(conv):
    graph = CompleteGraph.from_ptr(torch.tensor([0, 3, 5]))
    x = torch.randn(5, 6, dtype=torch.double)
    score = torch.randn(13, dtype=torch.double)
    mask = (torch.rand(13) < 0.5) | (graph.row == graph.col)
    left = conv(x, graph.edge_index[:, mask], edge_score=score[mask])
    assert not left.allclose(conv(x, graph, edge_score=score))
    for edges in (graph, graph.edge_index):
        out = conv(x, edges, edge_score=score, edge_mask=mask)
        torch.testing.assert_close(out, left)


def test_complete_graph_lists_all_ordered_pairs_row_major():
    graph = CompleteGraph.from_ptr(torch.tensor([0, 2, 3, 3, 5]))
    expected = [(i, j) for a, b in ((0, 2), (2, 3), (3, 5)) for i in range(a, b)
                for j in range(a, b)]
    assert list(zip(graph.row.tolist(), graph.col.tolist())) == expected
    dense = graph.to_dense(torch.arange(1., 10.))
    assert dense[0].tolist() == [[1, 2], [3, 4]]
    assert dense[1].tolist() == [[5, 0], [0, 0]]
    assert dense[2].tolist() == [[0, 0], [0, 0]]
