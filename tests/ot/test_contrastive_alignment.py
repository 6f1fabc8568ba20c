import pytest
import torch
import torch.nn.functional as F
from ot_cases import graphs

from eega_pyg.ot import ContrastiveAlignment, GraphAlignment

SIZES_S, SIZES_T = [3, 2, 1, 0, 2, 4], [4, 3, 6, 9, 2, 0]


def make():
    generator = torch.Generator().manual_seed(0)
    return graphs(SIZES_S, generator), graphs(SIZES_T, generator)


def arguments(s, t):
    return s.x, s.edge_index, s.batch, t.x, t.edge_index, t.batch, len(SIZES_S)


def alone(alignment, s, t, i, j):
    r"""The distance of one graph from each side."""
    sides = []
    for g, k in ((s, i), (t, j)):
        nodes = (g.batch == k).nonzero().view(-1)
        first = int(nodes[0])
        inside = torch.isin(g.edge_index[0], nodes)
        sides += [g.x[nodes], g.edge_index[:, inside] - first, None]
    out = alignment(*sides)
    return alignment.alpha * out.wd + (1 - alignment.alpha) * out.gwd


@pytest.mark.parametrize('masked', [False, True])
def test_it_is_the_softplus_of_distances_of_graphs_taken_one_by_one(masked):
    s, t = make()
    alignment = GraphAlignment(alpha=0.4, normalize=True)
    # The pair before 0 is 5; 3 has no s, 4 none before it, 5 no t.
    counted = [1, 2] if masked else [0, 1, 2]
    mask = torch.tensor([False, True, True, True, True, True]) if masked else None
    expected = torch.stack([
        F.softplus((alone(alignment, s, t, b, b) -
                    alone(alignment, s, t, b - 1 if b else 5, b)) / 0.2)
        for b in counted
    ]).mean()
    out = ContrastiveAlignment(alignment, 0.2)(*arguments(s, t), mask)
    torch.testing.assert_close(out.loss, expected)
    own = alignment(*arguments(s, t))
    for a, b in zip((*out.own.nodes, *out.own.edges), (*own.nodes, *own.edges)):
        assert torch.equal(a, b)


def test_a_batch_without_two_pairs_has_no_loss_and_no_gradient():
    s, t = make()
    x = s.x[:3].clone().requires_grad_()
    inside = (s.edge_index < 3).all(dim=0)
    words = t.batch == 0
    edges = t.edge_index[:, (t.edge_index < 4).all(dim=0)]
    out = ContrastiveAlignment(GraphAlignment())(x, s.edge_index[:,
                                                                 inside], s.batch[:3],
                                                 t.x[words], edges, t.batch[words], 1)
    out.loss.backward()
    assert out.loss == 0 and not x.grad.any()


def test_descending_it_brings_graphs_nearer_to_their_own_partners():
    generator = torch.Generator().manual_seed(1)
    s, t = graphs([3] * 8, generator), graphs([5] * 8, generator)
    lin = torch.nn.Linear(s.x.size(1), t.x.size(1), dtype=s.x.dtype)
    optimizer = torch.optim.Adam(lin.parameters(), 0.02)
    contrast = ContrastiveAlignment(GraphAlignment(alpha=1.0))
    losses = []
    for _ in range(100):
        out = contrast(lin(s.x), s.edge_index, s.batch, t.x, t.edge_index, t.batch, 8)
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
        losses.append(float(out.loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_a_temperature_has_to_be_above_zero():
    with pytest.raises(ValueError, match='temperature'):
        ContrastiveAlignment(GraphAlignment(), 0.0)
