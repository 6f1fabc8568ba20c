import itertools
import math
import warnings
from typing import Any, List, Tuple

import pytest
import torch
from ot_cases import Graphs, graphs, one_graph
from torch import Tensor
from torch_geometric import EdgeIndex

from eega_pyg.ot import (
    GraphAlignment,
    GraphAlignmentOutput,
    GromovWassersteinDistance,
    MirrorDescent,
    Sinkhorn,
    WassersteinDistance,
    edge_cost,
    gromov_wasserstein,
    proximal_point,
)
from eega_pyg.ot.kernels import Kernels

SIZES_S, SIZES_T = [3, 0, 1, 5, 2, 2], [4, 3, 6, 9, 2, 0]


def make(directed: bool = False) -> Tuple[Graphs, Graphs]:
    generator = torch.Generator().manual_seed(0)
    return (graphs(SIZES_S, generator,
                   directed=directed), graphs(SIZES_T, generator, directed=directed))


def flat(out: GraphAlignmentOutput) -> List[Tensor]:
    return [out.loss, *out.nodes, *out.edges]


def cost(x: Tensor, y: Tensor) -> float:
    return 1 - float(x @ y) / float(x.norm() * y.norm())


def log_sum(x: List[float]) -> float:
    top = max(x)
    return top + math.log(sum(math.exp(y - top) for y in x))


def literal_sinkhorn(c: List[List[float]], epsilon: float, steps: int, u: List[float],
                     v: List[float]) -> Tuple[Tensor, List[float], List[float]]:
    r"""Uniform marginals; logarithms of scalings of the kernel, entry by entry, and
    the logarithm of the plan."""
    n, m = len(c), len(c[0])
    for _ in range(steps):
        u = [
            -math.log(n) - log_sum([v[j] - c[i][j] / epsilon for j in range(m)])
            for i in range(n)
        ]
        v = [
            -math.log(m) - log_sum([u[i] - c[i][j] / epsilon for i in range(n)])
            for j in range(m)
        ]
    plan = torch.tensor([[u[i] + v[j] - c[i][j] / epsilon for j in range(m)]
                         for i in range(n)])
    return plan, u, v


def literal_rounding(plan: List[List[float]]) -> List[List[float]]:
    r"""The plan with uniform marginals that is close by, entry by entry."""
    n, m = len(plan), len(plan[0])
    for i in range(n):
        part = min(1, 1 / n / sum(plan[i]))
        plan[i] = [part * x for x in plan[i]]
    for j in range(m):
        part = min(1, 1 / m / sum(row[j] for row in plan))
        for row in plan:
            row[j] *= part
    gap_s = [max(1 / n - sum(row), 0) for row in plan]
    gap_t = [max(1 / m - sum(row[j] for row in plan), 0) for j in range(m)]
    missing = sum(gap_t)
    if missing < 1e-15:
        return plan
    return [[plan[i][j] + gap_s[i] * gap_t[j] / missing for j in range(m)]
            for i in range(n)]


