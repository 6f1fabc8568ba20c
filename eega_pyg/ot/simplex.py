r"""POT's network simplex for one pair, in any unit, with a proof of what it returns."""
from typing import NamedTuple

import numpy as np
import torch

#: A cost is far above the others if it is so many times their lowest tenth.
FAR = 100.
#: The duality gap of an optimal plan, in units of its cost and of the costs' lowest
#: tenth.
GAP = 1e-9


class Vertex(NamedTuple):
    r"""A plan, its potentials, and whether they prove it optimal."""
    plan: np.ndarray
    f: np.ndarray
    g: np.ndarray
    optimal: bool


@torch.compiler.disable
def simplex(cost: np.ndarray, a: np.ndarray, b: np.ndarray, num_iters: int = 100000,
            slack: float = 1e-12) -> Vertex:
    r"""Solves a transport problem by :func:`ot.emd`.

    POT's solver compares with tolerances that have a unit, loses small costs beside
    those that stand for "forbidden", and does not say if its plan is optimal. So costs
    are reduced by what all pairs of a node cost, and those far above the others are
    lowered to what a plan avoids if it can. If the plan has mass there nevertheless,
    the problem is solved once more with all costs as they are.

    Args:
        cost (numpy.ndarray): The costs :math:`(n, m)`; infinite where forbidden.
        a (numpy.ndarray): The first marginal :math:`(n)`.
        b (numpy.ndarray): The second marginal :math:`(m)`.
        num_iters (int, optional): At most so many iterations.
            (default: :obj:`100000`)
        slack (float, optional): The share of mass between forbidden pairs that is taken
            for rounding of the marginals. (default: :obj:`1e-12`)

    Returns:
        A :class:`Vertex`, which is not optimal if no plan is without forbidden pairs, a
        cost is no number, a mass is negative, or POT's solver failed.
    """
    mass = a.sum()
    used, seen = np.flatnonzero(a), np.flatnonzero(b)
    plan, f, g = np.outer(a, b) / mass, np.zeros_like(a), np.zeros_like(b)
    part = cost[np.ix_(used, seen)]
    reached = all((part < np.inf).any(axis).all() for axis in (0, 1))
    masses = (a >= 0).all() and (b >= 0).all()
    if not reached or not masses or not (part > -np.inf).all():
        plan[cost == np.inf] = 0
        return Vertex(plan, f, g, False)
    row = part.min(1)
    column = (part - row[:, None]).min(0)
    above = (part - row[:, None] - column).clip(min=0)
    forbidden = np.isinf(above)
    tops = _tops(above[~forbidden], 2 * min(part.shape))
    p, q = a[used] / mass, b[seen] / b[seen].sum()
    optimal = False
    for top in tops:
        some, u, solved = _solve(np.where(forbidden, np.inf, above), top, p, q,
                                 num_iters)
        v = np.where(forbidden, np.inf, above - u[:, None]).min(0)
        value = (some * np.where(forbidden, 0, above)).sum()
        gap = value - p @ u - q @ v
        lost = some[forbidden].sum()
        # POT may leave a speck of mass where it is forbidden.
        size = np.abs(part[(some > 0) & ~forbidden]).max(initial=0)
        rounding = 8 * np.finfo(float).eps * size
        optimal = (solved and lost <= slack
                   and gap <= GAP * (value + tops[0] / FAR) + rounding)
        if optimal:
            break
    plan[:] = 0
    plan[np.ix_(used, seen)] = np.where(forbidden, 0, some) * mass
    f[used], g[seen] = u + row, v + column
    return Vertex(plan, f, g, bool(optimal))


def _tops(above: np.ndarray, cycle: int) -> list:
    r"""What reduced costs are lowered to, in turn: what a cycle of exchanges costs
    where no pair is far above the others, and then in any case."""
    positive = np.sort(above[above > 0])
    if not positive.size:
        return [1.]
    near = min(FAR * positive[(positive.size - 1) // 10], positive[-1])
    return [(cycle + 1) * near, (cycle + 1) * positive[-1]]


def _solve(cost: np.ndarray, top: float, a: np.ndarray, b: np.ndarray,
           num_iters: int) -> tuple:
    import ot
    plan, log = ot.emd(a, b, np.minimum(cost / top, 1), numItermax=num_iters, log=True)
    return plan, log['u'] * top, log['warning'] is None
