r"""The Sinkhorn divergence between graphs as a module."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from eega_pyg.ot.costs import check_cost
from eega_pyg.ot.linear import LinearProblem, linear_problem
from eega_pyg.ot.log_domain import logsumexp
from eega_pyg.ot.marginals import log_marginal, regularization
from eega_pyg.ot.result import TransportOutput
from eega_pyg.ot.sinkhorn import Sinkhorn

# Each halves the error: as many as a float has bits, nearly.
_STEPS = 40


class SinkhornDivergenceOutput(NamedTuple):
    r"""Divergences of a batch of pairs, and the problems they are made of.

    Shapes:
        - **divergence:** :math:`(B)`
    """
    divergence: Tensor
    #: Between the two sides of each pair.
    between: TransportOutput
    #: Between the first side and itself.
    within_s: TransportOutput
    #: Between the second side and itself.
    within_t: TransportOutput

    @property
    def converged(self) -> Tensor:
        r"""Whether all three problems of each pair have converged :math:`(B)`."""
        return (self.between.converged & self.within_s.converged
                & self.within_t.converged)


class SinkhornDivergence(torch.nn.Module):
    r"""The debiased Wasserstein distance between the nodes of two graphs (Feydy *et
    al.*, *"Interpolating between Optimal Transport and MMD using Sinkhorn
    Divergences"*, 2019)

    .. math::
        S_{\varepsilon}(s, t) = W_{\varepsilon}(s, t) - \tfrac{1}{2}
        W_{\varepsilon}(s, s) - \tfrac{1}{2} W_{\varepsilon}(t, t)

    for each pair of a batch of graphs of any sizes, where :math:`W_{\varepsilon}` is
    the regularised objective of :class:`Sinkhorn`, with one strength
    :math:`\varepsilon` in all three: relative to the mean cost between the two sides,
    if it is relative. It is zero between a graph and itself, which
    :math:`W_{\varepsilon}` is not, and with the costs :obj:`"sqeuclidean"` and
    :obj:`"euclidean"` positive between all others.

    Args:
        cost (str, optional): The cost between two nodes, :obj:`"cosine"`,
            :obj:`"sqeuclidean"` or :obj:`"euclidean"`. (default: :obj:`"sqeuclidean"`)
        solver (Sinkhorn, optional): What solves the problems.
            (default: :obj:`Sinkhorn()`)

    Shapes:
        - **input:** as :class:`WassersteinDistance`
        - **output:** :class:`SinkhornDivergenceOutput`
    """
    def __init__(self, cost: str = 'sqeuclidean', solver: Sinkhorn = Sinkhorn()):
        super().__init__()
        check_cost(cost)
        self.cost = cost
        self.solver = solver

    def forward(self, x_s: Tensor, x_t: Tensor, batch_s: Optional[Tensor] = None,
                batch_t: Optional[Tensor] = None, batch_size: Optional[int] = None,
                a: Optional[Tensor] = None,
                b: Optional[Tensor] = None) -> SinkhornDivergenceOutput:
        r"""Args are those of :func:`linear_problem`. A pair with an empty side has
        divergence zero."""
        between = linear_problem(x_s, x_t, batch_s, batch_t, batch_size, self.cost, a,
                                 b)
        size = between.cost.size(0)
        strength = regularization(self.solver.epsilon, self.solver.relative, *between)
        outs = [self.solver(between, strength=strength)]
        sides = ((x_s, batch_s, between.a, a), (x_t, batch_t, between.b, b))
        for x, batch, mass, given in sides:
            within = linear_problem(x, x, batch, batch, size, self.cost, given, given)
            # Both sides of a pair have mass or none.
            empty = (mass.sum(1) == 0)[:, None]
            within = within._replace(a=within.a.masked_fill(empty, 0),
                                     b=within.b.masked_fill(empty, 0))
            potential = _symmetric_potential(within, strength)
            outs.append(self.solver(within, (potential, potential), strength))
        value, own_s, own_t = (out.regularized for out in outs)
        return SinkhornDivergenceOutput(value - (own_s + own_t) / 2, *outs)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.cost!r}, {self.solver})'


@torch.no_grad()
def _symmetric_potential(problem: LinearProblem, strength: Tensor) -> Tensor:
    r"""The potential of a side and itself, which is the same on both sides. The mean of
    the last and the next one halves the error at least, where Sinkhorn's iterations may
    take thousands: the plan is nearly the identity."""
    log_a = log_marginal(problem.a)
    score = -problem.cost / strength[:, None, None]
    f = torch.zeros_like(log_a)
    for _ in range(_STEPS):
        f = (f - logsumexp(score + (log_a + f)[:, None, :], 2)) / 2
    return torch.where(problem.a > 0, f, 0) * strength[:, None]
