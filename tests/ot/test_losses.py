r"""The divergence as a loss, and edges whose values have several channels."""
import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases, graphs

from eega_pyg.ot import (
    DenseStructure,
    MirrorDescent,
    gromov_wasserstein,
    quadratic_problem,
)

PAIRS = [
    pair._replace(d_s=np.exp(-pair.d_s), d_t=np.exp(-2 * pair.d_t))
    for pair in cases(100, seed=3, max_s=6, max_t=8)
]
COST, D_S, D_T, A, B = batched(PAIRS)

LOSS = {
    'square': lambda x, y: (x - y)**2,
    'absolute': lambda x, y: abs(x - y),
    'kl': lambda x, y: (x * np.log(x / y) if x > 0 else 0) - x + y,
}


@pytest.mark.slow
def test_values_and_plans_with_the_divergence_are_those_of_pot():
    out = gromov_wasserstein(D_S, D_T, A, B, loss='kl', epsilon=0.1, relative=False,
                             inner_iters=500, tol=1e-12, num_iters=500)
    same = 0
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        plan, log = ot.gromov.entropic_gromov_wasserstein(pair.d_s, pair.d_t, pair.a,
                                                          pair.b, loss_fun='kl_loss',
                                                          epsilon=0.1, log=True)
        at = gromov_wasserstein(torch.tensor(pair.d_s), torch.tensor(pair.d_t),
                                torch.tensor(pair.a), torch.tensor(pair.b), loss='kl',
                                plan=torch.tensor(plan), num_iters=0)
        np.testing.assert_allclose(at.quadratic, log['gw_dist'], rtol=0, atol=1e-6)
        same += np.abs(out.plan[i, :k, :n].numpy() - plan).max() < 1e-4
    assert same >= 95


def literal(plan, s, t, complete, losses):
    r"""The sum over pairs of node pairs; structures are maps of edges to channels."""
    n, m = plan.shape
    total = 0.
    zero = [0.] * len(losses)
    for i in range(n):
        for k in range(n):
            for j in range(m):
                for h in range(m):
                    if plan[i, j] * plan[k, h] == 0:
                        continue
                    x, y = s.get((i, k)), t.get((j, h))
                    if not complete and (x is None or y is None):
                        continue
                    total += plan[i, j] * plan[k, h] * sum(
                        LOSS[loss](p, q)
                        for loss, p, q in zip(losses, x or zero, y or zero))
    return total


def channels(seed, reading, num_channels, ends=(3, 4)):
    r"""Edges of two pairs with attributes; the second side is complete where the
    divergence needs it."""
    generator = torch.Generator().manual_seed(seed)
    sides = []
    for complete, sizes in ((False, ends), (reading == 'matrix', ends[::-1])):
        graph = graphs(list(sizes), generator, extra=1)
        edges = torch.unique(graph.edge_index, dim=1)
        if complete:
            same = graph.batch[:, None] == graph.batch
            edges = same.nonzero().t().contiguous()
        attr = torch.rand(edges.size(1), num_channels, generator=generator,
                          dtype=torch.float64) + 0.1
        sides.append((edges, attr, graph.batch))
    return sides


@pytest.mark.parametrize('reading', ['neighbors', 'matrix'])
@pytest.mark.parametrize('losses', [('square', 'absolute', 'kl'), ('kl', 'kl', 'kl'),
                                    ('absolute', 'absolute', 'square')])
def test_channels_add_up_as_in_a_literal_loop(reading, losses):
    (edges_s, attr_s, s), (edges_t, attr_t, t) = channels(0, reading, 3)
    problem = quadratic_problem(edges_s, attr_s, edges_t, attr_t, s, t, loss=losses,
                                reading=reading)
    plan = torch.rand(2, 4, 4, dtype=torch.float64)
    out = MirrorDescent(num_iters=0)(problem, plan)
    for i, (first_s, first_t) in enumerate(((0, 0), (3, 4))):
        maps = [{
            tuple((edge - first).tolist()): value.tolist()
            for edge, value in zip(edges.t(), attr) if batch[edge[0]] == i
        } for edges, attr, batch, first in ((edges_s, attr_s, s, first_s),
                                            (edges_t, attr_t, t, first_t))]
        expected = literal(out.plan[i].numpy(), *maps, reading == 'matrix', losses)
        assert float(out.quadratic[i]) == pytest.approx(expected, abs=1e-12)


