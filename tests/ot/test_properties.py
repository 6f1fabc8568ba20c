r"""What must hold for every batch of graphs."""
from typing import List, Tuple

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ot_cases import Graphs, batched, case, graphs, one_graph
from torch import Tensor

from eega_pyg.ot import (
    GraphAlignment,
    GromovWassersteinDistance,
    MirrorDescent,
    Sinkhorn,
    TransportOutput,
    WassersteinDistance,
    edge_cost,
    gromov_wasserstein,
    node_layout,
    plan_to_edges,
    sinkhorn,
    sparse_structure,
)

SIZES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1,
                 max_size=5)
SEEDS = st.integers(0, 2**31)
LOSSES = st.sampled_from(['square', 'absolute'])
EXAMPLES = settings(max_examples=12)


def two_sides(sizes: List[Tuple[int, int]], seed: int,
              directed: bool = False) -> Tuple[Graphs, Graphs]:
    generator = torch.Generator().manual_seed(seed)
    return (graphs([k for k, _ in sizes], generator, directed=directed),
            graphs([n for _, n in sizes], generator, directed=directed))


@EXAMPLES
@given(SIZES, SEEDS, LOSSES, st.booleans())
@example([(6, 6), (4, 4)], 372, 'absolute', False)  # Passes a saddle.
def test_a_batch_is_a_loop(sizes: List[Tuple[int, int]], seed: int, loss: str,
                           directed: bool) -> None:
    s, t = two_sides(sizes, seed, directed)
    # Near a saddle a step makes any rounding about three times as large: in forty
    # steps, 1e-16 becomes 3e-5, for one pair alone and features changed by 1e-15 too.
    module = GraphAlignment(gw_loss=loss, outer_iters=8)
    out = module(*s, *t, len(sizes))
    linear = WassersteinDistance(solver=Sinkhorn(0.05))(s.x, t.x, s.batch, t.batch,
                                                        len(sizes))
    total, count = 0., 0
    for i, (k, n) in enumerate(sizes):
        one_s, one_t = one_graph(s, i), one_graph(t, i)
        alone = module(*one_s, *one_t, 1)
        for both, one in zip((*out.nodes, *out.edges), (*alone.nodes, *alone.edges)):
            if one.dim() == 1:
                assert abs(float(both[i]) - float(one)) < 1e-9
            elif one.dim() == 3:
                width = (slice(None, max(k, 1)), slice(None, max(n, 1)))
                assert (both[i][width] - one[0]).abs().max() < 1e-9
                assert abs(float(both[i].sum() - one.sum())) < 1e-9
        total, count = total + float(alone.loss), count + (k > 0 and n > 0)
        single = WassersteinDistance(solver=Sinkhorn(0.05))(one_s.x, one_t.x,
                                                            one_s.batch, one_t.batch, 1)
        assert abs(float(linear.linear[i] - single.linear)) < 1e-9
        assert linear.iterations[i] == single.iterations[0]
        assert linear.converged[i] == single.converged[0]
    assert abs(float(out.loss) - total / max(count, 1)) < 1e-9


