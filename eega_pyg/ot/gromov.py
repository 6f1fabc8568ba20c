r"""Gromov-Wasserstein and fused Gromov-Wasserstein distances."""
from typing import NamedTuple, Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.fused import FusedObjective, fused_objective
from eega_pyg.ot.linear import GRADIENTS
from eega_pyg.ot.marginals import (
    LOG_ZERO,
    Marginals,
    divergence,
    log_marginal,
    regularization,
    with_logarithms,
)
from eega_pyg.ot.projection import check_iterations, fast_exp, log_plan, project
from eega_pyg.ot.result import TransportOutput, marginal_error
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.structure import Structure

METHODS = ('mirror', 'proximal')


@no_autocast()
def gromov_wasserstein(
    structure_s: Union[Structure, Tensor],
    structure_t: Union[Structure, Tensor],
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    cost: Optional[Tensor] = None,
    weight: float = 0.5,
    loss: str = 'square',
    reading: str = 'neighbors',
    normalize: bool = False,
    epsilon: float = 0.1,
    relative: bool = True,
    method: str = 'mirror',
    num_iters: int = 50,
    inner_iters: int = 100,
    tol: float = 1e-6,
    check_every: int = 10,
    plan: Optional[Tensor] = None,
    gradient: str = 'envelope',
) -> TransportOutput:
    r"""A stationary point of the (fused) Gromov-Wasserstein problem (Eq. 6 of EEGA;
    Peyré *et al.*, *"Gromov-Wasserstein Averaging of Kernel and Distance Matrices"*,
    2016), for a batch of pairs of graphs of any sizes

    .. math::
        \min_{\mathbf{T} \mathbf{1} = \mathbf{a}, \, \mathbf{T}^{\top} \mathbf{1} =
        \mathbf{b}} \; (1 - w) \langle \mathbf{T}, \mathbf{C} \rangle + w
        \sum_{i, i', j, j'} T_{ij} T_{i'j'} \, L(d_{ii'}, d_{jj'}) + \varepsilon \,
        \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top})

    by mirror descent, or the same without regulariser (:math:`\varepsilon` is then a
    step size) by proximal points (Xu *et al.*, *"Gromov-Wasserstein Learning for Graph
    Matching and Node Embedding"*, 2019). Each step solves a linear problem by
    Sinkhorn's iterations; in mirror descent it starts from the last one's potentials.
    The problem is not convex: where it ends depends on the start.

    Args:
        structure_s (SparseStructure, DenseStructure or torch.Tensor): The first side; a
            tensor :math:`(B, n, n)` is a structure in which all nodes are adjacent, to
            themselves too.
        structure_t (SparseStructure, DenseStructure or torch.Tensor): The second side.
        a (torch.Tensor, optional): The first marginals :math:`(B, n)`; zero is no node.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The second marginals :math:`(B, m)`.
            (default: uniform, of total mass one)
        mask_s (torch.Tensor, optional): The nodes of the first side :math:`(B, n)`.
            (default: all)
        mask_t (torch.Tensor, optional): The nodes of the second side :math:`(B, m)`.
            (default: all)
        cost (torch.Tensor, optional): The costs :math:`(B, n, m)` of a fused problem.
            (default: :obj:`None`)
        weight (float, optional): The weight :math:`w` of the quadratic term in a fused
            problem. (default: :obj:`0.5`)
        loss (str, optional): The loss :math:`L`, the :obj:`"square"` or
            :obj:`"absolute"` difference. (default: :obj:`"square"`)
        reading (str, optional): :obj:`"neighbors"` sums over pairs that are adjacent on
            both sides, :obj:`"matrix"` over all pairs of nodes, with a zero where there
            is no edge. (default: :obj:`"neighbors"`)
        normalize (bool, optional): Whether to divide the quadratic term by the product
            mass of what it sums over. (default: :obj:`False`)
        epsilon (float, optional): The strength of the regulariser.
            (default: :obj:`0.1`)
        relative (bool, optional): If set, :obj:`epsilon` is in units of the pair's mean
            cost at the product plan. (default: :obj:`True`)
        method (str, optional): :obj:`"mirror"` or :obj:`"proximal"`.
            (default: :obj:`"mirror"`)
        num_iters (int, optional): At most so many steps. (default: :obj:`50`)
        inner_iters (int, optional): At most so many Sinkhorn iterations a step.
            (default: :obj:`100`)
        tol (float, optional): A pair has converged when a step changes its plan by no
            more than this in the :math:`L_1` norm and its marginal error is not above
            it, both relative to its mass. (default: :obj:`1e-6`)
        check_every (int, optional): Sinkhorn iterations between two looks at the
            marginal error. (default: :obj:`10`)
        plan (torch.Tensor, optional): The start :math:`(B, n, m)`.
            (default: the product plan :math:`\mathbf{a} \mathbf{b}^{\top}`)
        gradient (str, optional): :obj:`"envelope"` holds the plan constant: exact for
            :obj:`regularized` once converged, a surrogate for :obj:`linear` and
            :obj:`quadratic` (the plan's own change is left out). :obj:`"unroll"`
            differentiates the iterations. (default: :obj:`"envelope"`)

    Raises:
        ValueError: If an option is out of range, shapes do not match, a mass is
            negative or not finite, or the total masses of a pair differ.
    """
    if gradient not in GRADIENTS:
        raise ValueError(f"Expected a gradient in {GRADIENTS} (got '{gradient}')")
    if method not in METHODS:
        raise ValueError(f"Expected a method in {METHODS} (got '{method}')")
    check_iterations(num_iters, check_every, inner_iters)
    objective, a, b = fused_objective(structure_s, structure_t, a, b, mask_s, mask_t,
                                      cost, weight, loss, reading, normalize)
    start = a[:, :, None] * b[:, None, :]
    first = objective.gradient(start)
    strength = regularization(epsilon, relative, first, a, b)
    if plan is not None:
        start = start_from(plan, start)
        first = objective.gradient(start)
    unroll = gradient == 'unroll' and torch.is_grad_enabled()
    with torch.set_grad_enabled(unroll):
        marginals = with_logarithms(a, b)
        end = _descend(objective, start, first, marginals, strength,
                       method == 'proximal', num_iters, inner_iters, tol, check_every)
        scale = strength[:, None]
        # A proximal step holds the last plan, and with it the masses, in its scores.
        base = (0, 0) if method == 'proximal' else (marginals.log_a, marginals.log_b)
        f = torch.where(a > 0, end.u - base[0], 0) * scale
        g = torch.where(b > 0, end.v - base[1], 0) * scale
    linear, quadratic, regularized = objective.values(end.plan)
    if method == 'mirror':
        kl = divergence(end.log_plan, end.plan, marginals)
        regularized = regularized + strength * kl
    if not unroll:
        regularized = regularized + marginal_slope(a, f) + marginal_slope(b, g)
    return TransportOutput(end.plan, linear, quadratic, regularized, end.iterations,
                           marginal_error(end.plan, a, b), end.converged, f, g)


