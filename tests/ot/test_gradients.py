from typing import Callable, List, Tuple

import pytest
import torch
from ot_cases import batched, cases, graphs
from torch import Tensor
from torch.autograd import gradcheck

from eega_pyg.ot import (
    GraphAlignment,
    TransportOutput,
    edge_cost,
    exact_wasserstein,
    gromov_wasserstein,
    linear_problem,
    pairwise_cost,
    proximal_point,
    quadratic_problem,
    sinkhorn,
)

COST, D_S, D_T, A, B = batched(cases(3, seed=3, max_s=4, max_t=5))


def values(out: TransportOutput) -> Tuple[Tensor, ...]:
    return out.plan, out.linear, out.quadratic, out.regularized


@pytest.mark.parametrize('relative', [False, True])
@pytest.mark.parametrize('scaling', [None, 0.5])
def test_unrolled_sinkhorn_passes_gradcheck(relative: bool, scaling: float) -> None:
    def solve(cost: Tensor, raw: Tensor) -> Tuple[Tensor, ...]:
        out = sinkhorn(cost, some_masses(raw), B, epsilon=0.3, relative=relative,
                       num_iters=7, check_every=3, scaling=scaling, gradient='unroll')
        return out.plan, out.linear, out.regularized, out.potential_s, out.potential_t

    raw = torch.rand_like(A).requires_grad_()
    assert gradcheck(solve, (COST.clone().requires_grad_(), raw), fast_mode=True,
                     atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize('method', ['mirror', 'proximal'])
@pytest.mark.parametrize('loss', ['square', 'absolute'])
@pytest.mark.parametrize('reading', ['neighbors', 'matrix'])
def test_unrolled_gromov_wasserstein_passes_gradcheck(method: str, loss: str,
                                                      reading: str) -> None:
    generator = torch.Generator().manual_seed(1)
    s, t = graphs([3, 2], generator), graphs([2, 3], generator)
    cost = torch.rand(2, 3, 3, generator=generator, dtype=torch.float64)

    def solve(attr_s: Tensor, attr_t: Tensor, cost: Tensor) -> Tuple[Tensor, ...]:
        problem = quadratic_problem(s.edge_index, attr_s, t.edge_index, attr_t, s.batch,
                                    t.batch)
        return values(
            gromov_wasserstein(*problem, cost=cost, weight=0.6, loss=loss,
                               reading=reading, normalize=True, epsilon=0.3,
                               method=method, num_iters=2, inner_iters=3,
                               gradient='unroll'))

    inputs = [
        torch.rand(x.edge_index.size(1), generator=generator, dtype=torch.float64)
        for x in (s, t)
    ] + [cost]
    assert gradcheck(solve, tuple(x.requires_grad_() for x in inputs), fast_mode=True,
                     atol=1e-7, rtol=1e-5)


def some_masses(raw: Tensor) -> Tensor:
    a = torch.where(A > 0, raw.exp(), 0)
    return a / a.sum(1, keepdim=True)


def test_unrolled_dense_gromov_wasserstein_passes_gradcheck() -> None:
    def solve(d_s: Tensor, d_t: Tensor, raw: Tensor) -> Tuple[Tensor, ...]:
        out = gromov_wasserstein(d_s, d_t, some_masses(raw), B, epsilon=0.3,
                                 num_iters=2, inner_iters=4, check_every=3,
                                 gradient='unroll')
        return out.plan, out.quadratic, out.regularized  # There is no linear part.

    inputs = D_S.clone(), D_T.clone(), torch.rand_like(A)
    assert gradcheck(solve, tuple(x.requires_grad_() for x in inputs), fast_mode=True,
                     atol=1e-7, rtol=1e-5)


def test_the_costs_pass_gradcheck() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    y = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    for cost in ('cosine', 'sqeuclidean', 'euclidean'):
        assert gradcheck(lambda x, y: pairwise_cost(x, y, cost), (x, y))
        assert gradcheck(lambda x: edge_cost(x, edges, cost), (x, ))


def slopes(solve: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    out = torch.zeros_like(x)
    flat = out.view(-1)
    for i in range(x.numel()):
        shift = torch.zeros_like(flat)
        shift[i] = step
        shift = shift.view_as(x)
        flat[i] = (solve(x + shift) - solve(x - shift)).sum() / (2 * step)
    return out


@pytest.mark.parametrize('relative', [False, True])
def test_the_envelope_is_the_slope_of_the_regularized_value(relative: bool) -> None:
    def solve(cost: Tensor) -> Tensor:
        return sinkhorn(cost, A, B, epsilon=0.2, relative=relative, num_iters=5000,
                        tol=1e-13).regularized

    cost = COST.clone().requires_grad_()
    slope, = torch.autograd.grad(solve(cost).sum(), cost)
    torch.testing.assert_close(slope, slopes(solve, COST, 1e-5), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('quadratic', [False, True])
def test_the_envelope_in_the_masses(quadratic: bool) -> None:
    def solve(raw: Tensor) -> Tensor:
        a = some_masses(raw)
        if quadratic:
            return gromov_wasserstein(D_S, D_T, a, B, epsilon=0.5, normalize=True,
                                      num_iters=200, inner_iters=500,
                                      tol=1e-12).regularized
        return sinkhorn(COST, a, B, epsilon=0.2, relative=False, num_iters=5000,
                        tol=1e-13).regularized

    generator = torch.Generator().manual_seed(1)
    raw = torch.rand(A.shape, generator=generator, dtype=A.dtype).requires_grad_()
    slope, = torch.autograd.grad(solve(raw).sum(), raw)
    with torch.no_grad():
        for _ in range(2):
            step = 1e-5 * torch.randn(A.shape, generator=generator).double()
            change = (solve(raw + step) - solve(raw - step)).sum() / 2
            torch.testing.assert_close((slope * step).sum(), change, rtol=1e-5,
                                       atol=1e-12)


@pytest.mark.parametrize('method', ['mirror', 'proximal'])
@pytest.mark.parametrize('loss', ['square', 'absolute'])
def test_the_envelope_of_gromov_wasserstein(method: str, loss: str) -> None:
    generator = torch.Generator().manual_seed(6)
    s, t = graphs([3], generator), graphs([4], generator)
    # Proximal points near a vertex slowly; the slope is as exact as the plan.
    tol = 1e-11 if method == 'mirror' else 1e-6

    def solve(attr: Tensor) -> TransportOutput:
        problem = quadratic_problem(s.edge_index, attr, t.edge_index,
                                    edge_cost(t.x, t.edge_index))
        return gromov_wasserstein(*problem, loss=loss, method=method, epsilon=0.5,
                                  normalize=True, num_iters=100, inner_iters=50,
                                  tol=tol)

    attr = edge_cost(s.x, s.edge_index) + 0.1
    attr.requires_grad_()
    out = solve(attr)
    assert out.converged.all()
    slope, = torch.autograd.grad(out.regularized.sum(), attr)
    with torch.no_grad():
        for _ in range(3):
            step = 1e-5 * torch.randn(attr.shape, generator=generator).double()
            change = solve(attr + step).regularized - solve(attr - step).regularized
            torch.testing.assert_close(
                (slope * step).sum(),
                change.sum() / 2, rtol=1e-4 if method == 'mirror' else 1e-2, atol=1e-11)


def test_the_surrogate_of_the_linear_cost_is_the_plan() -> None:
    cost = COST.clone().requires_grad_()
    out = sinkhorn(cost, A, B)
    slope, = torch.autograd.grad(out.linear.sum(), cost)
    torch.testing.assert_close(slope, out.plan)
    assert not out.plan.requires_grad


def hostile(scale: float) -> List[Tuple[str, Tensor, Tensor]]:
    r"""Features that break naive solvers: a zero vector, equal nodes, an outlier."""
    generator = torch.Generator().manual_seed(0)
    x = scale * torch.randn(6, 4, generator=generator)
    y = scale * torch.randn(9, 4, generator=generator)
    return [('random', x, y), ('same features', x[:1].expand(6, 4), x[:1].expand(9, 4)),
            ('same graphs', y, y), ('zero vectors', 0 * x, y),
            ('all zero', 0 * x, 0 * y), ('one node', x[:1], y[:1]),
            ('one to many', x[:1], y), ('an outlier', torch.cat([x, 1e3 * x[:1]]), y)]


@pytest.mark.parametrize(
    'gradient', ['envelope', pytest.param('unroll', marks=pytest.mark.slow)])
@pytest.mark.parametrize('epsilon', [1e-3, 0.1])
@pytest.mark.parametrize('scale', [1e-6, 1e6])
def test_float32_stays_finite(scale: float, epsilon: float, gradient: str) -> None:
    for cost in ('cosine', 'sqeuclidean', 'euclidean'):
        # The scale is that of the costs.
        for name, x, y in hostile(scale**0.5 if cost == 'sqeuclidean' else scale):
            x, y = (z.detach().clone().requires_grad_() for z in (x, y))
            a = torch.ones(x.size(0))
            a[1::2] = 0
            problem = linear_problem(x, y, cost=cost, a=a / a.sum())
            out = sinkhorn(*problem, epsilon=epsilon, num_iters=15, gradient=gradient)
            check(out, x, y, f'{name}, {cost}')
            structures = []
            for z in (x, y):
                path = torch.arange(z.size(0) - 1)
                edges = torch.stack(
                    [torch.cat([path, path + 1]),
                     torch.cat([path + 1, path])])
                structures += [edges, edge_cost(z, edges, cost)]
            quadratic = quadratic_problem(*structures, num_nodes_s=x.size(0),
                                          num_nodes_t=y.size(0))
            for loss, method in (('square', 'mirror'), ('absolute', 'proximal')):
                out = gromov_wasserstein(*quadratic, loss=loss, epsilon=epsilon,
                                         method=method, num_iters=2, inner_iters=8,
                                         normalize=True, gradient=gradient)
                check(out, x, y, f'{name}, {cost}, {loss}, {method}')


def check(out: TransportOutput, x: Tensor, y: Tensor, what: str) -> None:
    for field, value in out._asdict().items():
        assert value.isfinite().all(), f'{what}: {field} {value}'
    # A slope that is not finite makes none of their sum.
    total = (out.linear + out.quadratic + out.regularized).sum()
    if total.requires_grad:
        for slope in torch.autograd.grad(total, (x, y), retain_graph=True,
                                         allow_unused=True):
            assert slope is None or slope.isfinite().all(), f'{what}: {slope}'
    # Whoever says converged has met the marginals.
    assert (out.marginal_error[out.converged] < 1e-4).all(), what


@pytest.mark.parametrize('gradient', ['envelope', 'unroll'])
def test_graphs_without_edges_or_nodes_stay_finite(gradient: str) -> None:
    module = GraphAlignment(gradient=gradient)
    none = torch.zeros(2, 0, dtype=torch.long)
    x, y = torch.randn(4, 5, requires_grad=True), torch.randn(3, 5, requires_grad=True)
    batch = torch.tensor([0, 0, 0, 2])
    out = module(x, none, batch, y, none, torch.tensor([1, 2, 2]), 4)
    out.loss.backward()
    assert out.gwd.abs().sum() == 0 and out.wd[[0, 1, 3]].abs().sum() == 0
    assert x.grad is not None and x.grad.isfinite().all()
    assert (x.grad[:3] == 0).all() and (x.grad[3] != 0).any()
    nothing = module(x[:0], none, batch[:0], y, none, torch.tensor([1, 2, 2]), 4)
    assert nothing.loss == 0 and nothing.loss.requires_grad


def test_a_slope_of_a_slope_is_an_error_or_right() -> None:
    generator = torch.Generator().manual_seed(0)
    cost, d_s, d_t = (torch.rand(2, 4, 4, generator=generator, dtype=torch.float64)
                      for _ in range(3))
    cost.requires_grad_(), d_s.requires_grad_()
    outs = {
        sinkhorn: (sinkhorn(cost), cost),
        proximal_point: (proximal_point(cost), cost),
        exact_wasserstein: (exact_wasserstein(cost), cost),
        gromov_wasserstein: (gromov_wasserstein(d_s, d_t), d_s)
    }
    for out, x in outs.values():
        for value in (out.linear, out.quadratic, out.regularized):
            if value.requires_grad:
                slope, = torch.autograd.grad(value.sum(), x, create_graph=True)
                for loss in (slope.square().sum(), (slope * x).sum() + x.sum()):
                    with pytest.raises(RuntimeError, match='differentiated once'):
                        torch.autograd.grad(loss, x, retain_graph=True)

    def value(c: Tensor) -> Tensor:
        return sinkhorn(c, gradient='unroll', num_iters=60, tol=0.,
                        check_every=60).regularized

    small = cost[:1, :3, :3].detach().requires_grad_()
    assert torch.autograd.gradgradcheck(value, small, fast_mode=True, atol=1e-7,
                                        rtol=1e-5)


def test_functional_slopes_are_those_of_autograd() -> None:
    cost = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(1),
                      dtype=torch.float64)

    def value(c: Tensor) -> Tensor:
        return sinkhorn(c).regularized

    given = cost.clone().requires_grad_()
    expected, = torch.autograd.grad(value(given).sum(), given)
    torch.testing.assert_close(
        torch.func.grad(lambda c: value(c).sum())(cost), expected)
    jacobian = torch.func.jacrev(value)(cost)
    torch.testing.assert_close(jacobian.sum(0), expected)
