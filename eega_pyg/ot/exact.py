r"""POT's exact solvers, pair by pair, behind the same problems and results."""
from typing import Any, Callable, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from eega_pyg.ot.fused import masked_quadratic_problem
from eega_pyg.ot.gromov import start_from
from eega_pyg.ot.linear import masked_problem
from eega_pyg.ot.result import TransportOutput, marginal_error
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.structure import Structure


def exact_wasserstein(
    cost: Tensor,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    num_iters: int = 100000,
) -> TransportOutput:
    r"""Optimal transport by POT's network simplex (:func:`ot.emd`), for inspection: a
    Python loop over pairs, on the CPU, in double precision. The gradient holds the plan
    constant, which is exact where the optimal plan is unique.

    Args:
        cost (torch.Tensor): The costs :math:`(B, n, m)`, or :math:`(n, m)` for one
            pair.
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
    import ot

    cost, a, b = masked_problem(cost, a, b, mask_s, mask_t)
    plan, f, g = torch.zeros_like(cost), torch.zeros_like(a), torch.zeros_like(b)
    converged = torch.ones(cost.size(0), dtype=torch.bool, device=cost.device)
    for i in (a.sum(1) > 0).nonzero().flatten().tolist():
        # POT calls a problem infeasible if its costs are all negative.
        lowest = float(cost[i].detach().min())
        mass_s, mass_t = _same_mass(a[i], b[i])
        solved, log = ot.emd(mass_s, mass_t,
                             _numpy(cost[i]) - lowest, numItermax=num_iters, log=True)
        plan[i], f[i], g[i] = (torch.as_tensor(x).to(plan)
                               for x in (solved, log['u'] + lowest, log['v']))
        converged[i] = log['warning'] is None
    f, g = torch.where(a > 0, f, 0), torch.where(b > 0, g, 0)
    linear = (plan * cost).sum((1, 2)) + marginal_slope(a, f) + marginal_slope(b, g)
    return TransportOutput(plan, linear, torch.zeros_like(linear), linear,
                           torch.zeros_like(converged, dtype=torch.long),
                           marginal_error(plan, a, b), converged, f, g)


def exact_gromov_wasserstein(
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
    num_iters: int = 1000,
    tol: float = 1e-9,
    plan: Optional[Tensor] = None,
) -> TransportOutput:
    r"""A stationary point of the (fused) Gromov-Wasserstein problem without a
    regulariser, by POT's conditional gradient (:func:`ot.optim.cg`; Vayer *et al.*,
    *"Optimal Transport for Structured Data with Application on Graphs"*, 2019), for
    inspection: a Python loop over pairs, on the CPU, in double precision. Each step
    solves an exact linear problem and an exact line search.

    Args:
        structure_s (SparseStructure, DenseStructure or torch.Tensor): As in
            :func:`gromov_wasserstein`, and so on.
        num_iters (int, optional): At most so many steps. (default: :obj:`1000`)
        tol (float, optional): A pair has converged when a step changes its objective by
            no more than this, relative or absolute. (default: :obj:`1e-9`)
        plan (torch.Tensor, optional): The start :math:`(B, n, m)`.
            (default: the product plan :math:`\mathbf{a} \mathbf{b}^{\top}`)

    Raises:
        ValueError: As :func:`gromov_wasserstein`.
    """
    import ot

    problem = masked_quadratic_problem(structure_s, structure_t, a, b, mask_s, mask_t,
                                       cost, weight, loss, reading, normalize)
    objective, a, b = problem.objective(), problem.a, problem.b
    start = a[:, :, None] * b[:, None, :] if plan is None else start_from(plan, a, b)
    end = torch.zeros_like(start)
    converged = torch.ones(a.size(0), dtype=torch.bool, device=a.device)
    iterations = torch.zeros_like(converged, dtype=torch.long)
    with torch.no_grad():
        for i in (a.sum(1) > 0).nonzero().flatten().tolist():
            pair = objective.select(i, a, b)

            def value(t: np.ndarray) -> float:
                return float(pair.values(torch.as_tensor(t)[None])[2])

            def slope(t: np.ndarray) -> np.ndarray:
                out = pair.gradient(torch.as_tensor(t)[None])[0].numpy()
                # POT calls a problem infeasible if its costs are all negative.
                return out - out.min()

            def line_search(_: Callable, t: np.ndarray, delta: np.ndarray,
                            slope_t: np.ndarray, value_t: float, *args: Any,
                            **kwargs: Any) -> Tuple[float, int, float]:
                # The objective is quadratic along a line: three numbers tell it all.
                linear = float((slope_t * delta).sum())
                square = value(t + delta) - value_t - linear
                size = ot.optim.solve_1d_linesearch_quad(square, linear)
                return size, 1, value_t + size * (linear + size * square)

            solved, log = ot.optim.cg(*_same_mass(a[i], b[i]), 0., 1., value, slope,
                                      G0=_numpy(start[i]), line_search=line_search,
                                      numItermax=num_iters, stopThr=tol, stopThr2=tol,
                                      log=True)
            end[i] = torch.as_tensor(solved).to(end)
            iterations[i] = len(log['loss']) - 1
            converged[i] = log['warning'] is None and iterations[i] < num_iters
    linear, quadratic, total = objective.values(end)
    return TransportOutput(end, linear, quadratic, total, iterations,
                           marginal_error(end, a, b), converged, torch.zeros_like(a),
                           torch.zeros_like(b))


def _same_mass(a: Tensor, b: Tensor) -> Tuple[np.ndarray, np.ndarray]:
    r"""Both marginals of a pair without what rounding made of their sums."""
    mass_s, mass_t = _numpy(a), _numpy(b)
    return mass_s, mass_t * (mass_s.sum() / mass_t.sum())


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().cpu().double().numpy()
