from typing import Union

import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases, graphs, metric, padded

from eega_pyg.ot import edge_cost, gromov_wasserstein, quadratic_problem

PAIRS = cases(200)
COST, D_S, D_T, A, B = batched(PAIRS)
SETTINGS = [('PGD', 'mirror', 5), ('PPA', 'proximal', 4)]


@pytest.mark.slow
@pytest.mark.parametrize('epsilon', [0.05, 0.1, 0.5])
@pytest.mark.parametrize('solver, method, steps', SETTINGS)
def test_plans_and_values_are_those_of_pot(solver: str, method: str, steps: int,
                                           epsilon: float) -> None:
    out = gromov_wasserstein(D_S, D_T, A, B, epsilon=epsilon, relative=False,
                             method=method, num_iters=steps, inner_iters=20000,
                             tol=1e-18)
    differing = []
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        plan, log = ot.gromov.entropic_gromov_wasserstein(pair.d_s, pair.d_t, pair.a,
                                                          pair.b, epsilon=epsilon,
                                                          solver=solver, max_iter=steps,
                                                          tol=0, numItermax=20000,
                                                          stopThr=1e-13, log=True)
        if np.abs(out.plan[i, :k, :n].numpy() - plan).max() > 1e-6:
            differing.append(f'{i} ({k} x {n}): ours {float(out.quadratic[i])}, '
                             f'POT {log["gw_dist"]}')
        else:
            np.testing.assert_allclose(out.quadratic[i], log['gw_dist'], rtol=0,
                                       atol=1e-8)
    assert len(differing) <= 0.05 * len(PAIRS), '\n'.join(differing)


def test_fused_plans_are_those_of_pot() -> None:
    pairs = PAIRS[:60]
    cost, d_s, d_t, a, b = batched(pairs)
    out = gromov_wasserstein(d_s, d_t, a, b, cost=cost, weight=0.3, epsilon=0.1,
                             relative=False, num_iters=8, inner_iters=20000, tol=1e-18)
    for i, pair in enumerate(pairs):
        k, n = pair.cost.shape
        plan = ot.gromov.entropic_fused_gromov_wasserstein(
            pair.cost, pair.d_s, pair.d_t, pair.a, pair.b, alpha=0.3, epsilon=0.1,
            max_iter=8, tol=0, numItermax=20000, stopThr=1e-13)
        np.testing.assert_allclose(out.plan[i, :k, :n], plan, rtol=0, atol=1e-6)
        np.testing.assert_allclose(out.linear[i], (plan * pair.cost).sum(), atol=1e-6)


def test_an_adjacency_matrix_given_as_edges_is_pots_matrix() -> None:
    generator = torch.Generator().manual_seed(0)
    s, t = graphs([9], generator), graphs([14], generator)
    s_attr, t_attr = edge_cost(s.x, s.edge_index), edge_cost(t.x, t.edge_index)
    problem = quadratic_problem(s.edge_index, s_attr, t.edge_index, t_attr)
    out = gromov_wasserstein(*problem, reading='matrix', epsilon=0.2, relative=False,
                             num_iters=6, inner_iters=20000, tol=1e-18)
    matrices = []
    for graph, attr, size in ((s, s_attr, 9), (t, t_attr, 14)):
        matrix = np.zeros((size, size))
        matrix[graph.edge_index[0], graph.edge_index[1]] = attr
        matrices.append(matrix)
    plan, log = ot.gromov.entropic_gromov_wasserstein(*matrices, epsilon=0.2,
                                                      max_iter=6, tol=0,
                                                      numItermax=20000, stopThr=1e-13,
                                                      log=True)
    np.testing.assert_allclose(out.plan[0], plan, atol=1e-9)
    np.testing.assert_allclose(out.quadratic[0], log['gw_dist'], atol=1e-9)


def test_a_fused_problem_between_its_ends() -> None:
    cost, d_s, d_t, a, b = batched(PAIRS[:20])
    options = dict(epsilon=0.1, relative=False, num_iters=5, tol=1e-12,
                   inner_iters=5000)
    quadratic = gromov_wasserstein(d_s, d_t, a, b, **options)
    fused = gromov_wasserstein(d_s, d_t, a, b, cost=cost, weight=1., **options)
    torch.testing.assert_close(fused.plan, quadratic.plan)
    linear = gromov_wasserstein(d_s, d_t, a, b, cost=cost, weight=0., **options)
    for i, pair in enumerate(PAIRS[:20]):
        k, n = pair.cost.shape
        plan = ot.sinkhorn(pair.a, pair.b, pair.cost, 0.1, numItermax=20000,
                           stopThr=1e-12)
        np.testing.assert_allclose(linear.plan[i, :k, :n], plan, atol=1e-9)
    torch.testing.assert_close(
        linear.regularized, linear.linear + 0.1 *
        (linear.plan * torch.where(linear.plan > 0, linear.plan /
                                   (a[:, :, None] * b[:, None, :]), 1).log()).sum(
                                       (1, 2)))


