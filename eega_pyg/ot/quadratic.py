r"""The quadratic term of Gromov-Wasserstein problems (Eq. 6)."""
from copy import copy
from functools import cached_property
from typing import Callable, Dict, List, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.both_sides import Terms, both_sides
from eega_pyg.ot.edge_pairs import AbsoluteProduct, EdgePairs, edge_pairs
from eega_pyg.ot.losses import SEPARABLE, check_divergence
from eega_pyg.ot.structure import DenseStructure, SparseStructure, Structure

Product = Callable[[Tensor], Tensor]

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

    @cached_property
    def _products(self) -> Dict[Tuple[bool, bool], Product]:
        r"""What was made already, backwards or not, with slopes or without."""
        return {}

    def select(self, index: int, a: Tensor, b: Tensor) -> 'QuadraticTerm':
        r"""The term of one pair alone, in double precision on the CPU."""
        part = slice(index, index + 1)
        a, b = (mass[part].cpu().double() for mass in (a, b))
        s, t = self.s.select(index), self.t.select(index)
        return QuadraticTerm(s, t, a, b, self.loss,
                             'matrix' if self.complete else 'neighbors', self.scale
                             is not None)

    def part(self, pairs: Tensor, n: int, m: int) -> 'QuadraticTerm':
        r"""The term of some pairs, in ascending order, without the nodes from
        :obj:`n` and :obj:`m` on."""
        out = copy(self)
        for name in ('_back', '_pairs', '_products'):
            out.__dict__.pop(name, None)
        out.parts = [x.part(pairs, n, m) for x in self.parts]
        if not out.parts:
            out.s, out.t = self.s.part(pairs, n), self.t.part(pairs, m)
            if not torch.is_grad_enabled():
                out._symmetric = self._symmetric
        out.scale = None if self.scale is None else self.scale[pairs]
        return out

    def value(self, plan: Tensor) -> Tensor:
        r""":math:`Q(\mathbf{T})` of each pair :math:`(B)`."""
        return (plan * self.product(plan)).sum((1, 2))

    def gradient(self, plan: Tensor) -> Tensor:
        r""":math:`\partial Q / \partial \mathbf{T}`, of shape :math:`(B, n, m)`."""
        return self._both_ways(lambda x, back: x.product(plan, back))

    def inner_gradient(self, plan: Tensor) -> Tensor:
        r""":meth:`gradient` without what the sums of rows and columns make of it."""
        return self._both_ways(lambda x, back: x._scaled(x._inner(plan, back)))

    def outer_gradient(self, a: Tensor, b: Tensor) -> Tensor:
        r"""What they make of it."""
        return self._both_ways(lambda x, back: x._scaled(x._outer(a, b, back)))

    def product(self, plan: Tensor, reverse: bool = False) -> Tensor:
        r""":math:`\mathcal{L} \otimes \mathbf{T}`, of shape :math:`(B, n, m)`; with
        :obj:`reverse`, every edge is followed backwards."""
        if self.parts:
            return torch.stack([x.product(plan, reverse) for x in self.parts]).sum(0)
        out = self._inner(plan, reverse)
        if self.complete:
            out = out + self._outer(plan.sum(2), plan.sum(1), reverse)
        return self._scaled(out)

    def _both_ways(self, product: 'Callable[[QuadraticTerm, bool], Tensor]') -> Tensor:
        if self.parts:
            return torch.stack([x._both_ways(product) for x in self.parts]).sum(0)
        # The shortcut's slope is right for symmetric changes of the values only.
        if not torch.is_grad_enabled() and self._symmetric:
            return 2 * product(self, False)
        return product(self, False) + product(self, True)

    def _scaled(self, x: Tensor) -> Tensor:
        return x if self.scale is None else x * self.scale[:, None, None]

    def _inner(self, plan: Tensor, reverse: bool) -> Tensor:
        key = reverse, torch.is_grad_enabled()
        if key not in self._products:
            self._products[key] = self._make_product(reverse)
        return self._products[key](plan)

    def _make_product(self, reverse: bool) -> Product:
        if self.loss == 'absolute':
            return AbsoluteProduct(self._pairs, self.complete, reverse)
        factor, cross_s, cross_t, of_s, of_t = SEPARABLE[str(self.loss)]
        terms: Terms = [(lambda x: factor * cross_s(x), cross_t)]
        if not self.complete:
            terms += [(of_s, torch.ones_like), (torch.ones_like, of_t)]
        return both_sides(*(self._back if reverse else (self.s, self.t)), terms)

    def _outer(self, rows: Tensor, columns: Tensor, reverse: bool) -> Tensor:
        r"""Where one side has no edge, the other side's value is what remains."""
        of_s, of_t = (torch.abs,
                      torch.abs) if self.loss == 'absolute' else SEPARABLE[str(
                          self.loss)][3:]
        s, t = self._back if reverse else (self.s, self.t)
        return (s.matmul(rows[:, :, None], of_s) +
                t.matmul(columns[:, :, None], of_t).transpose(1, 2))


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
