r"""The (fused) Gromov-Wasserstein problem: two structures, their masses, and costs."""
from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.linear import masked_problem
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.quadratic import QuadraticTerm
from eega_pyg.ot.ragged import node_layout
from eega_pyg.ot.structure import DenseStructure, Structure, sparse_structure


class QuadraticProblem(NamedTuple):
    r"""A batch of Gromov-Wasserstein problems, padded: no mass, no node.

    Shapes:
        - **a**, **b:** :math:`(B, n)`, :math:`(B, m)`
    """
    structure_s: Structure
    structure_t: Structure
    a: Tensor
    b: Tensor


def quadratic_problem(
    edge_index_s: Tensor,
    edge_attr_s: Tensor,
    edge_index_t: Tensor,
    edge_attr_t: Tensor,
    batch_s: Optional[Tensor] = None,
    batch_t: Optional[Tensor] = None,
    batch_size: Optional[int] = None,
    num_nodes_s: Optional[int] = None,
    num_nodes_t: Optional[int] = None,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
) -> QuadraticProblem:
    r"""The Gromov-Wasserstein problems between two batches of graphs.

    Args:
        edge_index_s (torch.Tensor): The edges of the first side
            :math:`(2, |\mathcal{E}_s|)`; one that is given twice counts twice.
        edge_attr_s (torch.Tensor): Their distances :math:`(|\mathcal{E}_s|)`.
        edge_index_t (torch.Tensor): The edges of the second side
            :math:`(2, |\mathcal{E}_t|)`.
        edge_attr_t (torch.Tensor): Their distances :math:`(|\mathcal{E}_t|)`.
        batch_s (torch.Tensor, optional): The pair of each node :math:`(N_s)`,
            ascending. (default: one pair)
        batch_t (torch.Tensor, optional): The pair of each node :math:`(N_t)`,
            ascending. (default: one pair)
        batch_size (int, optional): The number of pairs :math:`B`; needed where the last
            pairs may have an empty side.
        num_nodes_s (int, optional): The number of nodes :math:`N_s`, if there is no
            batch vector. (default: as many as the edges and masses name)
        num_nodes_t (int, optional): The number of nodes :math:`N_t`, if there is no
            batch vector. (default: as many as the edges and masses name)
        a (torch.Tensor, optional): The mass of the nodes :math:`(N_s)`.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The mass of the nodes :math:`(N_t)`.
            (default: uniform, of total mass one)

    Raises:
        ValueError: If shapes do not match, a node does not exist, an edge joins two
            graphs, a batch vector is not ascending, a mass is negative or not finite,
            or the total masses of a pair differ.
    """
    nodes_s, nodes_t = node_layout(_num_nodes(edge_index_s, batch_s, num_nodes_s,
                                              a), batch_s,
                                   _num_nodes(edge_index_t, batch_t, num_nodes_t, b),
                                   batch_t, batch_size, edge_index_s.device)
    mass_s, mass_t = prepare_marginals(None if a is None else nodes_s.pad(a),
                                       None if b is None else nodes_t.pad(b),
                                       nodes_s.mask, nodes_t.mask, edge_attr_s.dtype)
    return QuadraticProblem(sparse_structure(edge_index_s, edge_attr_s, nodes_s),
                            sparse_structure(edge_index_t, edge_attr_t, nodes_t),
                            mass_s, mass_t)


def _num_nodes(edge_index: Tensor, batch: Optional[Tensor], num_nodes: Optional[int],
               mass: Optional[Tensor]) -> int:
    if batch is not None:
        return batch.numel()
    if num_nodes is not None:
        return num_nodes
    if mass is not None:
        return mass.numel()
    return int(edge_index.max()) + 1 if edge_index.numel() > 0 else 0


