r"""Plans between two structures: sums of products from both sides."""
from typing import Callable, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.ot.structure import DenseStructure, SparseStructure, Structure

Function = Callable[[Tensor], Tensor]

#: For each term, what is done to the values of the first side, and of the second.
Terms = List[Tuple[Function, Function]]


def both_sides(s: Structure, t: Structure, terms: Terms) -> Function:
    r"""The function :math:`\mathbf{T} \mapsto \sum_k f_k(\mathbf{S}) \, \mathbf{T} \,
    g_k(\mathbf{R})^{\top}` of plans :math:`(B, n, m)`, for structures that are both
    sparse or both dense; differentiable in the plans and in the values."""
    if isinstance(s, SparseStructure) and isinstance(t, SparseStructure):
        return _SparseSides(s, t, terms)
    assert isinstance(s, DenseStructure) and isinstance(t, DenseStructure)
    left, right = ([_matrix(x, of[side]) for of in terms]
                   for side, x in enumerate((s, t)))

    def product(plan: Tensor) -> Tensor:
        out = left[0] @ (plan @ right[0].transpose(1, 2))
        for x, y in zip(left[1:], right[1:]):
            out = out + x @ (plan @ y.transpose(1, 2))
        return out

    return product


def _matrix(structure: DenseStructure, of: Function) -> Tensor:
    matrix = of(structure.matrix)
    return matrix if structure.adjacency is None else matrix * structure.adjacency


class _SparseSides:
    r"""The products of all terms are one: a node of the second side has a row for each
    term, and an edge of the first side meets each of them."""
    def __init__(self, s: SparseStructure, t: SparseStructure, terms: Terms):
        count = self.count = len(terms)
        first = torch.arange(count, device=t.col.device)[:, None]
        self.t_col = t.col.repeat(count)
        self.t_ptr = t.rowptr
        if count > 1:
            starts = (t.rowptr[:-1] + first * t.col.numel()).flatten()
            self.t_ptr = F.pad(starts, (0, 1), value=count * t.col.numel())
        self.t_value = torch.cat([of(t.value) for _, of in terms])
        nodes = s.batch_size * s.num_nodes
        self.s_col = (s.col + first * nodes).t().flatten()
        self.s_ptr = s.rowptr * count
        self.s_value = torch.stack([of(s.value) for of, _ in terms], 1).flatten()

    def __call__(self, plan: Tensor) -> Tensor:
        batch_size, n, m = plan.shape
        right = _bag(
            plan.transpose(1, 2).reshape(-1, n), self.t_col, self.t_ptr, self.t_value)
        right = right.view(-1, m, n).transpose(1, 2).reshape(-1, m)
        return _bag(right, self.s_col, self.s_ptr, self.s_value).view(plan.shape)


def _bag(x: Tensor, index: Tensor, ptr: Tensor, value: Tensor) -> Tensor:
    # On a view that is not contiguous it is thirty times slower than on a copy.
    return F.embedding_bag(index, x.contiguous(), ptr, mode='sum',
                           per_sample_weights=value, include_last_offset=True)
