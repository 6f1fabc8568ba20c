r"""Matches of nodes: against loops over the plans, permutations and finite
differences."""
from itertools import permutations
from typing import Any, List, Tuple

import networkx as nx
import pytest
import torch
from torch import Tensor

from eega_pyg.nn import OTMatching
from eega_pyg.ot import (
    MirrorDescent,
    Prices,
    ProximalPoint,
    Share,
    Sinkhorn,
    edge_cost,
    exact_wasserstein,
    pairwise_cost,
    sinkhorn,
)

Side = Tuple[Tensor, Tensor, Tensor]
Edge = Tuple[int, int, float]


def side(sizes: List[int], seed: int = 0) -> Side:
    r"""Features, edges and batch vector of random graphs."""
    generator = torch.Generator().manual_seed(seed)
    edges, batch = [], []
    for i, n in enumerate(sizes):
        near = (torch.rand(n, n, generator=generator) < 0.5).triu(1)
        edges.append((near | near.t()).nonzero().t() + len(batch))
        batch += [i] * n
    x = torch.randn(len(batch), 4, generator=generator, dtype=torch.float64)
    return x, torch.cat(edges, 1), torch.tensor(batch)


S, T = side([4, 1, 6, 3]), side([5, 3, 2, 3], seed=1)
FIRST = [0, 4, 5, 11, 14], [0, 5, 8, 10, 13]


def pairs(match: OTMatching) -> List[Edge]:
    with torch.no_grad():
        edge_index, weight = match(*S, *T)
    return [(i, j, w) for (i, j), w in zip(edge_index.t().tolist(), weight.tolist())]


def by_hand(match: OTMatching) -> List[Edge]:
    r"""The edges that the plans say, node by node and pair by pair."""
    with torch.no_grad():
        plans = match.transport(*S, *T).plan
    out: List[Edge] = []
    for g in range(len(plans)):
        (s, s_end), (t, t_end) = ((side[g], side[g + 1]) for side in FIRST)
        n, m = s_end - s, t_end - t
        share = (plans[g, :n, :m] * n).tolist()
        for i in range(n):
            kept = list(range(m))
            if match.k is not None:
                kept = sorted(kept, key=lambda j: -share[i][j])[:match.k]
            out += [(s + i, t + j, share[i][j]) for j in sorted(kept)
                    if share[i][j] > match.threshold]
    return out


@pytest.mark.parametrize('alpha', [0., 0.5, 1.])
@pytest.mark.parametrize('options', [{}, {
    'k': 1
}, {
    'k': 2
}, {
    'k': 100
}, {
    'threshold': 0.3
}, {
    'k': 2,
    'threshold': 0.2
}], ids=str)
def test_edges_are_those_of_a_loop_over_the_plans(alpha: float, options: Any) -> None:
    match = OTMatching(alpha, **options)
    found, expected = pairs(match), by_hand(match)
    assert [x[:2] for x in found] == [x[:2] for x in expected]
    assert [x[2] for x in found] == pytest.approx([x[2] for x in expected])


@pytest.mark.parametrize('alpha', [0., 0.5, 1.])
def test_no_other_one_to_one_matches_have_more_mass(alpha: float) -> None:
    match = OTMatching(alpha, one_to_one=True)
    found = pairs(match)
    with torch.no_grad():
        plans = match.transport(*S, *T).plan
    for g, plan in enumerate(plans):
        (s, s_end), (t, t_end) = ((side[g], side[g + 1]) for side in FIRST)
        share = (plan * (s_end - s))[:s_end - s, :t_end - t]
        share = share if share.size(0) <= share.size(1) else share.t()
        small, large = share.shape
        best = max(
            sum(float(share[i, j]) for i, j in enumerate(chosen))
            for chosen in permutations(range(large), small))
        part = [e for e in found if s <= e[0] < s_end]
        assert sum(e[2] for e in part) == pytest.approx(best)
        for end in (0, 1):
            assert len({e[end] for e in part}) == len(part) == small


def test_one_to_one_matches_below_the_threshold_are_left_out() -> None:
    every, some = (pairs(OTMatching(one_to_one=True, threshold=x)) for x in (0., 0.4))
    assert some == [e for e in every if e[2] > 0.4]
    assert 0 < len(some) < len(every)


@pytest.mark.parametrize('alpha', [0., 0.5, 1.])
def test_all_edges_of_a_node_weigh_one(alpha: float) -> None:
    (source, _), weight = OTMatching(alpha)(*S, *T)
    total = torch.zeros(14, dtype=torch.float64).index_add(0, source, weight)
    assert torch.allclose(total, torch.ones_like(total), atol=1e-3)


