r"""Partial transport: a share of the mass, wherever it costs least."""
from typing import Union

import torch
from torch import Tensor

from eega_pyg.ot.linear import LinearProblem
from eega_pyg.ot.result import TransportOutput


def partial_problem(problem: LinearProblem, share: Union[float,
                                                         Tensor]) -> LinearProblem:
    r"""Problems in which only a share of the mass is moved (Chapel *et al.*, *"Partial
    Optimal Transport with Applications on Positive-Unlabeled Learning"*, 2020)

    .. math::
        \min_{\mathbf{T} \mathbf{1} \le \mathbf{a}, \, \mathbf{T}^{\top} \mathbf{1} \le
        \mathbf{b}, \, \mathbf{1}^{\top} \mathbf{T} \mathbf{1} = s \, \mathbf{1}^{\top}
        \mathbf{a}} \langle \mathbf{T}, \mathbf{C} \rangle

    as problems with one more node on each side, to which the rest goes at no cost and
    which may not go to each other. Any linear solver takes them; :func:`partial_output`
    then removes these nodes. A solver with a regulariser adds that of these nodes too.

    Args:
        problem (LinearProblem): The problems, of :math:`n` and :math:`m` nodes.
        share (float or torch.Tensor): The share :math:`s` of the mass that is moved,
            above 0 and at most 1, for all pairs or for each :math:`(B)`.

    Returns:
        Problems of :math:`n + 1` and :math:`m + 1` nodes.

    Raises:
        ValueError: If a share is out of range.
    """
    cost, a, b = problem
    given = torch.as_tensor(share, dtype=cost.dtype, device=cost.device)
    if given.dim() > 1 or not bool(((given > 0) & (given <= 1)).all()):
        raise ValueError(f"Expected a 'share' above 0 and at most 1, for all pairs or "
                         f"for each (got {share})")
    rest = ((1 - given) * a.sum(1))[:, None]
    wide = torch.nn.functional.pad(cost, (0, 1, 0, 1))
    corner = torch.zeros_like(wide, dtype=torch.bool)
    # Without a rest there is no node, and no pair to forbid.
    corner[:, -1, -1] = (rest > 0)[:, 0]
    return LinearProblem(wide.masked_fill(corner, torch.inf), torch.cat([a, rest], 1),
                         torch.cat([b, rest], 1))


def partial_output(out: TransportOutput) -> TransportOutput:
    r"""The result of a :func:`partial_problem` without the added nodes: what a node's
    row of the plan lacks was not moved. The marginal error is still that of the
    problem."""
    return out._replace(plan=out.plan[:, :-1, :-1], potential_s=out.potential_s[:, :-1],
                        potential_t=out.potential_t[:, :-1])
