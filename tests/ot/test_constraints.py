r"""Gromov-Wasserstein problems whose marginals are free, priced, or met in part."""
from dataclasses import replace

import numpy as np
import ot
import pytest
import torch
from ot_cases import batched, cases, graphs, one_graph

from eega_pyg.ot import (
    DenseStructure,
    MirrorDescent,
    Prices,
    QuadraticProblem,
    Share,
    edge_cost,
    gromov_wasserstein,
    quadratic_problem,
)

PAIRS = cases(110, seed=11, max_s=8, max_t=10)
COST, D_S, D_T, A, B = batched(PAIRS)
SEMI = Prices(None, 0.)
CONSTRAINTS = [
    SEMI,
    Prices(0., None),
    Prices(0.4, 0.7),
    Prices(None, 0.3),
    Prices(0., 0.5),
    Share(0.6)
]


def of_pot(solve, few=len(PAIRS)):
    r"""Plans and values of POT, whose solvers take a pair."""
    ends = [solve(pair) for pair in PAIRS[:few]]
    return padded_plans([plan for plan, _ in ends]), torch.tensor([x for _, x in ends])


def padded_plans(plans):
    out = torch.zeros(len(plans), *COST.shape[1:], dtype=torch.float64)
    for i, plan in enumerate(plans):
        out[i, :plan.shape[0], :plan.shape[1]] = torch.as_tensor(plan)
    return out


@pytest.mark.slow
@pytest.mark.parametrize('weight', [None, 0.4])
def test_semi_relaxed_ends_are_as_good_as_those_of_pot(weight):
    def entropic(pair):
        start = np.outer(pair.a, pair.b)
        if weight is None:
            plan, log = ot.gromov.entropic_semirelaxed_gromov_wasserstein(
                pair.d_s, pair.d_t, pair.a, epsilon=0.05, G0=start, max_iter=2000,
                log=True)
            return plan, log['srgw_dist']
        plan, log = ot.gromov.entropic_semirelaxed_fused_gromov_wasserstein(
            pair.cost, pair.d_s, pair.d_t, pair.a, epsilon=0.05, G0=start, alpha=weight,
            max_iter=2000, log=True)
        return plan, log['srfgw_dist']

    fused = {} if weight is None else {'cost': COST, 'weight': weight}
    compare(*of_pot(entropic), 0.95, constraint=SEMI, relative=False, **fused)


@pytest.mark.slow
@pytest.mark.parametrize('weight, better', [(None, 0.8), (0.4, 0.9)])
def test_partial_ends_are_as_good_as_those_of_pot(weight, better):
    def conditional_gradient(pair):
        if weight is None:
            plan, log = ot.gromov.partial_gromov_wasserstein(pair.d_s, pair.d_t, pair.a,
                                                             pair.b, m=0.6, log=True)
            return plan, log['partial_gw_dist']
        plan, log = ot.gromov.partial_fused_gromov_wasserstein(
            pair.cost, pair.d_s, pair.d_t, pair.a, pair.b, m=0.6, alpha=weight,
            log=True)
        return plan, log['partial_fgw_dist']

    fused = {} if weight is None else {'cost': COST, 'weight': weight}
    # The conditional gradient ends in corners of the plans, other ones than ours.
    compare(*of_pot(conditional_gradient), better, constraint=Share(0.6), **fused)


def compare(plan, value, better, **options):
    r"""Values are those of POT, its ends are ours, and ours are no worse."""
    options = dict(method='proximal', epsilon=0.05, **options)
    at = gromov_wasserstein(D_S, D_T, A, B, plan=plan, num_iters=0, **options)
    torch.testing.assert_close(at.plan, plan, rtol=0, atol=1e-8)
    torch.testing.assert_close(at.regularized, value, rtol=0, atol=1e-8)
    again = gromov_wasserstein(D_S, D_T, A, B, plan=plan, **options)
    assert (value - again.regularized).abs().max() < 1e-4
    out = gromov_wasserstein(D_S, D_T, A, B, **options)
    assert out.converged.double().mean() >= 0.95
    good = out.regularized <= value * (1 + 1e-3) + 1e-6
    assert good.double().mean() >= better