def test_features_alone_are_matched_by_sinkhorn() -> None:
    plan = OTMatching(0., cost='sqeuclidean').transport(*S, *T).plan
    expected = sinkhorn(pairwise_cost(S[0][:4], T[0][:5], 'sqeuclidean')).plan
    assert torch.allclose(plan[0, :4, :5], expected[0], atol=1e-6)


def test_an_exact_solver_gives_the_exact_plan() -> None:
    match = OTMatching(0., solver=ProximalPoint())
    expected = exact_wasserstein(pairwise_cost(S[0][5:11], T[0][8:10])).plan
    assert torch.allclose(
        match.transport(*S, *T).plan[2, :6, :2], expected[0], atol=1e-2)


def test_less_than_one_is_moved_where_the_solver_says_so() -> None:
    match = OTMatching(solver=MirrorDescent(constraint=Share(0.5)))
    assert match.transport(*S, *T).plan.sum((1, 2)) == pytest.approx(0.5, abs=1e-3)
    match = OTMatching(solver=MirrorDescent(constraint=Prices(None, 0.)))
    (source, _), weight = match(*S, *T)
    total = torch.zeros(14, dtype=torch.float64).index_add(0, source, weight)
    assert torch.allclose(total, torch.ones_like(total), atol=1e-3)


def test_a_pair_alone_has_the_same_edges() -> None:
    match = OTMatching(k=2)
    whole = pairs(match)
    for g in range(4):
        sides = []
        for (x, edge_index, _), first in zip((S, T), FIRST):
            nodes = slice(first[g], first[g + 1])
            inside = (edge_index[0] >= nodes.start) & (edge_index[0] < nodes.stop)
            sides += [x[nodes], edge_index[:, inside] - nodes.start, None]
        edge_index, weight = match(*sides)
        moved = (edge_index + torch.tensor([[FIRST[0][g]], [FIRST[1][g]]])).t().tolist()
        part = [e for e in whole if FIRST[0][g] <= e[0] < FIRST[0][g + 1]]
        assert moved == [[e[0], e[1]] for e in part]
        assert weight.tolist() == pytest.approx([e[2] for e in part], abs=1e-9)


@pytest.mark.parametrize('alpha, features', [(0., True), (0.5, True), (1., False)])
def test_shuffled_copies_are_matched_node_by_node(alpha: float, features: bool) -> None:
    torch.manual_seed(0)
    graphs = [nx.barabasi_albert_graph(n, 2, seed=n) for n in (12, 15, 18)]
    edges = [torch.tensor(list(g.edges)).t() for g in graphs]
    first = torch.tensor([0, 12, 27])
    edge_index = torch.cat([e + f for e, f in zip(edges, first)], 1)
    edge_index = torch.cat([edge_index, edge_index.flip(0)], 1)
    batch = torch.repeat_interleave(torch.tensor([12, 15, 18]))
    x = torch.randn(45, 5) if features else torch.ones(45, 1)
    order = torch.cat([torch.randperm(len(g)) + f for g, f in zip(graphs, first)])
    match = OTMatching(alpha, one_to_one=True)
    (s, t), _ = match(x, edge_index, batch, x[order.argsort()], order[edge_index],
                      batch)
    assert torch.equal(s, torch.arange(45))
    # Nodes with the same neighbours are the same without features.
    share = (t == order[s]).double().mean()
    assert share == 1 if features else share > 0.8


def test_distances_on_edges_tell_nodes_apart() -> None:
    # A triangle of three lengths, without features, and the same turned round.
    edges = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    length = torch.tensor([1., 1., 2., 2., 4., 4.])
    turned = (edges + 1) % 3
    none = torch.ones(3, 1)
    match = OTMatching(1., k=1)
    found, _ = match(none, edges, None, none, turned, None, length, length)
    assert found.tolist() == [[0, 1, 2], [1, 2, 0]]
    several = torch.stack([length, length.square()], 1)
    found, _ = match(none, edges, None, none, turned, None, several, several)
    assert found.tolist() == [[0, 1, 2], [1, 2, 0]]


def test_sides_without_nodes_have_no_edges_and_leave_the_others_alone() -> None:
    x_s, edge_index_s, _ = side([3, 2])
    x_t, edge_index_t, _ = side([4, 2], seed=1)
    apart = (torch.tensor([0, 0, 0, 2, 2]), torch.tensor([0, 0, 0, 0, 1, 1]))
    for options in ({}, {'k': 1}, {'one_to_one': True}):
        match = OTMatching(**options)
        found, weight = match(x_s, edge_index_s, apart[0], x_t, edge_index_t, apart[1],
                              batch_size=4)
        expected, values = match(x_s[:3], edge_index_s[:, (edge_index_s < 3).all(0)],
                                 None, x_t[:4],
                                 edge_index_t[:, (edge_index_t < 4).all(0)], None)
        assert torch.equal(found, expected)
        assert torch.allclose(weight, values)