def test_each_pair_may_have_a_weight_of_its_own_with_a_slope() -> None:
    cost, d_s, d_t, a, b = batched(PAIRS[:5])
    weight = torch.tensor([0., 0.2, 0.5, 0.9, 1.], dtype=torch.float64)

    def solve(weight: Union[float, torch.Tensor]) -> torch.Tensor:
        out = gromov_wasserstein(d_s, d_t, a, b, cost=cost, weight=weight, epsilon=0.3,
                                 relative=False, tol=1e-10)
        assert out.converged.all()
        return out.regularized

    weight.requires_grad_()
    values = solve(weight)
    for i, one in enumerate(weight.tolist()):
        assert values[i].item() == pytest.approx(solve(one)[i].item(), abs=1e-9)
    values.sum().backward()
    inner = weight.detach().clamp(1e-4, 1 - 1e-4)
    slope = (solve(inner + 1e-4) - solve(inner - 1e-4)) / 2e-4
    assert torch.allclose(weight.grad[1:4], slope[1:4], rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="'weight' in"):
        solve(weight.detach()[:3])


@pytest.mark.parametrize('method', ['mirror', 'proximal'])
def test_a_pair_is_the_same_beside_one_with_forbidden_nodes(method: str) -> None:
    cost, d_s, d_t, a, b = (x[:3].clone() for x in (COST, D_S, D_T, A, B))
    cost[1, 0, 0] = torch.inf
    options = dict(method=method, epsilon=0.01)
    batch = gromov_wasserstein(d_s, d_t, a, b, cost=cost, **options)
    for i in range(3):
        alone = gromov_wasserstein(*(x[i:i + 1] for x in (d_s, d_t, a, b)),
                                   cost=cost[i:i + 1], **options)
        assert alone.iterations == batch.iterations[i]
        torch.testing.assert_close(alone.plan[0], batch.plan[i], rtol=0, atol=1e-9)
        torch.testing.assert_close(alone.regularized[0], batch.regularized[i])


def test_one_pair_needs_no_batch_dimension() -> None:
    cost, d_s, d_t, a, b = (torch.as_tensor(x) for x in PAIRS[0])
    out = gromov_wasserstein(d_s, d_t, a, b, cost=cost, plan=a[:, None] * b)
    batch = gromov_wasserstein(d_s[None], d_t[None], a[None], b[None], cost=cost[None])
    torch.testing.assert_close(out.plan, batch.plan)


def test_a_stationary_point_stays() -> None:
    options = dict(epsilon=0.2, num_iters=300, inner_iters=2000, tol=1e-15)
    end = gromov_wasserstein(D_S[:16], D_T[:16], A[:16], B[:16], **options)
    assert end.converged.double().mean() > 0.9
    assert end.iterations.min() < end.iterations.max()
    again = gromov_wasserstein(D_S[:16], D_T[:16], A[:16], B[:16], plan=end.plan,
                               **options)
    done = end.converged
    torch.testing.assert_close(again.plan[done], end.plan[done], rtol=0, atol=1e-7)
    assert again.iterations[done].max() <= 4 < end.iterations[done].max()


def test_without_a_regularizer_the_distance_is_smaller() -> None:
    options = dict(epsilon=0.1, num_iters=30, inner_iters=200)
    mirror = gromov_wasserstein(D_S[:40], D_T[:40], A[:40], B[:40], **options)
    exact = gromov_wasserstein(D_S[:40], D_T[:40], A[:40], B[:40], method='proximal',
                               **options)
    # Local minima: not on every pair.
    assert (exact.quadratic <= mirror.quadratic).double().mean() > 0.7
    assert exact.quadratic.mean() < 0.95 * mirror.quadratic.mean()
    torch.testing.assert_close(exact.regularized, exact.quadratic, rtol=0, atol=0)


def isomorphic(n: int, rng: np.random.Generator, noise: float = 0.):  # type: ignore
    r"""A graph with distances, and the same with its nodes in another order."""
    d = metric(n, rng)
    order = rng.permutation(n)
    other = metric(n, rng)
    return d, (d + noise * other)[order][:, order], order


