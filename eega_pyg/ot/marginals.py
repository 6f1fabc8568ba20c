r"""What the two sides of a transport problem weigh, and how strong its regulariser."""
from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.tracking import refuse_vmap

#: Stands for the logarithm of zero: finite, so that nothing turns into NaN, and so low
#: that its exponential is exactly zero.
LOG_ZERO = -1e30


class Marginals(NamedTuple):
    r"""Both marginals of a batch, and what every solver step needs of them.

    Shapes:
        - **a**, **log_a:** :math:`(B, n)`; **b**, **log_b:** :math:`(B, m)`
        - **mass:** :math:`(B)`, the total mass, one in a pair with an empty side
    """
    a: Tensor
    b: Tensor
    log_a: Tensor
    log_b: Tensor
    mass: Tensor

    def select(self, pairs: Union[Tensor, slice]) -> 'Marginals':
        r"""The marginals of some pairs."""
        return Marginals(*(x[pairs] for x in self))


def with_logarithms(a: Tensor, b: Tensor) -> Marginals:
    r"""Marginals as the solvers take them.

    Raises:
        ValueError: If they are neither ``float32`` nor ``float64``.
    """
    for x in (a, b):
        check_type(x.dtype)
    mass = a.detach().sum(1)
    return Marginals(a, b, log_marginal(a), log_marginal(b),
                     torch.where(mass > 0, mass, 1))


def log_marginal(a: Tensor) -> Tensor:
    r"""The logarithm of a marginal; :data:`LOG_ZERO` where there is no mass."""
    positive = a > 0
    return torch.where(positive, torch.where(positive, a, 1).log(), LOG_ZERO)


def prepare_marginals(
    a: Optional[Tensor],
    b: Optional[Tensor],
    mask_s: Tensor,
    mask_t: Tensor,
    dtype: torch.dtype,
) -> Tuple[Tensor, Tensor]:
    r"""Given or uniform marginals, zero where there is no node and in a pair with an
    empty side.

    Args:
        a (torch.Tensor, optional): The mass of the first side's nodes :math:`(B, n)`.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The mass of the second side's nodes
            :math:`(B, m)`. (default: uniform, of total mass one)
        mask_s (torch.Tensor): The nodes of the first side :math:`(B, n)`.
        mask_t (torch.Tensor): The nodes of the second side :math:`(B, m)`.
        dtype (torch.dtype): The type of the result.

    Raises:
        ValueError: If the type is neither ``float32`` nor ``float64``, a mass is
            negative or not finite, or the total masses of a pair differ.
    """
    check_type(dtype)
    both = mask_s.any(1, keepdim=True) & mask_t.any(1, keepdim=True)
    mass_s, mass_t = (_one_side(x, mask & both, dtype)
                      for x, mask in ((a, mask_s), (b, mask_t)))
    if a is not None or b is not None:
        _check_mass(mass_s.detach(), mass_t.detach())
    return mass_s, mass_t


def uniform_marginals(cost: Tensor) -> Tuple[Tensor, Tensor]:
    r"""Those of :func:`prepare_marginals` where every place holds a node."""
    check_type(cost.dtype)
    batch_size, n, m = cost.shape
    return cost.new_full((batch_size, n), 1 / n), cost.new_full((batch_size, m), 1 / m)


def check_type(dtype: torch.dtype) -> None:
    r"""Refuses numbers that no solver can work with."""
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"Expected costs and masses in 'float32' or 'float64' "
                         f"(got '{dtype}')")