@pytest.mark.slow
@pytest.mark.parametrize('weight', [None, 0.5])
def test_unbalanced_ends_are_as_good_as_those_of_pot(weight):
    # POT adds costs to the quadratic term, ours weighs both.
    scale = 1. if weight is None else 2.

    def blocks(pair):
        plan, _, log = ot.gromov.fused_unbalanced_gromov_wasserstein(
            pair.d_s, pair.d_t, pair.a, pair.b, reg_marginals=(0.3, 0.5),
            alpha=0 if weight is None else 1, M=None if weight is None else pair.cost,
            unbalanced_solver='mm', max_iter=60, max_iter_ot=100, log=True)
        return plan, log['fugw_cost']

    fused = {} if weight is None else {'cost': COST, 'weight': weight}
    options = dict(method='proximal', epsilon=0.05, relative=False,
                   constraint=Prices(0.3 / scale, 0.5 / scale), **fused)
    plan, value = of_pot(blocks)
    out = gromov_wasserstein(D_S, D_T, A, B, **options)
    assert out.converged.double().mean() >= 0.95
    at = gromov_wasserstein(D_S, D_T, A, B, plan=plan, num_iters=0, **options)
    # POT has two plans, which are the same once it has converged.
    near = (scale * at.regularized - value).abs() < 2e-3
    assert near.double().mean() >= 0.95
    good = scale * out.regularized <= value + 2e-3
    assert good.double().mean() >= 0.9
    assert scale * out.regularized.mean() < value.mean() + 1e-3


@pytest.mark.slow
def test_partial_plans_with_a_regulariser_are_fixed_points_of_pot():
    # POT's regulariser is the entropy: the same up to a constant where masses are.
    a, b = (mass.sign() / mass.sign().sum(1, keepdim=True) for mass in (A, B))
    out = gromov_wasserstein(D_S, D_T, a, b, epsilon=0.2, relative=False,
                             constraint=Share(0.6), tol=1e-10, num_iters=1000,
                             inner_iters=200)
    assert out.converged.double().mean() >= 0.95
    slope = QuadraticProblem(*(gw_structures()), a, b, reading='matrix').objective()
    slope = slope.gradient(out.plan)
    for i, pair in enumerate(PAIRS):
        k, n = pair.cost.shape
        if out.converged[i]:
            plan = ot.partial.entropic_partial_wasserstein(a[i, :k].numpy(),
                                                           b[i, :n].numpy(),
                                                           slope[i, :k, :n].numpy(),
                                                           0.2, m=0.6)
            np.testing.assert_allclose(out.plan[i, :k, :n], plan, rtol=0, atol=1e-4)


def gw_structures():
    return DenseStructure(D_S), DenseStructure(D_T)


@pytest.mark.parametrize('more', [1., 1.6])
def test_prices_are_the_sum_over_pairs_of_nodes(more):
    constraint = Prices(0.3, 0.8)
    problem = QuadraticProblem(*gw_structures(), A, more * B)
    out = MirrorDescent(epsilon=0.2, relative=False, constraint=constraint)(problem)
    for i in range(0, len(PAIRS), 10):
        k, n = PAIRS[i].cost.shape
        plan = out.plan[i, :k, :n].numpy()
        a, b = PAIRS[i].a, more * PAIRS[i].b
        expected = float(out.quadratic[i]) + 0.2 * kl(plan, np.outer(a, b))
        for rho, sums, mass in ((0.3, plan.sum(1), a), (0.8, plan.sum(0), b)):
            expected += rho * kl(np.outer(sums, sums), np.outer(mass, mass))
        assert float(out.regularized[i]) == pytest.approx(expected, abs=1e-10)
        assert plan.sum() != pytest.approx(a.sum(), abs=1e-4)


def kl(x, y):
    positive = x > 0
    return (x[positive] * np.log(x[positive] / y[positive])).sum() - x.sum() + y.sum()


