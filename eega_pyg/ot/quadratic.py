r"""The quadratic term of Gromov-Wasserstein problems (Eq. 6)."""
from functools import cached_property
from typing import Callable, List, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.edge_pairs import EdgePairs, absolute_product, edge_pairs
from eega_pyg.ot.losses import SEPARABLE, check_divergence
from eega_pyg.ot.structure import DenseStructure, SparseStructure, Structure

Function = Callable[[Tensor], Tensor]

LOSSES = ('square', 'absolute', 'kl')
READINGS = ('neighbors', 'matrix')

#: A loss, or one for each channel of the edges' values.
Loss = Union[str, Tuple[str, ...]]


def check_reading(loss: Loss, reading: str) -> None:
    r"""Refuses what no sum over pairs of edges is."""
    for one in (loss, ) if isinstance(loss, str) else tuple(loss) or ('', ):
        if one not in LOSSES:
            raise ValueError(f"Expected a loss in {LOSSES} (got '{one}')")
    if reading not in READINGS:
        raise ValueError(f"Expected a reading in {READINGS} (got '{reading}')")


class QuadraticTerm:
    r"""The sum over pairs of node pairs

    .. math::
        Q(\mathbf{T}) = \langle \mathbf{T}, \mathcal{L} \otimes \mathbf{T} \rangle =
        \sum_{i, i', j, j'} T_{ij} T_{i'j'} \, L(d_{ii'}, d_{jj'})

    where :math:`L` is the square or the absolute difference, or :math:`x \log
    \frac{x}{y} - x + y`, or the sum of one for each channel, and the sum runs over
    neighbours on both sides (:obj:`"neighbors"`, Eq. 6), or over all pairs of nodes
    with a zero where there is no edge (:obj:`"matrix"`). The square loss and the
    divergence take sparse or batched dense products, the absolute loss pairs of edges;
    nothing of :math:`(n, n, m, m)` is ever held.

    Args:
        s (DenseStructure or SparseStructure): The first side.
        t (DenseStructure or SparseStructure): The second side.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
        loss (str or tuple): :obj:`"square"`, :obj:`"absolute"` or :obj:`"kl"`, or one
            for each channel.
        reading (str): :obj:`"neighbors"` or :obj:`"matrix"`.
        normalize (bool): Whether to divide by the product mass of what is summed over.
    """
    def __init__(self, s: Structure, t: Structure, a: Tensor, b: Tensor, loss: Loss,
                 reading: str, normalize: bool):
        for side, structure, mass in (('first', s, a), ('second', t, b)):
            shape = (structure.batch_size, structure.num_nodes)
            if shape != tuple(mass.shape):
                raise ValueError(f"Expected a structure for marginals of shape "
                                 f"{list(mass.shape)} on the {side} side "
                                 f"(got {list(shape)})")
        self.loss, self.complete = loss, reading == 'matrix'
        #: A term for each channel, of which this one is the sum.
        self.parts: List[QuadraticTerm] = []
        losses = _channel_losses(s, t, loss)
        if losses:
            self.parts = [
                QuadraticTerm(s.channel(k), t.channel(k), a, b, one, reading, normalize)
                for k, one in enumerate(losses)
            ]
        elif loss == 'kl':
            check_divergence(s, t, a, b, self.complete)
        if not losses and (loss == 'absolute' or isinstance(s, SparseStructure)
                           or isinstance(t, SparseStructure)):
            s = s.to_sparse(a) if isinstance(s, DenseStructure) else s
            t = t.to_sparse(b) if isinstance(t, DenseStructure) else t
        self.s, self.t = s, t
        self.scale: Optional[Tensor] = None
        if normalize:
            mass = ((a.sum(1) * b.sum(1)).square() if self.complete else s.mass(a) *
                    t.mass(b))
            self.scale = torch.where(mass > 0, 1 / torch.where(mass > 0, mass, 1), 0)

    @cached_property
    def _symmetric(self) -> bool:
        return self.s.is_symmetric() and self.t.is_symmetric()

    @cached_property
    def _back(self) -> Tuple[Structure, Structure]:
        return self.s.transpose(), self.t.transpose()

    @cached_property
    def _pairs(self) -> EdgePairs:
        assert isinstance(self.s, SparseStructure)
        assert isinstance(self.t, SparseStructure)
        return edge_pairs(self.s, self.t)

    def select(self, index: int, a: Tensor, b: Tensor) -> 'QuadraticTerm':
        r"""The term of one pair alone, in double precision on the CPU."""
        part = slice(index, index + 1)
        a, b = (mass[part].cpu().double() for mass in (a, b))
        s, t = self.s.select(index), self.t.select(index)
        return QuadraticTerm(s, t, a, b, self.loss,
                             'matrix' if self.complete else 'neighbors', self.scale
                             is not None)

    def value(self, plan: Tensor) -> Tensor:
        r""":math:`Q(\mathbf{T})` of each pair :math:`(B)`."""
        return (plan * self.product(plan)).sum((1, 2))

    def gradient(self, plan: Tensor) -> Tensor:
        r""":math:`\partial Q / \partial \mathbf{T}`, of shape :math:`(B, n, m)`."""
        if self.parts:
            return torch.stack([x.gradient(plan) for x in self.parts]).sum(0)
        # The shortcut's slope is right for symmetric changes of the values only.
        if not torch.is_grad_enabled() and self._symmetric:
            return 2 * self.product(plan)
        return self.product(plan) + self.product(plan, reverse=True)

    def product(self, plan: Tensor, reverse: bool = False) -> Tensor:
        r""":math:`\mathcal{L} \otimes \mathbf{T}`, of shape :math:`(B, n, m)`; with
        :obj:`reverse`, every edge is followed backwards."""
        if self.parts:
            return torch.stack([x.product(plan, reverse) for x in self.parts]).sum(0)
        s, t = self._back if reverse else (self.s, self.t)
        of_s: Function = torch.abs
        of_t: Function = torch.abs
        if self.loss == 'absolute':
            out = absolute_product(self._pairs, plan, self.complete, reverse)
        else:
            factor, cross_s, cross_t, of_s, of_t = SEPARABLE[str(self.loss)]
            out = factor * _both_sides(s, t, plan, cross_s, cross_t)
            if not self.complete:
                out = out + _both_sides(s, t, plan, of_s, torch.ones_like)
                out = out + _both_sides(s, t, plan, torch.ones_like, of_t)
        if self.complete:
            # Where one side has no edge, the other side's value is what remains.
            out = out + s.matmul(plan.sum(2)[:, :, None], of_s)
            out = out + t.matmul(plan.sum(1)[:, :, None], of_t).transpose(1, 2)
        return out if self.scale is None else out * self.scale[:, None, None]


def _channel_losses(s: Structure, t: Structure, loss: Loss) -> Tuple[str, ...]:
    r"""The loss of each channel; none where values are numbers."""
    channels = s.num_channels
    if channels != t.num_channels:
        raise ValueError(f"Expected values with as many channels on both sides "
                         f"(got {channels} and {t.num_channels}; 0 is a number)")
    if isinstance(loss, str):
        return (loss, ) * channels
    if len(loss) != channels:
        raise ValueError(f"Expected a loss for each channel (got {len(loss)} for "
                         f"{channels}; 0 is a number, which has one loss)")
    return tuple(loss)


def _both_sides(s: Structure, t: Structure, plan: Tensor, of_s: Function,
                of_t: Function) -> Tensor:
    right = t.matmul(plan.transpose(1, 2), of_t)
    return s.matmul(right.transpose(1, 2), of_s)
