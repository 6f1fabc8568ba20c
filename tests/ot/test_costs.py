import pytest
import torch
from scipy.spatial.distance import cdist

from eega_pyg.ot import (
    LowRankSinkhorn,
    Sinkhorn,
    edge_cost,
    linear_problem,
    low_rank_problem,
    pairwise_cost,
)


@pytest.mark.parametrize('cost', ['cosine', 'sqeuclidean', 'euclidean'])
def test_costs_are_those_of_scipy(cost: str) -> None:
    x = torch.randn(2, 5, 7, dtype=torch.float64)
    y = torch.randn(2, 4, 7, dtype=torch.float64)
    out = pairwise_cost(x, y, cost)
    for i in range(2):
        torch.testing.assert_close(out[i], torch.as_tensor(cdist(x[i], y[i], cost)))
    edges = torch.tensor([[0, 3, 4], [2, 1, 4]])
    square = torch.as_tensor(cdist(x[0], x[0], cost))
    torch.testing.assert_close(edge_cost(x[0], edges, cost), square[edges[0], edges[1]])


def test_small_distances_far_from_the_origin_are_exact() -> None:
    x = torch.tensor([[1e4, 0.]])
    y = x + torch.tensor([[0.5, 0.]])
    assert float(pairwise_cost(x, y, 'sqeuclidean')) == 0.25
    assert float(pairwise_cost(x, x, 'euclidean')) == 0.


@pytest.mark.parametrize('scale', [1e-44, 1e-30, 1., 1e30, 3e38])
def test_cosines_do_not_depend_on_the_scale(scale: float) -> None:
    torch.manual_seed(0)
    x = (torch.rand(5, 7) - 0.5).double()
    small = (x * scale).float()
    out = pairwise_cost(small, small)
    expected = pairwise_cost(small.double(), small.double())
    torch.testing.assert_close(out.double(), expected, atol=1e-6, rtol=0)


def test_an_unknown_cost_is_named() -> None:
    with pytest.raises(ValueError, match="got 'l1'"):
        pairwise_cost(torch.ones(1, 1), torch.ones(1, 1), 'l1')


@pytest.mark.parametrize('dtype', [torch.float, torch.double])
def test_a_row_of_zeros_has_no_gradient(dtype: torch.dtype) -> None:
    x = torch.randn(3, 4, dtype=dtype)
    x[1] = 0
    x.requires_grad_()
    y = torch.randn(2, 4, dtype=dtype)
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    total = pairwise_cost(x, y).square().sum() + edge_cost(x, edges).square().sum()
    total.backward()
    assert x.grad is not None
    assert (x.grad[1] == 0).all() and x.grad.abs().max() < 1e2
    # The cost of a direction that is none is that of right angles.
    assert (pairwise_cost(x, y)[1] == 1).all()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_feature_that_is_no_number_is_never_hidden(value: float) -> None:
    torch.manual_seed(0)
    x, y, batch = torch.randn(6, 4), torch.randn(6, 4), torch.arange(6) // 3
    bad = x.clone()
    bad[1, 2] = value
    for cost in ('cosine', 'sqeuclidean', 'euclidean'):
        finite = pairwise_cost(bad, y, cost).isfinite().all(1)
        assert finite.tolist() == [True, False, True, True, True, True]
        edges = torch.tensor([[0, 1, 3], [1, 2, 4]])
        assert edge_cost(bad, edges, cost).isfinite().tolist() == [False, False, True]
    solver = Sinkhorn(num_iters=5000)
    expected = solver(linear_problem(x, y, batch, batch)).linear
    out = solver(linear_problem(bad, y, batch, batch))
    assert out.converged.tolist() == [False, True]
    assert out.linear.isnan().tolist() == [True, False]
    assert out.linear[1] == expected[1]
    low = LowRankSinkhorn(2, num_iters=5)(low_rank_problem(bad, y, batch, batch))
    assert not bool(low.converged[0])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('cost', ['cosine', 'sqeuclidean', 'euclidean'])
def test_features_of_half_a_precision_cost_what_they_do_in_single(dtype, cost) -> None:
    torch.manual_seed(0)
    x = (torch.randn(1, 8) + 0.1 * torch.randn(6, 8)).to(dtype)
    edges = torch.tensor([[0, 3, 4], [2, 1, 4]])
    single = edge_cost(x.float(), edges, cost)
    assert torch.equal(edge_cost(x, edges, cost), single) and bool(single[:2].all())
    assert torch.equal(pairwise_cost(x, x, cost),
                       pairwise_cost(x.float(), x.float(), cost))


def test_whole_numbers_are_refused() -> None:
    x = torch.eye(3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"'torch.int64'\): use 'x.float\(\)'"):
        pairwise_cost(x, x)
    with pytest.raises(ValueError, match='floating-point'):
        edge_cost(x, torch.tensor([[0], [1]]))
    with pytest.raises(ValueError, match='floating-point'):
        linear_problem(x, x)