@pytest.mark.parametrize('method', ['mirror', 'proximal'])
@pytest.mark.parametrize('constraint', CONSTRAINTS)
def test_no_step_goes_up_and_marginals_that_are_met_are(constraint, method):
    some = slice(0, 30)
    last = torch.full((30, ), torch.inf, dtype=torch.float64)
    for epsilon in (0.05, 0.5):
        for steps in range(5):
            out = gromov_wasserstein(D_S[some], D_T[some], A[some], B[some],
                                     cost=COST[some], weight=0.7, method=method,
                                     epsilon=epsilon, constraint=constraint,
                                     num_iters=steps, tol=0., inner_iters=3)
            assert (out.regularized <= last + 1e-12).all()
            last = out.regularized
            rows, columns = out.plan.sum(2), out.plan.sum(1)
            if isinstance(constraint, Share):
                assert (out.plan.sum((1, 2)) - 0.6).abs().max() < 1e-12
                assert (rows - A[some]).max() < 1e-12
                assert (columns - B[some]).max() < 1e-12
            elif constraint.rho_s is None:
                assert (rows - A[some]).abs().max() < 1e-12
            elif constraint.rho_t is None:
                assert (columns - B[some]).abs().max() < 1e-12
        last = torch.full_like(last, torch.inf)


@pytest.mark.parametrize('constraint', [Share(1.), Prices(1e5, 1e5), Prices(None, 1e5)])
def test_at_its_end_it_is_the_balanced_problem(constraint):
    options = dict(epsilon=0.3, tol=1e-7, num_iters=500)
    few = slice(0, 30)
    out = gromov_wasserstein(D_S[few], D_T[few], A[few], B[few], constraint=constraint,
                             inner_iters=200, **options)
    balanced = gromov_wasserstein(D_S[few], D_T[few], A[few], B[few], **options)
    same = (out.plan - balanced.plan).abs().amax((1, 2)) < 1e-3
    # A few end elsewhere, as the steps differ.
    assert same.double().mean() >= 0.9
    torch.testing.assert_close(out.regularized[same], balanced.regularized[same],
                               rtol=0, atol=1e-4)


@pytest.mark.parametrize('constraint', [SEMI, Prices(0.5, 0.5), Share(0.5)])
def test_isomorphic_graphs_are_no_distance_apart(constraint):
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(7, generator=generator)
    d = torch.cdist(*[torch.rand(7, 3, generator=generator, dtype=torch.float64)] * 2)
    truth = torch.zeros(7, 7, dtype=torch.float64)
    truth[order, torch.arange(7)] = 1 / 7
    near = 0.8 * truth + 0.2 / 49
    if isinstance(constraint, Share):
        near = 0.5 * near
    out = gromov_wasserstein(d, d[order.argsort()][:, order.argsort()], plan=near.t(),
                             method='proximal', epsilon=0.05, constraint=constraint)
    assert float(out.regularized) < 1e-5
    moved = out.plan[0].sum(1) > 1e-3
    assert (out.plan[0].argmax(1) == order)[moved].all()


@pytest.mark.parametrize('constraint', CONSTRAINTS)
def test_a_pair_is_the_same_alone_and_in_a_batch_of_sparse_graphs(constraint):
    generator = torch.Generator().manual_seed(4)
    s, t = graphs([3, 6, 1], generator, extra=1), graphs([5, 2, 4], generator, extra=2)
    # So many steps for all: rounding may end one earlier.
    solver = MirrorDescent(epsilon=0.3, num_iters=8, tol=0., constraint=constraint)
    out = solver(
        quadratic_problem(s.edge_index, edge_cost(s.x, s.edge_index), t.edge_index,
                          edge_cost(t.x, t.edge_index), s.batch, t.batch,
                          loss='absolute'))
    for i in range(3):
        p, q = one_graph(s, i), one_graph(t, i)
        n, m = len(p.x), len(q.x)
        alone = solver(
            quadratic_problem(p.edge_index, edge_cost(p.x, p.edge_index), q.edge_index,
                              edge_cost(q.x, q.edge_index), num_nodes_s=n,
                              num_nodes_t=m, loss='absolute'))
        torch.testing.assert_close(out.plan[i, :n, :m], alone.plan[0], rtol=0,
                                   atol=1e-7)
        assert out.plan[i].sum() == pytest.approx(float(alone.plan.sum()))