@EXAMPLES
@given(SIZES, SEEDS, st.integers(1, 7))
def test_padding_is_nothing(sizes: List[Tuple[int, int]], seed: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [case(k + 1, n + 1, rng) for k, n in sizes]
    cost, d_s, d_t, a, b = batched(pairs)
    pad = torch.nn.functional.pad
    wide = (pad(d_s, (0, more, 0, more), value=3.), pad(d_t, (0, more, 0, more)),
            pad(a, (0, more)), pad(b, (0, more)))
    out = gromov_wasserstein(d_s, d_t, a, b, cost=cost, num_iters=4)
    padded = gromov_wasserstein(*wide, cost=pad(cost, (0, more, 0, more), value=-1.),
                                num_iters=4)
    same_values(out, padded, 1e-10)
    n, m = cost.shape[1:]
    assert (out.plan - padded.plan[:, :n, :m]).abs().max() < 1e-10
    assert padded.plan[:, n:].abs().sum() + padded.plan[:, :, m:].abs().sum() == 0


def same_values(x: TransportOutput, y: TransportOutput, tol: float) -> None:
    for name in ('linear', 'quadratic', 'regularized'):
        assert (getattr(x, name) - getattr(y, name)).abs().max() < tol, name


@EXAMPLES
@given(SIZES, SEEDS, LOSSES)
def test_dense_is_sparse(sizes: List[Tuple[int, int]], seed: int, loss: str) -> None:
    rng = np.random.default_rng(seed)
    pairs = [case(k + 1, n + 1, rng) for k, n in sizes]
    _, d_s, d_t, a, b = batched(pairs)
    dense = gromov_wasserstein(d_s, d_t, a, b, loss=loss, num_iters=4)
    structures = []
    for d, mass in ((d_s, a), (d_t, b)):
        graph, row, col = ((mass[:, :, None] > 0) &
                           (mass[:, None, :] > 0)).nonzero(as_tuple=True)
        first = (mass > 0).sum(1).cumsum(0) - (mass > 0).sum(1)
        batch = (mass > 0).nonzero()[:, 0]
        nodes, _ = node_layout(batch.numel(), batch, batch.numel(), batch, len(sizes),
                               torch.device('cpu'))
        structures.append(
            sparse_structure(torch.stack([first[graph] + row, first[graph] + col]),
                             d[graph, row, col], nodes))
    for reading in ('neighbors', 'matrix'):
        sparse = gromov_wasserstein(structures[0], structures[1], a, b, loss=loss,
                                    reading=reading, num_iters=4)
        assert (dense.plan - sparse.plan).abs().max() < 1e-9
        same_values(dense, sparse, 1e-9)


@EXAMPLES
@given(SIZES, SEEDS, st.sampled_from([0.05, 0.2, 1.]))
def test_marginals_hold(sizes: List[Tuple[int, int]], seed: int,
                        epsilon: float) -> None:
    rng = np.random.default_rng(seed)
    cost, d_s, d_t, a, b = batched([case(k + 1, n + 1, rng) for k, n in sizes])
    for out in (sinkhorn(cost, a, b, epsilon=epsilon, num_iters=20000, tol=1e-9),
                gromov_wasserstein(d_s, d_t, a, b, epsilon=epsilon, inner_iters=20000,
                                   tol=1e-9, num_iters=5)):
        assert (out.plan >= 0).all()
        assert (out.plan.sum(2) - a).abs().max() < 2e-9
        assert (out.plan.sum(1) - b).abs().max() < 2e-9


def solve(x: Tensor, y: Tensor, loss: str, swap: bool = False) -> TransportOutput:
    sides = (torch.cdist(y, y), torch.cdist(x, x)) if swap else (torch.cdist(x, x),
                                                                 torch.cdist(y, y))
    return gromov_wasserstein(*sides, loss=loss, epsilon=0.5, num_iters=4,
                              inner_iters=20000, tol=1e-13)


@EXAMPLES
@given(st.integers(2, 6), st.integers(2, 8), SEEDS, LOSSES)
def test_gromov_wasserstein_sees_the_shape_alone(k: int, n: int, seed: int,
                                                 loss: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(k, 3, generator=generator, dtype=torch.float64)
    y = torch.rand(n, 3, generator=generator, dtype=torch.float64)
    out = solve(x, y, loss)
    turn, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=generator, dtype=torch.float64))
    same_values(out, solve(x @ turn + 5, y, loss), 1e-7)
    order = torch.randperm(n, generator=generator)
    shuffled = solve(x, y[order], loss)
    same_values(out, shuffled, 1e-7)
    assert (out.plan[:, :, order] - shuffled.plan).abs().max() < 1e-6
    swapped = solve(x, y, loss, swap=True)
    same_values(out, swapped, 1e-7)
    assert (out.plan - swapped.plan.transpose(1, 2)).abs().max() < 1e-6


@EXAMPLES
@given(SIZES, SEEDS)
def test_a_plan_as_edges_is_the_plan(sizes: List[Tuple[int, int]], seed: int) -> None:
    s, t = two_sides(sizes, seed)
    nodes_s, nodes_t = node_layout(s.x.size(0), s.batch, t.x.size(0), t.batch,
                                   len(sizes), torch.device('cpu'))
    plan = sinkhorn(torch.rand(len(sizes), nodes_s.max_nodes, nodes_t.max_nodes),
                    mask_s=nodes_s.mask, mask_t=nodes_t.mask).plan
    edge_index, weight = plan_to_edges(plan, nodes_s.mask, nodes_t.mask)
    assert edge_index.size(1) == sum(k * n for k, n in sizes)
    first = (s.batch == s.batch[:, None]).triu(1).sum(0)
    assert torch.equal(s.batch[edge_index[0]], t.batch[edge_index[1]])
    second = (t.batch == t.batch[:, None]).triu(1).sum(0)
    i, j = edge_index
    assert torch.equal(plan[s.batch[i], first[i], second[j]], weight)


@EXAMPLES
@given(SIZES, SEEDS)
def test_a_module_is_its_function(sizes: List[Tuple[int, int]], seed: int) -> None:
    s, t = two_sides([(k + 1, n + 1) for k, n in sizes], seed)
    a, b = (torch.ones(len(g.x)).double() / torch.bincount(g.batch)[g.batch]
            for g in (s, t))
    given = WassersteinDistance('euclidean')(s.x, t.x, s.batch, t.batch, a=a, b=b)
    uniform = WassersteinDistance('euclidean')(s.x, t.x, s.batch, t.batch)
    same_values(given, uniform, 1e-12)
    module = GromovWassersteinDistance('absolute', solver=MirrorDescent(num_iters=3))
    attr_s, attr_t = edge_cost(s.x, s.edge_index), edge_cost(t.x, t.edge_index)
    out = module(s.edge_index, attr_s, t.edge_index, attr_t, s.batch, t.batch)
    alignment = GraphAlignment(alpha=0., outer_iters=3, self_loops=True)
    expected = alignment(*s, *t, len(sizes))
    assert (out.quadratic - expected.gwd).abs().max() < 1e-5
    given = module(s.edge_index, attr_s, t.edge_index, attr_t, s.batch, t.batch, a=a,
                   b=b)
    same_values(given, out, 1e-12)
