import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from eega_pyg.ot import Sinkhorn, SinkhornDivergence, WassersteinDistance

SOLVER = Sinkhorn(0.1, num_iters=2000, tol=1e-9)


def features(sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batch = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    x = torch.randn(batch.numel(), 3, generator=generator, dtype=torch.float64)
    return x, batch


def literal(x, y, epsilon):
    r"""The regularised objective by its dual, in numpy."""
    cost = ((x[:, None] - y[None])**2).sum(-1)
    f, g = np.zeros(len(x)), np.zeros(len(y))
    for _ in range(1000):
        f = -epsilon * logsumexp((g - cost) / epsilon - np.log(len(y)), axis=1)
        g = -epsilon * logsumexp((f[:, None] - cost) / epsilon - np.log(len(x)), axis=0)
    return f.mean() + g.mean()


@pytest.mark.slow
def test_it_is_the_formula_for_every_pair():
    sizes_s, sizes_t = [5, 1, 3, 0, 7], [4, 6, 1, 2, 7]
    (x, batch_s), (y, batch_t) = features(sizes_s), features(sizes_t, 1)
    out = SinkhornDivergence(solver=SOLVER)(x, y, batch_s, batch_t, 5)
    assert out.converged.all() and out.divergence[3] == 0
    for i in (0, 1, 2, 4):
        s, t = x[batch_s == i].numpy(), y[batch_t == i].numpy()
        epsilon = 0.1 * ((s[:, None] - t[None])**2).sum(-1).mean()
        expected = literal(
            s, t, epsilon) - (literal(s, s, epsilon) + literal(t, t, epsilon)) / 2
        np.testing.assert_allclose(out.divergence[i], expected, atol=1e-7)
        assert out.divergence[i] > 0


def test_a_graph_is_at_distance_zero_from_itself_and_from_itself_alone():
    x, batch = features([4, 6])
    order = torch.tensor([2, 0, 3, 1, 9, 4, 8, 6, 5, 7])
    out = SinkhornDivergence(solver=SOLVER)(x, x[order], batch, batch)
    assert out.divergence.abs().max() < 1e-7
    biased = WassersteinDistance('sqeuclidean', SOLVER)(x, x[order], batch, batch)
    assert (biased.regularized > 0.01).all()
    moved = SinkhornDivergence(solver=SOLVER)(x, x + 0.1, batch, batch)
    assert (moved.divergence > 0.01).all()


@pytest.mark.parametrize('cost', ['sqeuclidean', 'cosine'])
def test_slopes_are_finite_differences(cost):
    (x, batch_s), (y, batch_t) = features([3, 4]), features([5, 2], 1)
    module = SinkhornDivergence(cost, SOLVER)
    x.requires_grad_()
    slope, = torch.autograd.grad(module(x, y, batch_s, batch_t).divergence.sum(), x)
    way = torch.randn(x.shape, generator=torch.Generator().manual_seed(2),
                      dtype=x.dtype)
    with torch.no_grad():
        up, down = (module(x + step * way, y, batch_s, batch_t).divergence.sum()
                    for step in (1e-5, -1e-5))
    torch.testing.assert_close((slope * way).sum(), (up - down) / 2e-5, rtol=1e-4,
                               atol=1e-7)
