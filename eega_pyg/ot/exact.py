r"""Exact solvers, pair by pair, behind the same problems and results."""
from typing import NamedTuple, Optional, Union

import numpy as np
import torch
from torch import Tensor

from eega_pyg.ot.fused import FusedObjective, masked_quadratic_problem
from eega_pyg.ot.linear import masked_problem
from eega_pyg.ot.permitted import slack_of
from eega_pyg.ot.quadratic import Loss
from eega_pyg.ot.result import TransportOutput, marginal_error, once
from eega_pyg.ot.simplex import simplex
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.start import start_from
from eega_pyg.ot.structure import Structure
from eega_pyg.ot.tracking import as_integers, as_numpy, refuse_vmap


def exact_wasserstein(
    cost: Tensor,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    num_iters: int = 100000,
) -> TransportOutput:
    r"""Optimal transport by POT's network simplex (:func:`ot.emd`), for inspection: a
    Python loop over pairs, on the CPU, in double precision, in any unit. A pair has
    converged if potentials prove its plan optimal. The gradient holds the plan
    constant, which is exact where the optimal plan is unique.

    Args:
        cost (torch.Tensor): The costs :math:`(B, n, m)`, or :math:`(n, m)` for one
            pair. An infinite cost forbids a pair of nodes: it gets no mass.
        a (torch.Tensor, optional): The first marginals :math:`(B, n)`; zero is no node.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The second marginals :math:`(B, m)`.
            (default: uniform, of total mass one)
        mask_s (torch.Tensor, optional): The nodes of the first side :math:`(B, n)`.
            (default: all)
        mask_t (torch.Tensor, optional): The nodes of the second side :math:`(B, m)`.
            (default: all)
        num_iters (int, optional): At most so many iterations of the simplex; POT does
            not tell how many it took. (default: :obj:`100000`)

    Raises:
        ValueError: If a mass is negative or not finite, or the total masses of a pair
            differ.
    """
    problem = masked_problem(cost, a, b, mask_s, mask_t)
    refuse_vmap(*problem)
    a, b = problem.a, problem.b
    cost = torch.where(problem.cost == torch.inf, 0, problem.cost)
    plan, f, g = torch.zeros_like(cost), torch.zeros_like(a), torch.zeros_like(b)
    converged = torch.ones(cost.size(0), dtype=torch.bool, device=cost.device)
    for i in as_integers((a.sum(1) > 0).nonzero().flatten()):
        end = simplex(as_numpy(problem.cost[i]), as_numpy(a[i]), as_numpy(b[i]),
                      num_iters, slack_of(cost.dtype))
        plan[i], f[i], g[i] = (torch.as_tensor(x).to(plan)
                               for x in (end.plan, end.f, end.g))
        converged[i] = end.optimal
    linear = (plan * cost).sum((1, 2)) + marginal_slope(a, f) + marginal_slope(b, g)
    return once(
        TransportOutput(plan, linear, torch.zeros_like(linear), linear,
                        torch.zeros_like(converged, dtype=torch.long),
                        marginal_error(plan, a, b), converged & linear.isfinite(), f,
                        g))


def exact_gromov_wasserstein(
    structure_s: Union[Structure, Tensor],
    structure_t: Union[Structure, Tensor],
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    cost: Optional[Tensor] = None,
    weight: Union[float, Tensor] = 0.5,
    loss: Loss = 'square',
    reading: str = 'neighbors',
    normalize: bool = False,
    num_iters: int = 1000,
    tol: float = 1e-9,
    plan: Optional[Tensor] = None,
) -> TransportOutput:
    r"""A stationary point of the (fused) Gromov-Wasserstein problem without a
    regulariser, by the conditional gradient (Vayer *et al.*, *"Optimal Transport for
    Structured Data with Application on Graphs"*, 2019), for inspection: a Python loop
    over pairs, on the CPU, in double precision. Each step solves an exact linear
    problem by POT's network simplex, and an exact line search.

    Args:
        structure_s (SparseStructure, DenseStructure or torch.Tensor): As in
            :func:`gromov_wasserstein`, and so on.
        num_iters (int, optional): At most so many steps. (default: :obj:`1000`)
        tol (float, optional): A pair has converged when no plan is better by more than
            this to first order, in units of its mean slope at the product plan.
            (default: :obj:`1e-9`)
        plan (torch.Tensor, optional): The start :math:`(B, n, m)`.
            (default: the product plan :math:`\mathbf{a} \mathbf{b}^{\top}`)

    Raises:
        ValueError: As :func:`gromov_wasserstein`.
    """
    problem = masked_quadratic_problem(structure_s, structure_t, a, b, mask_s, mask_t,
                                       cost, weight, loss, reading, normalize)
    objective, permitted = problem.objective(), problem.permitted()
    a, b = problem.a, problem.b
    start = a[:, :, None] * b[:, None, :] if plan is None else start_from(plan, a, b)
    end = torch.zeros_like(start)
    converged = torch.ones(a.size(0), dtype=torch.bool, device=a.device)
    iterations = torch.zeros_like(converged, dtype=torch.long)
    with torch.no_grad():
        for i in as_integers((a.sum(1) > 0).nonzero().flatten()):
            forbidden = None if permitted is None else as_numpy(~permitted[i]) > 0
            descent = _descend(objective.select(i, a, b), as_numpy(start[i]),
                               as_numpy(a[i]), as_numpy(b[i]), forbidden, num_iters,
                               tol, slack_of(a.dtype))
            end[i] = torch.as_tensor(descent.plan).to(end)
            iterations[i], converged[i] = descent.iterations, descent.converged
    linear, quadratic, total = objective.values(end)
    return once(
        TransportOutput(end, linear, quadratic, total, iterations,
                        marginal_error(end, a, b), converged & total.isfinite(),
                        torch.zeros_like(a), torch.zeros_like(b)))


class _End(NamedTuple):
    plan: np.ndarray
    iterations: int
    converged: bool


def _descend(objective: FusedObjective, plan: np.ndarray, a: np.ndarray, b: np.ndarray,
             forbidden: Optional[np.ndarray], num_iters: int, tol: float,
             slack: float) -> _End:
    r"""The conditional gradient of one pair, in double precision."""
    def slope(t: np.ndarray) -> np.ndarray:
        return objective.gradient(torch.as_tensor(t)[None])[0].numpy()

    def costs(t: np.ndarray) -> np.ndarray:
        return t if forbidden is None else np.where(forbidden, np.inf, t)

    now = slope(plan)
    if forbidden is not None and plan[forbidden].any():
        vertex = simplex(costs(now), a, b, slack=slack)
        if not vertex.optimal:
            return _End(vertex.plan, 0, False)
        plan = vertex.plan
        now = slope(plan)
    product = np.outer(a, b)
    unit = (product * np.abs(slope(product))).sum() / a.sum()
    for step in range(num_iters):
        vertex = simplex(costs(now), a, b, slack=slack)
        if not vertex.optimal:
            return _End(plan, step, False)
        way = vertex.plan - plan
        gain = -(now * way).sum()
        if gain <= tol * unit:
            return _End(plan, step, True)
        # The objective is quadratic along a line: two numbers tell it all.
        bend = ((slope(vertex.plan) - now) * way).sum()
        plan = plan + (min(1., gain / bend) if bend > 0 else 1.) * way
        now = slope(plan)
    return _End(plan, num_iters, False)