def literal(s: Graphs, t: Graphs, square: bool, normalize: bool,
            self_loops: bool) -> Tuple[float, float]:
    r"""Eq. 5 and Eq. 6 for one pair, term by term: 20 Sinkhorn iterations, 5 steps of
    mirror descent from the product plan, epsilon a tenth of the mean cost."""
    n, m = len(s.x), len(t.x)
    if n == 0 or m == 0:
        return 0., 0.
    cells = list(itertools.product(range(n), range(m)))
    c = [[cost(x, y) for y in t.x] for x in s.x]
    mean = sum(map(sum, c)) / (n * m)
    plan, _, _ = literal_sinkhorn(c, 0.1 * mean, 20, [0] * n, [-math.log(m)] * m)
    wd = sum(math.exp(plan[i, j]) * c[i][j] for i, j in cells)

    edges_s, edges_t = ({
        (p, q): cost(g.x[p], g.x[q])
        for p, q in g.edge_index.t().tolist() if p != q or self_loops
    } for g in (s, t))
    terms = [(i, j, k, l, (d - e)**2 if square else abs(d - e))
             for (i, k), d in edges_s.items() for (j, l), e in edges_t.items()]
    if not terms:
        return wd, 0.
    scale = (n * m)**2 / len(terms) if normalize else 1.

    def quadratic(x: List[List[float]]) -> float:
        return scale * sum(x[i][j] * x[k][l] * loss for i, j, k, l, loss in terms)

    def part(x: float, log_y: float) -> float:
        return x * (math.log(x) - log_y) if x > 0 else 0.

    old = [[1 / (n * m)] * m for _ in range(n)]
    u, v = [0.] * n, [-math.log(m)] * m
    epsilon = 0.
    for step in range(5):
        slope = [[0.] * m for _ in range(n)]
        for i, j, k, l, loss in terms:
            slope[i][j] += scale * loss * old[k][l]
            slope[k][l] += scale * loss * old[i][j]
        if step == 0:
            epsilon = 0.1 * sum(map(sum, slope)) / (n * m)
        plan, u, v = literal_sinkhorn(slope, epsilon, 20, u, v)
        new = literal_rounding(plan.exp().tolist())
        # What the step promises, and what the curvature takes of it.
        promise = epsilon * sum(
            part(old[i][j], float(plan[i, j])) - part(new[i][j], float(plan[i, j]))
            for i, j in cells)
        bend = quadratic([[new[i][j] - old[i][j] for j in range(m)] for i in range(n)])
        size = min(1, promise / (2 * bend)) if bend > 0 else 1.
        size = size if promise >= 0 else 0.
        old = [[old[i][j] + size * (new[i][j] - old[i][j]) for j in range(m)]
               for i in range(n)]
    return wd, quadratic(old)


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


@pytest.mark.parametrize('directed', [False, True])
@pytest.mark.parametrize('square, normalize, self_loops',
                         list(itertools.product([False, True], repeat=3)))