def start_from(plan: Tensor, product: Tensor) -> Tensor:
    r"""A given start, without what it has where the product plan is empty."""
    plan = plan[None] if plan.dim() == 2 else plan
    if plan.shape != product.shape or not bool((plan[product > 0] >= 0).all()):
        raise ValueError(f"Expected a start of shape {list(product.shape)} with masses "
                         f">= 0 (got {list(plan.shape)})")
    return torch.where(product > 0, plan, 0)


class _Descent(NamedTuple):
    plan: Tensor
    log_plan: Tensor
    u: Tensor
    v: Tensor
    iterations: Tensor
    converged: Tensor


def _descend(objective: FusedObjective, plan: Tensor, slope: Tensor,
             marginals: Marginals, strength: Tensor, proximal: bool, num_iters: int,
             inner_iters: int, tol: float, check_every: int) -> _Descent:
    step = strength[:, None, None]
    log_t, u, v = log_marginal(plan), marginals.log_a, marginals.log_b
    if proximal:
        inside = (marginals.a > 0)[:, :, None] & (marginals.b > 0)[:, None, :]
        flat = (torch.zeros_like(u).masked_fill(marginals.a == 0, LOG_ZERO),
                torch.zeros_like(v).masked_fill(marginals.b == 0, LOG_ZERO))
    iterations = torch.zeros_like(marginals.mass, dtype=torch.long)
    # The pairs that have not converged (None: all); the others stay as they are.
    part: Optional[Tensor] = None
    some = marginals
    for i in range(num_iters):
        score = -(slope if i == 0 else objective.gradient(plan)) / step
        if proximal:
            # Cells without mass stay empty; their logarithms must not add up.
            score = torch.where(inside, score + log_t, 0)
        begin, old_plan = flat if proximal else (u, v), plan
        if part is not None:
            score, old_plan = score[part], plan[part]
            begin = (begin[0][part], begin[1][part])
        fit = project(score, some, *begin, inner_iters, tol, check_every)
        new_log_t = log_plan(score, fit.u, fit.v)
        new_plan = fast_exp(new_log_t)
        change = (new_plan - old_plan).detach().abs().sum((1, 2)) / some.mass
        if part is None:
            u, v, plan, log_t = fit.u, fit.v, new_plan, new_log_t
            iterations += 1
        else:
            u, v = u.index_copy(0, part, fit.u), v.index_copy(0, part, fit.v)
            plan = plan.index_copy(0, part, new_plan)
            log_t = log_t.index_copy(0, part, new_log_t)
            iterations[part] += 1
        stays = fit.converged & (change <= tol)
        going = (~stays).nonzero().flatten()
        if going.numel() < stays.numel():
            part = going if part is None else part[going]
            some = marginals.select(part)
            if part.numel() == 0:
                break
    converged = torch.zeros_like(iterations, dtype=torch.bool)
    if part is not None:
        converged = (~converged).index_fill(0, part, False)
    return _Descent(plan, log_t, u, v, iterations, converged)