class FusedObjective(NamedTuple):
    r"""The objective :math:`(1 - w) \langle \mathbf{T}, \mathbf{C} \rangle +
    w \, Q(\mathbf{T})`, or :math:`Q` alone where there are no costs."""
    term: QuadraticTerm
    cost: Optional[Tensor]
    weight: float

    def select(self, index: int, a: Tensor, b: Tensor) -> 'FusedObjective':
        r"""The objective of one pair alone, in double precision on the CPU."""
        cost = None if self.cost is None else self.cost[index:index + 1].double().cpu()
        return FusedObjective(self.term.select(index, a, b), cost, self.weight)

    def gradient(self, plan: Tensor) -> Tensor:
        r"""The slope in the plan :math:`(B, n, m)`, the costs of the next linear
        problem."""
        slope = self.term.gradient(plan)
        if self.cost is None:
            return slope
        return (1 - self.weight) * self.cost + self.weight * slope

    def values(self, plan: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        r"""Linear cost, quadratic cost and objective of each pair :math:`(B)`."""
        quadratic = self.term.value(plan)
        if self.cost is None:
            return torch.zeros_like(quadratic), quadratic, quadratic
        linear = (plan * self.cost).sum((1, 2))
        return (linear, quadratic, (1 - self.weight) * linear + self.weight * quadratic)


def fused_objective(
    structure_s: Union[Structure, Tensor],
    structure_t: Union[Structure, Tensor],
    a: Optional[Tensor],
    b: Optional[Tensor],
    mask_s: Optional[Tensor],
    mask_t: Optional[Tensor],
    cost: Optional[Tensor],
    weight: float,
    loss: str,
    reading: str,
    normalize: bool,
) -> Tuple[FusedObjective, Tensor, Tensor]:
    r"""Objective and marginals of a problem as :func:`gromov_wasserstein` takes it."""
    if not 0 <= weight <= 1:
        raise ValueError(f"Expected 'weight' in [0, 1] (got '{weight}')")
    s, t = (_structure(x) for x in (structure_s, structure_t))
    if s.batch_size != t.batch_size or s.value.dtype != t.value.dtype:
        raise ValueError(
            f"Expected as many graphs on both sides and values of one type "
            f"(got {s.batch_size} of '{s.value.dtype}' and "
            f"{t.batch_size} of '{t.value.dtype}')")
    # One pair may come without a batch dimension.
    a, b, mask_s, mask_t = (x if x is None or x.dim() == 2 else x[None]
                            for x in (a, b, mask_s, mask_t))
    template = s.value.new_zeros(s.batch_size, s.num_nodes, t.num_nodes)
    if cost is not None:
        cost = cost[None] if cost.dim() == 2 else cost
        if cost.shape != template.shape:
            raise ValueError(f"Expected costs of shape {list(template.shape)} "
                             f"(got {list(cost.shape)})")
        cost, a, b = masked_problem(cost, a, b, mask_s, mask_t)
    else:
        _, a, b = masked_problem(template, a, b, mask_s, mask_t)
    s, t = _without_padding(s, a), _without_padding(t, b)
    term = QuadraticTerm(s, t, a, b, loss, reading, normalize)
    return FusedObjective(term, cost, weight), a, b


def _structure(x: Union[Structure, Tensor]) -> Structure:
    if isinstance(x, Tensor):
        x = DenseStructure(x[None] if x.dim() == 2 else x)
    if isinstance(x, DenseStructure):
        shape = x.matrix.shape
        if len(shape) != 3 or shape[1] != shape[2] or (x.adjacency is not None
                                                       and x.adjacency.shape != shape):
            raise ValueError(
                f"Expected structures of shape [B, n, n] or [n, n] with adjacencies of "
                f"the same (got {list(shape)}"
                f"{'' if x.adjacency is None else f' and {list(x.adjacency.shape)}'})")
    return x


def _without_padding(structure: Structure, a: Tensor) -> Structure:
    r"""Values between nodes without mass may be infinite or NaN: they become zero."""
    if not isinstance(structure, DenseStructure):
        return structure
    inside = (a > 0)[:, :, None] & (a > 0)[:, None, :]
    return DenseStructure(torch.where(inside, structure.matrix, 0), structure.adjacency)
