r"""Transport problems whose costs are held as a product, and plans that are one."""
from typing import NamedTuple, Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot.costs import unit_vectors
from eega_pyg.ot.linear import checked_sides
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.ragged import Layout

#: The costs that are a product of features.
FACTORED = ('cosine', 'sqeuclidean')


class LowRankProblem(NamedTuple):
    r"""A batch of transport problems with costs :math:`\mathbf{C} = \mathbf{U}
    \mathbf{V}^{\top}`, padded: no mass, no node. The mean cost of a pair is to be
    positive.

    Shapes:
        - **cost_s**, **cost_t:** :math:`(B, n, D)`, :math:`(B, m, D)`, the factors
          :math:`\mathbf{U}` and :math:`\mathbf{V}`
        - **a**, **b:** :math:`(B, n)`, :math:`(B, m)`
    """
    cost_s: Tensor
    cost_t: Tensor
    a: Tensor
    b: Tensor


class LowRankOutput(NamedTuple):
    r"""A solved batch of :math:`B` problems, with plans :math:`\mathbf{T} = \mathbf{Q}
    \, \mathrm{diag}(1 / \mathbf{g}) \, \mathbf{R}^{\top}` of rank :math:`K`.

    Shapes:
        - **q**, **r:** :math:`(B, n, K)`, :math:`(B, m, K)`; zero where there is no
          mass.
        - **g:** :math:`(B, K)`, positive where there is mass.
        - all values: :math:`(B)`; zero for a pair with an empty side.
        - **potential_s**, **potential_t:** :math:`(B, n)`, :math:`(B, m)`, the slopes
          of :obj:`linear` in the masses, up to a constant, in units of the cost.
    """
    q: Tensor
    r: Tensor
    g: Tensor
    #: :math:`\langle \mathbf{T}, \mathbf{C} \rangle`, the cost of the plan.
    linear: Tensor
    #: Steps this pair took.
    iterations: Tensor
    #: As in :class:`TransportOutput`.
    marginal_error: Tensor
    #: Whether this pair reached the solver's tolerance.
    converged: Tensor
    potential_s: Tensor
    potential_t: Tensor

    def forward(self, x_t: Tensor) -> Tensor:
        r""":math:`\mathbf{T} \mathbf{X}` for values of the second side's nodes
        :math:`(B, m, F)`, without the plan; :math:`(B, n, F)`."""
        return self.q @ ((self.r.transpose(1, 2) @ x_t) / self._divisor())

    def backward(self, x_s: Tensor) -> Tensor:
        r""":math:`\mathbf{T}^{\top} \mathbf{X}` for values of the first side's nodes
        :math:`(B, n, F)`, without the plan; :math:`(B, m, F)`."""
        return self.r @ ((self.q.transpose(1, 2) @ x_s) / self._divisor())

    def plan(self) -> Tensor:
        r"""The plans :math:`(B, n, m)`."""
        return self.q @ (self.r / self._divisor().transpose(1, 2)).transpose(1, 2)

    def _divisor(self) -> Tensor:
        return torch.where(self.g > 0, self.g, 1)[:, :, None]


def low_rank_problem(
    x_s: Tensor,
    x_t: Tensor,
    batch_s: Union[Tensor, Layout, None] = None,
    batch_t: Union[Tensor, Layout, None] = None,
    batch_size: Optional[int] = None,
    cost: str = 'sqeuclidean',
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
) -> LowRankProblem:
    r"""The problems of :func:`linear_problem` with their costs as a product: that of
    :math:`{\|\mathbf{x} - \mathbf{y}\|}^2` has :math:`F + 2` columns, that of
    :math:`1 - \cos(\mathbf{x}, \mathbf{y})` has :math:`F + 1`.

    Args:
        x_s, x_t, batch_s, batch_t, batch_size, a, b: As in :func:`linear_problem`.
        cost (str, optional): :obj:`"cosine"` or :obj:`"sqeuclidean"`.
            (default: :obj:`"sqeuclidean"`)

    Raises:
        ValueError: As :func:`linear_problem`.
    """
    if cost not in FACTORED:
        raise ValueError(f"Expected a cost in {FACTORED} (got '{cost}')")
    x_s, x_t, nodes_s, nodes_t = checked_sides(x_s, x_t, batch_s, batch_t, batch_size)
    masses = prepare_marginals(None if a is None else nodes_s.pad(a),
                               None if b is None else nodes_t.pad(b), nodes_s.mask,
                               nodes_t.mask, x_s.dtype)
    if cost == 'cosine':
        x_s, x_t = nodes_s.pad(unit_vectors(x_s)), nodes_t.pad(unit_vectors(x_t))
        return LowRankProblem(_beside(-x_s, 1), _beside(x_t, 1), *masses)
    x_s, x_t = _centered(nodes_s.pad(x_s), nodes_t.pad(x_t), nodes_s, nodes_t)
    square_s, square_t = (x.square().sum(2, keepdim=True) for x in (x_s, x_t))
    return LowRankProblem(_beside(torch.cat([-2 * x_s, square_s], 2), 1),
                          torch.cat([_beside(x_t, 1), square_t], 2), *masses)


def _beside(x: Tensor, value: float) -> Tensor:
    return torch.cat([x, torch.full_like(x[:, :, :1], value)], 2)


def _centered(x_s: Tensor, x_t: Tensor, nodes_s: Layout, nodes_t: Layout) -> tuple:
    r"""Features about the mean of both sides of a pair, which lose the least of small
    distances to rounding."""
    count = nodes_s.mask.sum(1) + nodes_t.mask.sum(1)
    total = x_s.detach().sum(1) + x_t.detach().sum(1)
    center = (total / count.clamp(min=1)[:, None])[:, None]
    return tuple((x - center).masked_fill(~nodes.mask[:, :, None], 0)
                 for x, nodes in ((x_s, nodes_s), (x_t, nodes_t)))