def _one_side(mass: Optional[Tensor], mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mass is not None:
        if mass.shape != mask.shape:
            raise ValueError(f"Expected marginals of shape {list(mask.shape)} "
                             f"(got {list(mass.shape)})")
        return torch.where(mask, mass.to(dtype), 0)
    mass = mask.to(dtype)
    return mass / mass.sum(1, keepdim=True).clamp(min=1)


def _check_mass(a: Tensor, b: Tensor) -> None:
    for name, mass in (('first', a), ('second', b)):
        bad = ~((mass >= 0) & mass.isfinite())
        if bool(bad.any()):
            pair, node = (int(i) for i in bad.nonzero()[0])
            raise ValueError(f"Expected finite masses >= 0 (got "
                             f"{float(mass[pair, node])} at node {node} of the {name} "
                             f"side of pair {pair})")
    total_a, total_b = a.sum(1), b.sum(1)
    wrong = _differ(total_a, total_b)
    if bool(wrong.any()):
        pair = int(wrong.nonzero()[0])
        raise ValueError(f"Expected the same total mass on both sides "
                         f"(got {float(total_a[pair])} and {float(total_b[pair])} "
                         f"in pair {pair})")


def _differ(total_a: Tensor, total_b: Tensor) -> Tensor:
    r"""Whether total masses differ by more than rounded masses do."""
    slack = 1e3 * torch.finfo(total_a.dtype).eps * torch.maximum(total_a, total_b)
    return (total_a - total_b).abs() > slack


def are_masses(a: Tensor, b: Tensor) -> Tensor:
    r"""Whether no mass of a pair is negative or NaN :math:`(B)`. Problems made by hand
    are not refused, which would read from their device: they do not converge."""
    return (a >= 0).all(1) & (b >= 0).all(1)


def can_be_met(a: Tensor, b: Tensor) -> Tensor:
    r"""Whether a pair has masses of the same total on both sides :math:`(B)`."""
    return are_masses(a, b) & ~_differ(a.sum(1), b.sum(1))


def regularization(epsilon: float, relative: bool, cost: Tensor, a: Tensor, b: Tensor,
                   counted: Optional[Tensor] = None) -> Tensor:
    r"""The strength :math:`\varepsilon` of the regulariser for each pair :math:`(B)`.

    Args:
        epsilon (float): The given strength.
        relative (bool): If set, :obj:`epsilon` is in units of :func:`mean_cost`.
        cost, a, b, counted: As in :func:`mean_cost`.
    """
    refuse_vmap(cost, a, b)
    if not relative:
        return cost.new_full((cost.size(0), ), epsilon)
    mean = mean_cost(cost, a, b, counted)
    # Where nothing costs anything, every strength gives the product plan.
    return epsilon * torch.where(mean > _smallest(epsilon, cost.dtype), mean, 1)


def mean_cost(cost: Tensor, a: Tensor, b: Tensor,
              counted: Optional[Tensor] = None) -> Tensor:
    r"""The mean cost :math:`\sum_{ij} a_i b_j |c_{ij}| / \sum_{ij} a_i b_j` of each
    pair :math:`(B)`.

    Args:
        cost (torch.Tensor): The costs :math:`(B, n, m)`.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
        counted (torch.Tensor, optional): The pairs of nodes that the sums run over
            :math:`(B, n, m)`. (default: all)
    """
    size = cost.abs()
    if counted is None:
        mass = a.sum(1) * b.sum(1)
    else:
        size = torch.where(counted, size, 0)
        mass = ((counted * b[:, None, :]).sum(2) * a).sum(1)
    mean = ((size * b[:, None, :]).sum(2) * a).sum(1)
    return mean / torch.where(mass > 0, mass, 1)


def is_resolved(strength: Tensor, epsilon: float, relative: bool, cost: Tensor,
                a: Tensor, b: Tensor, counted: Optional[Tensor] = None) -> Tensor:
    r"""Whether costs are so large, or all zero, that a strength relative to them is a
    number of their type :math:`(B)`; they are as in :func:`mean_cost`."""
    resolved = cost.new_ones(cost.size(0), dtype=torch.bool)
    if not relative or not bool((strength == epsilon).any()):
        return resolved
    mean = mean_cost(cost.detach(), a.detach(), b.detach(), counted)
    inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    nothing = ~((cost != 0) & inside).any(2).any(1)
    return nothing | (mean > _smallest(epsilon, cost.dtype))


def _smallest(epsilon: float, dtype: torch.dtype) -> float:
    return 1e4 * torch.finfo(dtype).tiny / min(epsilon, 1)


def divergence(log_plan: Tensor, plan: Tensor, marginals: Marginals) -> Tensor:
    r"""The regulariser of each pair :math:`(B)`

    .. math::
        \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{a} \mathbf{b}^{\top}) =
        \sum_{ij} T_{ij} \log \frac{T_{ij}}{a_i b_j}

    Args:
        log_plan (torch.Tensor): The logarithm of the plans :math:`(B, n, m)`.
        plan (torch.Tensor): The plans :math:`(B, n, m)`.
        marginals (Marginals): Both marginals.
    """
    ratio = log_plan - marginals.log_a[:, :, None] - marginals.log_b[:, None, :]
    return (torch.where(plan > 0, ratio, 0) * plan).sum((1, 2))
