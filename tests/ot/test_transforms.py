from typing import Callable, Dict

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from eega_pyg.ot import (
    LinearProblem,
    LowRankProblem,
    LowRankSinkhorn,
    MirrorDescent,
    TransportOutput,
    UnbalancedSinkhorn,
    WassersteinDistance,
    exact_wasserstein,
    gromov_wasserstein,
    proximal_point,
    quadratic_problem,
    sinkhorn,
)

GENERATOR = torch.Generator().manual_seed(0)
COST = torch.rand(2, 4, 5, generator=GENERATOR, dtype=torch.float64)
OTHER = torch.rand(2, 5, 5, generator=GENERATOR, dtype=torch.float64)
FEATURES = torch.randn(5, 5, generator=GENERATOR, dtype=torch.float64)
DIAGONAL = torch.eye(4, 5, dtype=torch.bool)
A = torch.full((2, 4), 0.25, dtype=torch.float64)
B = torch.full((2, 5), 0.2, dtype=torch.float64)


def loose(cost: Tensor, penalty: str, gradient: str) -> TransportOutput:
    solver = UnbalancedSinkhorn(num_iters=30, penalty=penalty, gradient=gradient)
    return solver(LinearProblem(cost, A, B))


def low_rank(cost: Tensor) -> Tensor:
    return LowRankSinkhorn(2, num_iters=5)(LowRankProblem(cost, OTHER + 1, A, B)).linear


VALUES: Dict[str, Callable[[Tensor], Tensor]] = {
    'exact': lambda c: exact_wasserstein(c).linear,
    'proximal': lambda c: proximal_point(c).linear,
    'low rank': low_rank,
    'forbidden': lambda c: sinkhorn(c.masked_fill(DIAGONAL, torch.inf)).regularized,
    'nodes': lambda c: WassersteinDistance()(c[0], FEATURES).regularized
}
for kind in ('envelope', 'unroll'):
    VALUES[f'sinkhorn, {kind}'] = lambda c, kind=kind: sinkhorn(
        c, gradient=kind, num_iters=30).regularized
    VALUES[f'annealed, {kind}'] = lambda c, kind=kind: sinkhorn(
        c, gradient=kind, num_iters=30, scaling=0.5).linear
    VALUES[f'gromov, {kind}'] = lambda c, kind=kind: gromov_wasserstein(
        c[:, :, :4], OTHER, gradient=kind, num_iters=3, inner_iters=10).regularized
    for penalty in ('kl', 'l2'):
        VALUES[f'{penalty}, {kind}'] = lambda c, kind=kind, penalty=penalty: loose(
            c, penalty, kind).regularized


@pytest.mark.parametrize('name', VALUES)
def test_slopes_of_forward_mode_are_those_of_backward_mode(name: str) -> None:
    value, way = VALUES[name], torch.randn(COST.shape, generator=GENERATOR).double()
    given = COST.clone().requires_grad_()
    slope, = torch.autograd.grad(value(given).sum(), given)
    expected = (slope * way).sum()
    out, tangent = torch.func.jvp(value, (COST, ), (way, ))
    torch.testing.assert_close(out, value(COST))
    torch.testing.assert_close(tangent.sum(), expected)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(value(forward_ad.make_dual(COST, way)))
    torch.testing.assert_close(dual.tangent.sum(), expected)
    jacobian = torch.func.jacfwd(value)(COST)
    torch.testing.assert_close(jacobian.sum(0), slope)


@pytest.mark.parametrize('name', VALUES)
def test_what_maps_over_a_solver_is_told_of_its_batch(name: str) -> None:
    value = VALUES[name]
    with pytest.raises(RuntimeError, match='dimension as that of the batch'):
        torch.func.vmap(value)(torch.stack([COST, COST]))
    with pytest.raises(RuntimeError, match='dimension as that of the batch'):
        torch.func.vmap(torch.func.grad(lambda c: value(c).sum()))(COST[None])


def test_slopes_reach_the_values_of_a_sparse_tensor() -> None:
    index = torch.tensor([[0, 0, 1, 2, 3], [1, 2, 3, 0, 2]])
    value = torch.rand(5, generator=GENERATOR, dtype=torch.float64).requires_grad_()

    def solve(index: Tensor, value: Tensor) -> Tensor:
        problem = quadratic_problem(index, value, index.flip(0), value.detach() + 1)
        return MirrorDescent(num_iters=5)(problem).regularized.sum()

    sparse = torch.sparse_coo_tensor(index.flip(1), value.flip(0), (4, 4)).coalesce()
    slope, = torch.autograd.grad(solve(sparse.indices(), sparse.values()), value)
    expected, = torch.autograd.grad(solve(index, value), value)
    torch.testing.assert_close(slope, expected)
    assert (slope != 0).all()