def test_the_true_matching_costs_nothing_and_holds() -> None:
    rng = np.random.default_rng(0)
    for n in (5, 9, 16):
        d_s, d_t, order = isomorphic(n, rng)
        truth = torch.zeros(1, n, n, dtype=torch.float64)
        truth[0, order, np.arange(n)] = 1 / n
        there = gromov_wasserstein(torch.tensor(d_s), torch.tensor(d_t), plan=truth,
                                   num_iters=0)
        assert abs(float(there.quadratic)) < 1e-14
        near = 0.7 * truth + 0.3 / n**2
        for loss in ('square', 'absolute'):
            end = gromov_wasserstein(torch.tensor(d_s), torch.tensor(d_t), plan=near,
                                     loss=loss, method='proximal', epsilon=0.02,
                                     num_iters=200, inner_iters=500)
            assert (end.plan[0].argmax(0).numpy() == order).all()
            assert float(end.quadratic) < 1e-6


@pytest.mark.parametrize('noise, share', [(0., 1.), (0.3, 0.8)])
def test_it_finds_matchings_as_often_as_pot(noise: float, share: float) -> None:
    rng = np.random.default_rng(1)
    instances = [isomorphic(int(n), rng, noise) for n in rng.integers(6, 12, 24)]
    mass = padded([np.full(len(order), 1 / len(order)) for _, _, order in instances])
    out = gromov_wasserstein(padded([d_s for d_s, _, _ in instances]),
                             padded([d_t for _, d_t, _ in instances]), mass, mass,
                             epsilon=0.05, relative=False, method='proximal',
                             num_iters=40, inner_iters=100, tol=1e-9)
    ours = pots = 0
    for i, (d_s, d_t, order) in enumerate(instances):
        plan = ot.gromov.entropic_gromov_wasserstein(d_s, d_t, epsilon=0.05,
                                                     solver='PPA', max_iter=40,
                                                     tol=1e-9, numItermax=100,
                                                     warn=False)
        n = len(order)
        ours += bool((out.plan[i, :n, :n].argmax(0).numpy() == order).all())
        pots += bool((plan.argmax(0) == order).all())
    assert ours >= pots >= share * len(instances)


@pytest.mark.parametrize('options, message', [
    ({
        'loss': 'cubic'
    }, 'loss'),
    ({
        'reading': 'all'
    }, 'reading'),
    ({
        'method': 'newton'
    }, 'method'),
    ({
        'gradient': 'none'
    }, 'gradient'),
    ({
        'weight': 2.
    }, 'weight'),
    ({
        'cost': torch.zeros(1, 2, 2)
    }, 'costs of shape'),
    ({
        'epsilon': -1.
    }, 'positive'),
    ({
        'inner_iters': 0
    }, 'inner_iters'),
    ({
        'plan': COST.transpose(1, 2)
    }, 'start of shape'),
    ({
        'plan': -COST
    }, 'masses >= 0'),
])
def test_bad_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gromov_wasserstein(D_S, D_T, A, B, **options)


def test_bad_structures_are_named() -> None:
    with pytest.raises(ValueError, match='as many graphs'):
        gromov_wasserstein(D_S, D_T[:3])
    with pytest.raises(ValueError, match='of one type'):
        gromov_wasserstein(D_S, D_T.float())
    with pytest.raises(ValueError, match=r'\[B, n, n\]'):
        gromov_wasserstein(D_S[:, :2], D_T)
    edges = torch.tensor([[0, 1], [1, 2]])
    attr = torch.ones(2)
    with pytest.raises(ValueError, match='edge attributes of one type'):
        quadratic_problem(edges, attr, edges, attr.double())
    with pytest.raises(ValueError, match='edge 1 joins graph 0 and 1'):
        quadratic_problem(edges, attr, edges, attr, torch.tensor([0, 0, 1]),
                          torch.tensor([0, 0, 0]), 2)
    with pytest.raises(ValueError, match=r'in \[0, 2\) \(got 0 to 2\)'):
        quadratic_problem(edges, attr, edges, attr, num_nodes_s=2)
    with pytest.raises(ValueError, match='shape'):
        quadratic_problem(edges, attr[:1], edges, attr)
    with pytest.raises(ValueError, match='torch.int64'):
        quadratic_problem(edges.float(), attr, edges, attr)
    with pytest.raises(ValueError, match='ascending'):
        quadratic_problem(edges, attr, edges, attr, torch.tensor([1, 0, 0]),
                          torch.tensor([0, 0, 0]), 2)