def test_one_channel_is_a_number_and_dense_is_sparse():
    options = dict(epsilon=0.2, num_iters=5)
    number = gromov_wasserstein(D_S[:9], D_T[:9], A[:9], B[:9], **options)
    one = gromov_wasserstein(D_S[:9, ..., None], D_T[:9, ..., None], A[:9], B[:9],
                             **options)
    torch.testing.assert_close(one.plan, number.plan)
    two = [torch.stack([x, x.square()], 3) for x in (D_S[:9], D_T[:9])]
    dense = gromov_wasserstein(*two, A[:9], B[:9], loss=('square', 'kl'), **options)
    sparse = gromov_wasserstein(
        DenseStructure(two[0]).to_sparse(A[:9]),
        DenseStructure(two[1]).to_sparse(B[:9]), A[:9], B[:9], loss=('square', 'kl'),
        **options)
    torch.testing.assert_close(sparse.plan, dense.plan)
    torch.testing.assert_close(sparse.regularized, dense.regularized)


def test_typed_edges_tell_which_nodes_belong_together():
    r"""A ring whose edges differ in their type alone, and the same from another
    node."""
    n, turn = 7, 3
    nodes = torch.arange(n)
    ring = torch.stack([nodes, (nodes + 1) % n])
    types = torch.eye(n, dtype=torch.float64)
    turned = (ring + turn) % n
    near = torch.full((1, n, n), 0.3 / n**2, dtype=torch.float64)
    near[0, nodes, (nodes + turn) % n] += 0.7 / n
    solver = MirrorDescent('proximal', epsilon=0.05)
    typed = solver(quadratic_problem(ring, types, turned, types), near)
    assert (typed.plan[0].argmax(1) == (nodes + turn) % n).all()
    assert float(typed.quadratic) < 1e-6
    # All edges weigh the same: without types every plan is as good as another.
    plain = solver(quadratic_problem(ring, types.sum(1), turned, types.sum(1)), near)
    assert float(plain.quadratic) == pytest.approx(0, abs=1e-12)
    assert float(plain.plan.max()) < 0.9 / n


@pytest.mark.parametrize('loss', ['kl', ('kl', 'square')])
def test_slopes_are_finite_differences(loss):
    x, y = D_S[:4], D_T[:4]
    if not isinstance(loss, str):
        x, y = (torch.stack([z, z.sqrt()], 3) for z in (x, y))
    options = dict(loss=loss, epsilon=0.3, num_iters=500, inner_iters=500, tol=1e-13)
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    value = gromov_wasserstein(x, y, A[:4], B[:4], **options).regularized.sum()
    slopes = torch.autograd.grad(value, (x, y), create_graph=True)
    generator = torch.Generator().manual_seed(0)
    args = [x.detach(), y.detach()]
    for k, slope in enumerate(slopes):
        way = torch.rand(slope.shape, generator=generator, dtype=slope.dtype)
        way = way * args[k]
        ends = []
        for step in (1e-5, -1e-5):
            moved = list(args)
            moved[k] = args[k] + step * way
            ends.append(
                gromov_wasserstein(*moved, A[:4], B[:4], **options).regularized.sum())
        expected = (ends[0] - ends[1]) / 2e-5
        torch.testing.assert_close((slope * way).sum(), expected, rtol=1e-4, atol=1e-7)
    with pytest.raises(RuntimeError, match='differentiated once'):
        slopes[0].sum().backward()


def test_what_does_not_fit_is_named():
    edges = torch.tensor([[0, 1], [1, 2]])
    one, two = torch.ones(2), torch.ones(2, 2)
    with pytest.raises(ValueError, match='as many channels'):
        MirrorDescent()(quadratic_problem(edges, one, edges, two))
    with pytest.raises(ValueError, match='a loss for each channel'):
        MirrorDescent()(quadratic_problem(edges, two, edges, two, loss=('kl', )))
    with pytest.raises(ValueError, match="a loss in .* 'cubic'"):
        quadratic_problem(edges, two, edges, two, loss=('kl', 'cubic'))
    with pytest.raises(ValueError, match='> 0 on the second side'):
        MirrorDescent()(quadratic_problem(edges, one, edges, 0 * one, loss='kl'))
    with pytest.raises(ValueError, match='>= 0 on the first side'):
        MirrorDescent()(quadratic_problem(edges, -one, edges, one, loss='kl'))
    with pytest.raises(ValueError, match="take the reading 'neighbors'"):
        MirrorDescent()(quadratic_problem(edges, one, edges, one, loss='kl',
                                          reading='matrix'))
