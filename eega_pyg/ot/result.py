r"""The result every solver of :mod:`eega_pyg.ot` returns."""
from typing import Any, NamedTuple, NoReturn, Optional, Tuple

import torch
from torch import Tensor


class TransportOutput(NamedTuple):
    r"""A solved batch of :math:`B` transport problems.

    Shapes:
        - **plan:** :math:`(B, n, m)`; zero where a side has no mass.
        - all values: :math:`(B)`; zero for a pair with an empty side.
        - **potential_s**, **potential_t:** :math:`(B, n)`, :math:`(B, m)`, in units of
          the cost. A solver that has none returns zeros.
    """
    plan: Tensor
    #: :math:`\langle \mathbf{T}, \mathbf{C} \rangle`, the linear cost of the plan.
    linear: Tensor
    #: :math:`\langle \mathbf{T}, \mathcal{L} \otimes \mathbf{T} \rangle`, the quadratic
    #: cost of the plan (zero in a linear problem).
    quadratic: Tensor
    #: The objective that was minimised, with its regulariser.
    regularized: Tensor
    #: Iterations this pair took (of the outer loop in a quadratic problem).
    iterations: Tensor
    #: :math:`{\|\mathbf{T}\mathbf{1} - \mathbf{a}\|}_1 +
    #: {\|\mathbf{T}^{\top}\mathbf{1} - \mathbf{b}\|}_1`, relative to the total mass.
    marginal_error: Tensor
    #: Whether this pair reached the solver's tolerance.
    converged: Tensor
    potential_s: Tensor
    potential_t: Tensor


class _Once(torch.autograd.Function):
    r"""A value whose slope may not be differentiated."""
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # Beside the value, so that the way back to any of its inputs leads through it.
        return _Refuse.apply(grad, *ctx.saved_tensors)


class _Refuse(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, x: Tensor) -> Tensor:
        return grad.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> NoReturn:
        raise RuntimeError(
            "A result whose plan was held constant can be differentiated "
            "once: take gradient='unroll' for slopes of slopes")


def once(out: TransportOutput) -> TransportOutput:
    r"""A result whose slopes have no slopes. With the plan held constant they would be
    wrong, since the plan moves: to ask for them is an error."""
    return out._replace(linear=differentiable_once(out.linear),
                        quadratic=differentiable_once(out.quadratic),
                        regularized=differentiable_once(out.regularized))


def differentiable_once(value: Tensor) -> Tensor:
    r"""A value whose slopes have no slopes."""
    return _Once.apply(value) if value.requires_grad else value


def marginal_error(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""The violation of both marginals in the :math:`L_1` norm, relative to the mass.

    Args:
        plan (torch.Tensor): The plans :math:`(B, n, m)`.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
    """
    error = ((plan.sum(2) - a).abs().sum(1) + (plan.sum(1) - b).abs().sum(1))
    mass = a.sum(1)
    return error / torch.where(mass > 0, mass, 1)


def plan_to_edges(plan: Tensor, mask_s: Tensor, mask_t: Tensor,
                  keep: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    r"""The plans as one bipartite edge list over the nodes of the whole batch.

    Args:
        plan (torch.Tensor): The plans :math:`(B, n, m)`.
        mask_s (torch.Tensor): The nodes of the first side :math:`(B, n)`.
        mask_t (torch.Tensor): The nodes of the second side :math:`(B, m)`.
        keep (torch.Tensor, optional): The pairs of nodes to keep :math:`(B, n, m)`.
            (default: all)

    Returns:
        The pairs of nodes :math:`(2, |\mathcal{P}|)`, counted through the batch, in
        row-major order within a pair of graphs, and the mass between them
        :math:`(|\mathcal{P}|)`.
    """
    inside = mask_s[:, :, None] & mask_t[:, None, :]
    pair, row, col = (inside if keep is None else inside & keep).nonzero(as_tuple=True)
    first_s = mask_s.flatten().cumsum(0).view_as(mask_s) - 1
    first_t = mask_t.flatten().cumsum(0).view_as(mask_t) - 1
    edge_index = torch.stack([first_s[pair, row], first_t[pair, col]])
    return edge_index, plan[pair, row, col]