def test_a_pair_with_a_nan_leaves_the_others_alone() -> None:
    x = S[0].clone()
    x[0] = torch.nan
    match = OTMatching(one_to_one=True)
    found = match(x, *S[1:], *T)[0].t().tolist()
    assert [e for e in found
            if e[0] >= 4] == [list(e[:2]) for e in pairs(match) if e[0] >= 4]


@pytest.mark.parametrize('alpha', [0., 0.5])
def test_slopes_of_weights_are_those_of_finite_differences(alpha: float) -> None:
    x = S[0].clone().requires_grad_()
    solver: Any = (Sinkhorn(gradient='unroll') if alpha == 0 else MirrorDescent(
        epsilon=0.5, num_iters=5, gradient='unroll'))
    match = OTMatching(alpha, solver=solver)
    torch.manual_seed(0)
    mix, way = torch.randn(52, dtype=torch.float64), torch.randn_like(x)

    def value(at: Tensor) -> Tensor:
        _, weight = match(at, *S[1:], *T)
        return (weight * mix[:weight.numel()]).sum()

    value(x).backward()
    with torch.no_grad():
        expected = (value(x + 1e-5 * way) - value(x - 1e-5 * way)) / 2e-5
    assert x.grad is not None
    assert float((x.grad * way).sum()) == pytest.approx(float(expected), rel=1e-3,
                                                        abs=1e-6)


def test_weights_have_slopes_by_default() -> None:
    for alpha in (0., 0.5):
        x = S[0].clone().requires_grad_()
        OTMatching(alpha, k=1)(x, *S[1:], *T)[1].square().sum().backward()
        assert x.grad is not None and float(x.grad.abs().max()) > 0


@pytest.mark.parametrize('alpha', [0.5, 1.])
def test_slopes_in_single_precision_are_finite(alpha: float) -> None:
    ahead = torch.arange(8)
    edges = torch.stack([ahead, ahead + 1])
    edges = torch.cat([edges, edges.flip(0)], 1)

    def slopes(x: Tensor, y: Tensor) -> Tensor:
        x, y = (z.clone().requires_grad_() for z in (x, y))
        _, weight = OTMatching(alpha)(x, edges, None, y, edges, None,
                                      edge_cost(x, edges), edge_cost(y, edges))
        return torch.cat(torch.autograd.grad(weight.square().sum(), [x, y]))

    near = 0
    for seed in range(8):
        torch.manual_seed(seed)
        x, y = torch.randn(9, 8), torch.randn(9, 8)
        out, expected = slopes(x, y), slopes(x.double(), y.double())
        assert out.isfinite().all(), seed
        near += bool((out - expected).abs().max() < 0.01 * expected.abs().max())
    assert near >= 6  # Rounding may lead to another local optimum.


def test_half_precision_is_solved_in_single() -> None:
    match = OTMatching(k=1)
    x_s, x_t = S[0].bfloat16(), T[0].bfloat16()
    plain = match(x_s.float(), *S[1:], x_t.float(), *T[1:])
    with torch.autocast('cpu', torch.bfloat16):
        mixed = match(x_s, *S[1:], x_t, *T[1:])
    assert torch.equal(plain[0], mixed[0]) and torch.equal(plain[1], mixed[1])


@pytest.mark.parametrize('options', [{'k': 1}, {'one_to_one': True}])
def test_slopes_of_torch_func_are_those_of_autograd(options: Any) -> None:
    match = OTMatching(0., **options)
    (x, edges, _), (y, edges_y, _) = side([5]), side([4], seed=1)

    def weight(x: Tensor) -> Tensor:
        return match(x, edges, None, y, edges_y, None)[1].square().sum()

    tracked = x.clone().requires_grad_()
    expected, = torch.autograd.grad(weight(tracked), tracked)
    torch.testing.assert_close(torch.func.grad(weight)(x), expected)


@pytest.mark.parametrize('options, words', [
    ({
        'alpha': 1.5
    }, "'alpha' in"),
    ({
        'k': 0
    }, "'k' of at least 1"),
    ({
        'k': 1,
        'one_to_one': True
    }, 'not both'),
    ({
        'threshold': -1.
    }, "'threshold' of at least 0"),
    ({
        'cost': 'manhattan'
    }, 'cost in'),
    ({
        'loss': 'cubic'
    }, 'loss in'),
    ({
        'alpha': 0.,
        'solver': MirrorDescent()
    }, 'solver of linear problems'),
    ({
        'alpha': 0.5,
        'solver': Sinkhorn()
    }, 'solver of quadratic problems'),
])
def test_options_out_of_range_are_named(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OTMatching(**options)