def test_the_equations(square: bool, normalize: bool, self_loops: bool,
                       directed: bool) -> None:
    s, t = make(directed)
    module = GraphAlignment(gw_loss='square' if square else 'absolute',
                            normalize=normalize, self_loops=self_loops, tol=0.,
                            outer_iters=5)
    out = module(*s, *t, 6)
    expected = [
        literal(one_graph(s, i), one_graph(t, i), square, normalize, self_loops)
        for i in range(6)
    ]
    torch.testing.assert_close(out.wd, torch.tensor([w for w, _ in expected]),
                               rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(out.gwd, torch.tensor([g for _, g in expected]),
                               rtol=1e-8, atol=1e-12)
    loss = sum(0.4 * w + 0.6 * g for w, g in expected) / 4
    assert float(out.loss) == pytest.approx(loss, rel=1e-8)


def test_a_single_distance_is_exactly_itself() -> None:
    s, t = make()
    both = GraphAlignment()(*s, *t, 6)
    out = GraphAlignment(alpha=1.)(*s, *t, 6)
    assert torch.equal(out.wd, both.wd) and out.gwd.abs().sum() == 0
    assert not out.edges.iterations.any() and not out.edges.converged.any()
    assert float(out.loss) == pytest.approx(float(both.wd.sum()) / 4, rel=1e-15)
    out = GraphAlignment(alpha=0.)(*s, *t, 6)
    assert torch.equal(out.gwd, both.gwd) and out.wd.abs().sum() == 0
    assert not out.nodes.iterations.any() and not out.nodes.converged.any()
    assert float(out.loss) == pytest.approx(float(both.gwd.sum()) / 4, rel=1e-15)


def test_both_results_are_those_of_the_solvers() -> None:
    s, t = make()
    out = GraphAlignment(normalize=True, self_loops=True)(*s, *t, 6)
    nodes = WassersteinDistance(solver=Sinkhorn(num_iters=20, tol=1e-4, check_every=20))
    for x, y in zip(out.nodes, nodes(s.x, t.x, s.batch, t.batch, 6)):
        torch.testing.assert_close(x, y)
    edges = GromovWassersteinDistance('absolute', normalize=True,
                                      solver=MirrorDescent(num_iters=40, tol=1e-4))
    expected = edges(s.edge_index, edge_cost(s.x, s.edge_index), t.edge_index,
                     edge_cost(t.x, t.edge_index), s.batch, t.batch, 6)
    for x, y in zip(out.edges, expected):
        torch.testing.assert_close(x, y)


def test_the_distance_does_not_depend_on_parity() -> None:
    generator = torch.Generator().manual_seed(2)
    s, t = graphs([6] * 20, generator), graphs([9] * 20, generator)
    few = [
        GraphAlignment(alpha=0., outer_iters=k, tol=0.)(*s, *t, 20) for k in (4, 5, 6)
    ]
    assert (few[0].edges.regularized >= few[1].edges.regularized - 1e-12).all()
    assert (few[1].edges.regularized >= few[2].edges.regularized - 1e-12).all()
    even, odd = (GraphAlignment(alpha=0., outer_iters=k)(*s, *t, 20)
                 for k in (100, 101))
    assert even.edges.converged.double().mean() >= 0.95
    torch.testing.assert_close(even.gwd, odd.gwd, rtol=1e-3, atol=1e-6)


def test_it_says_once_that_most_pairs_have_not_converged() -> None:
    generator = torch.Generator().manual_seed(0)
    s, t = graphs([5] * 6, generator), graphs([7] * 6, generator)
    module = GraphAlignment(alpha=0., outer_iters=1)
    with pytest.warns(UserWarning, match="raise 'outer_iters'") as caught:
        module(*s, *t, 6)
    assert len(caught) == 1 and str(caught[0].filename) == __file__
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        module(*s, *t, 6)
        GraphAlignment(outer_iters=200, num_iters=200)(*s, *t, 6)
    with pytest.warns(UserWarning, match="raise 'num_iters'"):
        GraphAlignment(num_iters=1)(*s, *t, 6)


def test_equal_nodes_stay_equal_in_every_batch() -> None:
    # A pair of objects with one edge: the product plan is a saddle, and a rounding
    # error that depends on the batch would be amplified in every step.
    generator = torch.Generator().manual_seed(1)
    s, t = graphs([2] * 12, generator), graphs(list(range(3, 39, 3)), generator)
    module = GraphAlignment(outer_iters=30)
    out = module(*s, *t, 12)
    assert torch.equal(out.edge_plan[:, 0], out.edge_plan[:, 1])
    for i in range(12):
        alone = module(*one_graph(s, i), *one_graph(t, i), 1)
        assert abs(float(alone.gwd - out.gwd[i])) < 1e-12


def test_a_repeated_edge_counts_once() -> None:
    s, t = make()
    twice = s._replace(edge_index=torch.cat([s.edge_index, s.edge_index.flip(1)], 1))
    assert torch.equal(GraphAlignment()(*twice, *t, 6).gwd,
                       GraphAlignment()(*s, *t, 6).gwd)


def test_edges_may_be_an_edge_index() -> None:
    s, t = make()
    expected = flat(GraphAlignment()(*s, *t, 6))
    plain = s.edge_index
    s = s._replace(edge_index=EdgeIndex(plain, sparse_size=(len(s.x), len(s.x))))
    for a, b in zip(flat(GraphAlignment()(*s, *t, 6)), expected):
        assert torch.equal(a, b) and type(a) is Tensor


def test_edges_of_nodes_that_do_not_exist_are_named() -> None:
    s, t = make()
    for bad in (-1, len(s.x)):
        edges = torch.cat([s.edge_index, torch.tensor([[0], [bad]])], 1)
        with pytest.raises(ValueError, match='Expected edges between nodes'):
            GraphAlignment()(s.x, edges, s.batch, *t, 6)
    with pytest.raises(ValueError, match='features of shapes'):
        GraphAlignment()(s.x[:, :2], s.edge_index, s.batch, *t, 6)


def test_one_pair_needs_no_batch_vector_and_none_gives_a_loss() -> None:
    s, t = (one_graph(x, 3) for x in make())
    alone = GraphAlignment()(s.x, s.edge_index, None, t.x, t.edge_index, None)
    assert torch.equal(alone.loss, GraphAlignment()(*s, *t, 1).loss)
    none = s.batch[:0]
    empty = GraphAlignment()(s.x[:0], s.edge_index[:, :0], none, t.x[:0],
                             t.edge_index[:, :0], none, 0)
    assert empty.loss == 0 and empty.wd.shape == (0, )


def test_the_loss_is_pulled_towards_what_is_near() -> None:
    s, t = make()
    x = s.x.clone().requires_grad_()
    module = GraphAlignment(normalize=True)
    before = module(x, s.edge_index, s.batch, *t, 6).loss
    for _ in range(40):
        loss = module(x, s.edge_index, s.batch, *t, 6).loss
        slope, = torch.autograd.grad(loss, x)
        x = (x - slope).detach().requires_grad_()
    assert module(x, s.edge_index, s.batch, *t, 6).loss < 0.6 * before


@pytest.mark.parametrize('gw_loss', ['absolute', 'square'])
def test_float32_is_float64(gw_loss: str) -> None:
    s, t = make()
    module = GraphAlignment(gw_loss=gw_loss)
    double = module(*s, *t, 6)
    single = module(s.x.float(), *s[1:], t.x.float(), *t[1:], 6)
    torch.testing.assert_close(single.wd.double(), double.wd, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(single.gwd.double(), double.gwd, rtol=1e-3, atol=1e-5)
    half = module(s.x.bfloat16(), *s[1:], t.x.bfloat16(), *t[1:], 6)
    assert half.loss.dtype == torch.float32
    assert float(half.loss) == pytest.approx(float(double.loss), rel=0.05)


def test_it_has_no_state_and_no_randomness() -> None:
    s, t = make()
    module = GraphAlignment()
    assert not list(module.parameters()) and not module.state_dict()
    state = torch.random.get_rng_state()
    first, again = flat(module(*s, *t, 6)), flat(module(*s, *t, 6))
    assert torch.equal(torch.random.get_rng_state(), state)
    for x, y in zip(first, again):
        assert torch.equal(x, y)


@pytest.mark.parametrize('options, message', [
    ({
        'alpha': 1.5
    }, 'alpha'),
    ({
        'gw_loss': 'hinge'
    }, 'a loss in'),
    ({
        'gradient': 'none'
    }, 'gradient'),
    ({
        'num_iters': 0
    }, 'num_iters'),
])
def test_bad_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GraphAlignment(**options)


def test_parallel_nodes_are_matched_by_the_product_plan() -> None:
    r"""Rounding says nothing of who is near whom, alone or in a batch."""
    generator = torch.Generator().manual_seed(0)
    line = torch.randn(384, generator=generator)
    s, t = make()
    x_s, x_t = (line * (0.1 + torch.rand(len(g.x), 1, generator=generator))
                for g in (s, t))
    out = GraphAlignment(alpha=0.5)(x_s, s.edge_index, s.batch, x_t, t.edge_index,
                                    t.batch, len(SIZES_S))
    for pair, (n, m) in enumerate(zip(SIZES_S, SIZES_T)):
        if n and m:
            for plan in (out.node_plan, out.edge_plan):
                torch.testing.assert_close(plan[pair, :n, :m],
                                           torch.full((n, m), 1 / (n * m)))
    assert not out.wd.any() and not out.gwd.any()


def test_autocast_changes_nothing() -> None:
    s, t = make()
    x_s, x_t = s.x.float(), t.x.float()
    module, distance = GraphAlignment(), WassersteinDistance()
    dense = torch.rand(2, 6, 6), torch.rand(2, 5, 5)

    def results() -> List[Tensor]:
        return [
            *flat(
                module(x_s, s.edge_index, s.batch, x_t, t.edge_index, t.batch,
                       len(SIZES_S))),
            *distance(x_s, x_t, s.batch, t.batch, len(SIZES_S)),
            *gromov_wasserstein(*dense), *proximal_point(dense[0])
        ]

    expected = results()
    with torch.autocast('cpu', torch.bfloat16):
        assert all(torch.equal(a, b) for a, b in zip(results(), expected))


def test_the_error_is_looked_at_before_the_last_iteration(
        monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    iterate = Kernels.iterate
    monkeypatch.setattr(Kernels, 'iterate', lambda kernels, n:
                        (steps.append(n), iterate(kernels, n))[1])
    s, t = make()
    module = GraphAlignment(alpha=1, num_iters=2000, tol=1e-3)
    module(s.x, s.edge_index, s.batch, t.x, t.edge_index, t.batch, len(SIZES_S))
    assert sum(steps) < 200
