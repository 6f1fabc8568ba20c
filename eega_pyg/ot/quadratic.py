r"""The quadratic term of Gromov-Wasserstein problems (Eq. 6)."""
from functools import cached_property
from typing import Callable, Optional, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.edge_pairs import EdgePairs, absolute_product, edge_pairs
from eega_pyg.ot.structure import DenseStructure, SparseStructure, Structure

Function = Callable[[Tensor], Tensor]

LOSSES = ('square', 'absolute')
READINGS = ('neighbors', 'matrix')


def check_reading(loss: str, reading: str) -> None:
    r"""Refuses what no sum over pairs of edges is."""
    if loss not in LOSSES:
        raise ValueError(f"Expected a loss in {LOSSES} (got '{loss}')")
    if reading not in READINGS:
        raise ValueError(f"Expected a reading in {READINGS} (got '{reading}')")


class QuadraticTerm:
    r"""The sum over pairs of node pairs

    .. math::
        Q(\mathbf{T}) = \langle \mathbf{T}, \mathcal{L} \otimes \mathbf{T} \rangle =
        \sum_{i, i', j, j'} T_{ij} T_{i'j'} \, L(d_{ii'}, d_{jj'})

    where :math:`L` is the square or the absolute difference, and the sum runs over
    neighbours on both sides (:obj:`"neighbors"`, Eq. 6), or over all pairs of nodes
    with a zero where there is no edge (:obj:`"matrix"`). The square loss takes sparse
    or batched dense products, the absolute loss pairs of edges; nothing of
    :math:`(n, n, m, m)` is ever held.

    Args:
        s (DenseStructure or SparseStructure): The first side.
        t (DenseStructure or SparseStructure): The second side.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
        loss (str): :obj:`"square"` or :obj:`"absolute"`.
        reading (str): :obj:`"neighbors"` or :obj:`"matrix"`.
        normalize (bool): Whether to divide by the product mass of what is summed over.
    """
    def __init__(self, s: Structure, t: Structure, a: Tensor, b: Tensor, loss: str,
                 reading: str, normalize: bool):
        for side, structure, mass in (('first', s, a), ('second', t, b)):
            shape = (structure.batch_size, structure.num_nodes)
            if shape != tuple(mass.shape):
                raise ValueError(f"Expected a structure for marginals of shape "
                                 f"{list(mass.shape)} on the {side} side "
                                 f"(got {list(shape)})")
        self.loss, self.complete = loss, reading == 'matrix'
        if (loss == 'absolute' or isinstance(s, SparseStructure)
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
        # The shortcut's slope is right for symmetric changes of the values only.
        if not torch.is_grad_enabled() and self._symmetric:
            return 2 * self.product(plan)
        return self.product(plan) + self.product(plan, reverse=True)

    def product(self, plan: Tensor, reverse: bool = False) -> Tensor:
        r""":math:`\mathcal{L} \otimes \mathbf{T}`, of shape :math:`(B, n, m)`; with
        :obj:`reverse`, every edge is followed backwards."""
        s, t = self._back if reverse else (self.s, self.t)
        if self.loss == 'absolute':
            out = absolute_product(self._pairs, plan, self.complete, reverse)
            alone = torch.abs
        else:
            out = -2 * _both_sides(s, t, plan, _value, _value)
            alone = torch.square
            if not self.complete:
                out = out + _both_sides(s, t, plan, torch.square, torch.ones_like)
                out = out + _both_sides(s, t, plan, torch.ones_like, torch.square)
        if self.complete:
            # Where one side has no edge, the other side's value is what remains.
            out = out + s.matmul(plan.sum(2)[:, :, None], alone)
            out = out + t.matmul(plan.sum(1)[:, :, None], alone).transpose(1, 2)
        return out if self.scale is None else out * self.scale[:, None, None]


def _value(value: Tensor) -> Tensor:
    return value


def _both_sides(s: Structure, t: Structure, plan: Tensor, of_s: Function,
                of_t: Function) -> Tensor:
    right = t.matmul(plan.transpose(1, 2), of_t)
    return s.matmul(right.transpose(1, 2), of_s)