@pytest.mark.parametrize('constraint', CONSTRAINTS)
def test_the_order_of_nodes_and_the_unit_do_not_matter(constraint):
    generator = torch.Generator().manual_seed(1)
    options = dict(constraint=constraint, epsilon=1., tol=1e-9)
    out = gromov_wasserstein(D_S[:8], D_T[:8], A[:8], B[:8], **options)
    order = torch.randperm(D_S.size(1), generator=generator)
    turned = gromov_wasserstein(1e6 * D_S[:8][:, order][:, :, order], 1e6 * D_T[:8],
                                A[:8, order], B[:8], **options)
    torch.testing.assert_close(turned.plan, out.plan[:, order], rtol=0, atol=1e-5)
    torch.testing.assert_close(turned.regularized / 1e12, out.regularized, rtol=1e-6,
                               atol=1e-12)


@pytest.mark.parametrize(
    'gradient', ['envelope', pytest.param('unroll', marks=pytest.mark.slow)])
@pytest.mark.parametrize('constraint', CONSTRAINTS)
def test_slopes_are_finite_differences(constraint, gradient):
    few = slice(20, 22)
    solver = MirrorDescent(epsilon=2., tol=1e-12, num_iters=40, inner_iters=40,
                           constraint=constraint)
    inside = (A[few] > 0)[:, :, None] & (B[few] > 0)[:, None, :]
    args = [D_S[few], D_T[few], COST[few] * inside, A[few], B[few]]

    def value(solver, d_s, d_t, cost, a, b):
        structures = gw_structures()
        problem = QuadraticProblem(structures[0]._replace(matrix=d_s),
                                   structures[1]._replace(matrix=d_t), a, b, cost, 0.6)
        return solver(problem).regularized.sum()

    tracked = [x.clone().requires_grad_() for x in args]
    total = value(replace(solver, gradient=gradient), *tracked)
    slopes = torch.autograd.grad(total, tracked, create_graph=gradient == 'envelope')
    generator = torch.Generator().manual_seed(0)
    ways = []
    for k, x in enumerate(args):
        way = torch.randn(x.shape, generator=generator, dtype=x.dtype) * (x > 0)
        # Without a change of the total mass: both sides have the same.
        ways.append(way - x * way.sum(1, keepdim=True) if k > 2 else way)
    ends = [
        value(solver, *(x + step * way for x, way in zip(args, ways)))
        for step in (1e-5, -1e-5)
    ]
    expected = (ends[0] - ends[1]) / 2e-5
    found = torch.stack([(x * way).sum() for x, way in zip(slopes, ways)]).sum()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    if gradient == 'envelope':
        with pytest.raises(RuntimeError, match='differentiated once'):
            slopes[0].sum().backward()


def test_forbidden_pairs_get_no_mass_and_what_cannot_be_met_is_said():
    cost = COST[:4].clone()
    cost[:, 0, :] = torch.inf
    args = D_S[:4], D_T[:4], A[:4], B[:4]
    for constraint, possible in ((Prices(0.5, 0.5), True), (Prices(0., None), True),
                                 (SEMI, False)):
        out = gromov_wasserstein(*args, cost=cost, constraint=constraint, epsilon=1.)
        assert (out.plan[:, 0] == 0).all()
        several = (A[:4] > 0).sum(1) > 1
        assert (out.converged[several] == possible).all()


def test_too_few_iterations_are_not_called_converged():
    for constraint in CONSTRAINTS:
        out = gromov_wasserstein(D_S[:20], D_T[:20], A[:20], B[:20],
                                 constraint=constraint, num_iters=1, epsilon=0.05)
        assert out.converged.double().mean() < 0.5


@pytest.mark.parametrize('make', [
    lambda: Prices(-1.), lambda: Prices(1., float('inf')), lambda: Prices(None, None),
    lambda: Share(0.), lambda: Share(1.1), lambda: Share(float('nan'))
])
def test_options_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match='Expected'):
        make()
