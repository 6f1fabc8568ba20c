r"""What missed marginals of an unbalanced problem cost."""
from abc import ABC, abstractmethod
from typing import Dict, Optional, Tuple, Type

import torch
from torch import Tensor

from eega_pyg.ot.log_domain import logsumexp
from eega_pyg.ot.marginals import log_marginal

# Newton's steps to a root that is then exact in double precision, and how many of them,
# the last, are differentiated: one more than the order of slopes.
_STEPS, _TRACKED = 5, 2


class Penalty(ABC):
    r"""The price of one side's marginal, as a part of Sinkhorn's iterations.

    With the other side's potential held, a node of mass :math:`a_i` and potential
    :math:`f_i` has the sum :math:`p_i = a_i \exp(f_i + l_i)`, and the best potential
    minimises the price of :math:`\mathbf{p}`.

    Args:
        price (float, optional): The price in units of the strength of the regulariser,
            or :obj:`None` where the marginal has to be met.
    """
    def __init__(self, price: Optional[float]):
        self.price = price
        self.weight = 0. if price is None else 1 / price if price > 0 else torch.inf

    @abstractmethod
    def potential(self, log_sum: Tensor, mass: Tensor) -> Tensor:
        r"""The best potentials :math:`f_i` for :obj:`log_sum`, the :math:`l_i`
        :math:`(B, n)`, where there is mass, and zero elsewhere."""

    @abstractmethod
    def damping(self, potential: Tensor, mass: Tensor) -> Tensor:
        r"""One less by how much a change of :math:`l_i` changes :math:`f_i` at most
        :math:`(B)`."""

    @abstractmethod
    def pull(self, potential: Tensor, mass: Tensor) -> Tuple[Tensor, Tensor]:
        r"""How far the price wants the whole potential up, and by how much less for
        each unit that it goes there; each :math:`(B)`."""

    @staticmethod
    @abstractmethod
    def value(sums: Tensor, mass: Tensor) -> Tensor:
        r"""What sums of the plan cost at price one :math:`(B)`."""


class KLPenalty(Penalty):
    r""":math:`\mathrm{KL}(\mathbf{p} \,\|\, \mathbf{a})`."""
    def potential(self, log_sum: Tensor, mass: Tensor) -> Tensor:
        part = 1. if self.price is None else self.price / (1 + self.price)
        return torch.where(mass > 0, -part * log_sum, 0)

    def damping(self, potential: Tensor, mass: Tensor) -> Tensor:
        damping = 0. if self.price is None else 1 / (1 + self.price)
        return mass.new_full(mass.shape[:1], damping)

    def pull(self, potential: Tensor, mass: Tensor) -> Tuple[Tensor, Tensor]:
        total = logsumexp(log_marginal(mass) - self.weight * potential, 1)
        total = torch.where((mass > 0).any(1), total, 0)
        return total, torch.full_like(total, self.weight)

    @staticmethod
    def value(sums: Tensor, mass: Tensor) -> Tensor:
        positive = (sums > 0) & (mass > 0)
        ratio = torch.where(positive, sums, 1) / torch.where(positive, mass, 1)
        return (sums * ratio.log() - sums + mass).sum(1)


class L2Penalty(Penalty):
    r""":math:`\frac{1}{2} {\|\mathbf{p} - \mathbf{a}\|}^2`."""
    def potential(self, log_sum: Tensor, mass: Tensor) -> Tensor:
        used = mass > 0
        if self.price is None:
            return torch.where(used, -log_sum, 0)
        if self.price == 0:
            return torch.zeros_like(log_sum)
        price = torch.where(used, self.price * mass, 1)
        ratio = _log_ratio(torch.where(used, log_sum, 0), price)
        return torch.where(used, ratio - log_sum, 0)

    def damping(self, potential: Tensor, mass: Tensor) -> Tensor:
        if self.price is None:
            return torch.zeros_like(mass[:, 0])
        return 1 / (1 + (self.price * mass - potential).clamp(min=0).amax(1))

    def pull(self, potential: Tensor, mass: Tensor) -> Tuple[Tensor, Tensor]:
        used = mass > 0
        return ((mass - self.weight * potential).sum(1), self.weight * used.sum(1))

    @staticmethod
    def value(sums: Tensor, mass: Tensor) -> Tensor:
        return (sums - mass).square().sum(1) / 2


def _log_ratio(log_sum: Tensor, price: Tensor) -> Tensor:
    r"""The roots :math:`s = \log (p_i / a_i)` of :math:`s - l + k \, (e^s - 1)`, which
    is convex and rises: the best potential is :math:`s - l`. They start from bounds of
    Wright's omega function of :math:`\log k + l + k`, of which :math:`\log k + s` is
    the logarithm."""
    with torch.no_grad():
        log_price = price.log()
        omega = log_price + log_sum + price
        large = omega > 1
        top = torch.where(large, omega, 1)
        ratio = torch.where(large, (top - top.log()).log() - log_price, log_sum + price)
        for _ in range(_STEPS - _TRACKED):
            ratio = _newton(ratio, log_sum, price)
    for _ in range(_TRACKED):
        ratio = _newton(ratio, log_sum, price)
    return ratio


def _newton(ratio: Tensor, log_sum: Tensor, price: Tensor) -> Tensor:
    off = ratio - log_sum + price * ratio.expm1()
    return ratio - off / (1 + price * ratio.exp())


#: The penalties by their names.
PENALTIES: Dict[str, Type[Penalty]] = {'kl': KLPenalty, 'l2': L2Penalty}
