r"""The (fused) Gromov-Wasserstein problem: two structures, their masses, and costs."""
from dataclasses import dataclass
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.ot.autocast import at_least_single
from eega_pyg.ot.linear import masked_problem
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.quadratic import Loss, QuadraticTerm, check_reading
from eega_pyg.ot.ragged import Layout, node_layout
from eega_pyg.ot.structure import DenseStructure, Structure, sparse_structure


@dataclass(frozen=True, eq=False)
class QuadraticProblem:
    r"""A batch of (fused) Gromov-Wasserstein problems, padded: no mass, no node.

    Args:
        structure_s (SparseStructure or DenseStructure): The first side.
        structure_t (SparseStructure or DenseStructure): The second side.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
        cost (torch.Tensor, optional): The costs :math:`(B, n, m)` of a fused problem,
            as in :class:`LinearProblem`: where infinite, there is no mass whatever the
            weight. (default: :obj:`None`)
        weight (float or torch.Tensor, optional): The weight :math:`w` of the quadratic
            term in a fused problem, for all pairs or for each :math:`(B)`.
            (default: :obj:`0.5`)
        loss (str or tuple, optional): The loss :math:`L`, the :obj:`"square"` or
            :obj:`"absolute"` difference, or :obj:`"kl"`, :math:`L(x, y) = x \log
            \frac{x}{y} - x + y`, for values that are not negative, and positive on the
            second side. Where values have :math:`D` channels, :math:`L` is the sum of
            the losses in each: one for all, or a tuple of :math:`D`.
            (default: :obj:`"square"`)
        reading (str, optional): :obj:`"neighbors"` sums over pairs that are adjacent on
            both sides, :obj:`"matrix"` over all pairs of nodes, with a zero where there
            is no edge. (default: :obj:`"neighbors"`)
        normalize (bool, optional): Whether to divide the quadratic term by the product
            mass of what it sums over. (default: :obj:`False`)

    Raises:
        ValueError: If an option is out of range or shapes do not match.
    """
    structure_s: Structure
    structure_t: Structure
    a: Tensor
    b: Tensor
    cost: Optional[Tensor] = None
    weight: Union[float, Tensor] = 0.5
    loss: Loss = 'square'
    reading: str = 'neighbors'
    normalize: bool = False

    def __post_init__(self) -> None:
        weight = torch.as_tensor(self.weight).detach()
        inside = (weight >= 0) & (weight <= 1)
        if weight.shape not in ((), self.a.shape[:1]) or not bool(inside.all()):
            raise ValueError(f"Expected a 'weight' in [0, 1], for all pairs or for "
                             f"each (got '{self.weight}')")
        check_reading(self.loss, self.reading)
        shape = (*self.a.shape, self.b.size(1))
        if self.cost is not None and self.cost.shape != shape:
            raise ValueError(f"Expected costs of shape {list(shape)} "
                             f"(got {list(self.cost.shape)})")

    def __iter__(self) -> Iterator[Any]:
        r"""Structures and marginals, to be given to a function with options of its
        own."""
        options = self.loss, self.reading, self.normalize
        if (self.cost is not None or isinstance(self.weight, Tensor)
                or self.weight != 0.5 or options != ('square', 'neighbors', False)):
            raise ValueError("Expected a problem without options of its own: give it "
                             "to a solver, MirrorDescent(...)(problem)")
        return iter((self.structure_s, self.structure_t, self.a, self.b))

    @property
    def tensors(self) -> List[Tensor]:
        r"""All that may have a slope."""
        values = (self.structure_s.value, self.structure_t.value, self.a, self.b,
                  self.cost, self.weight)
        return [x for x in values if isinstance(x, Tensor)]

    def objective(self) -> 'FusedObjective':
        r"""What a solver minimises."""
        term = QuadraticTerm(self.structure_s, self.structure_t, self.a, self.b,
                             self.loss, self.reading, self.normalize)
        cost = self.cost
        if cost is not None:
            cost = torch.where(cost == torch.inf, 0, cost)
        return FusedObjective(term, cost, self.weight)

    def permitted(self) -> Optional[Tensor]:
        r"""Where mass may be: where the cost is not infinite, whatever the weight
        :math:`(B, n, m)`; :obj:`None` if that is everywhere."""
        if self.cost is None:
            return None
        mask = self.cost != torch.inf
        return None if bool(mask.all()) else mask


def quadratic_problem(
    edge_index_s: Tensor,
    edge_attr_s: Tensor,
    edge_index_t: Tensor,
    edge_attr_t: Tensor,
    batch_s: Union[Tensor, Layout, None] = None,
    batch_t: Union[Tensor, Layout, None] = None,
    batch_size: Optional[int] = None,
    num_nodes_s: Optional[int] = None,
    num_nodes_t: Optional[int] = None,
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    **options: Any,
) -> QuadraticProblem:
    r"""The Gromov-Wasserstein problems between two batches of graphs.

    Args:
        edge_index_s (torch.Tensor): The edges of the first side
            :math:`(2, |\mathcal{E}_s|)`; one that is given twice counts twice.
        edge_attr_s (torch.Tensor): Their distances :math:`(|\mathcal{E}_s|)`, or
            attributes :math:`(|\mathcal{E}_s|, D)`, *e.g.*, one-hot types.
        edge_index_t (torch.Tensor): The edges of the second side
            :math:`(2, |\mathcal{E}_t|)`.
        edge_attr_t (torch.Tensor): Their distances :math:`(|\mathcal{E}_t|)`, or
            attributes :math:`(|\mathcal{E}_t|, D)`.
        batch_s (torch.Tensor or Layout, optional): The pair of each node :math:`(N_s)`,
            ascending, or their layout. (default: one pair)
        batch_t (torch.Tensor or Layout, optional): The pair of each node :math:`(N_t)`,
            ascending, or their layout. (default: one pair)
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
        **options (optional): :obj:`cost`, :obj:`weight`, :obj:`loss`, :obj:`reading`
            and :obj:`normalize` of :class:`QuadraticProblem`.

    Raises:
        ValueError: If an option is out of range, shapes do not match, a node does not
            exist, an edge joins two graphs, a batch vector is not ascending, a mass is
            negative or not finite, or the total masses of a pair differ.
    """
    edge_attr_s, edge_attr_t = (at_least_single(x) for x in (edge_attr_s, edge_attr_t))
    if edge_attr_s.dtype != edge_attr_t.dtype:
        raise ValueError(f"Expected edge attributes of one type (got "
                         f"'{edge_attr_s.dtype}' and '{edge_attr_t.dtype}')")
    nodes_s, nodes_t = node_layout(_num_nodes(edge_index_s, batch_s, num_nodes_s,
                                              a), batch_s,
                                   _num_nodes(edge_index_t, batch_t, num_nodes_t, b),
                                   batch_t, batch_size, edge_index_s.device)
    mass_s, mass_t = prepare_marginals(None if a is None else nodes_s.pad(a),
                                       None if b is None else nodes_t.pad(b),
                                       nodes_s.mask, nodes_t.mask, edge_attr_s.dtype)
    return QuadraticProblem(sparse_structure(edge_index_s, edge_attr_s, nodes_s),
                            sparse_structure(edge_index_t, edge_attr_t, nodes_t),
                            mass_s, mass_t, **options)


def _num_nodes(edge_index: Tensor, batch: Union[Tensor, Layout, None],
               num_nodes: Optional[int], mass: Optional[Tensor]) -> int:
    if isinstance(batch, Layout):
        return batch.position.numel()
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
    weight: Union[float, Tensor]

    def select(self, index: int, a: Tensor, b: Tensor) -> 'FusedObjective':
        r"""The objective of one pair alone, in double precision on the CPU."""
        cost = None if self.cost is None else self.cost[index:index + 1].double().cpu()
        weight = self.weight
        if isinstance(weight, Tensor):
            weight = float(weight if weight.dim() == 0 else weight[index])
        return FusedObjective(self.term.select(index, a, b), cost, weight)

    def part(self, pairs: Tensor, n: int, m: int) -> 'FusedObjective':
        r"""The objective of some pairs, in ascending order, without the nodes from
        :obj:`n` and :obj:`m` on."""
        weight = self.weight
        if isinstance(weight, Tensor) and weight.dim() > 0:
            weight = weight[pairs]
        return FusedObjective(self.term.part(pairs, n, m),
                              None if self.cost is None else self.cost[pairs, :n, :m],
                              weight)

    def gradient(self, plan: Tensor) -> Tensor:
        r"""The slope in the plan :math:`(B, n, m)`, the costs of the next linear
        problem."""
        slope = self.term.gradient(plan)
        if self.cost is None:
            return slope
        weight = self._weight()
        return (1 - weight) * self.cost + weight * slope

    def inner_gradient(self, plan: Tensor) -> Tensor:
        r"""The part of :meth:`gradient` that the plan's marginals do not tell."""
        slope = self.term.inner_gradient(plan)
        return slope if self.cost is None else self._weight() * slope

    def outer_gradient(self, a: Tensor, b: Tensor) -> Optional[Tensor]:
        r"""The part that they tell, the same for all plans with these marginals;
        :obj:`None` if there is none."""
        outer = self.term.outer_gradient(a, b) if self.term.complete else None
        if self.cost is None:
            return outer
        weight = self._weight()
        linear = (1 - weight) * self.cost
        return linear if outer is None else linear + weight * outer

    def _weight(self) -> Union[float, Tensor]:
        weight = self.weight
        several = isinstance(weight, Tensor) and weight.dim() > 0
        return weight[:, None, None] if several else weight  # type: ignore

    def values(self, plan: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        r"""Linear cost, quadratic cost and objective of each pair :math:`(B)`."""
        quadratic = self.term.value(plan)
        if self.cost is None:
            return torch.zeros_like(quadratic), quadratic, quadratic
        linear = (plan * self.cost).sum((1, 2))
        return (linear, quadratic, (1 - self.weight) * linear + self.weight * quadratic)


def masked_quadratic_problem(
    structure_s: Union[Structure, Tensor],
    structure_t: Union[Structure, Tensor],
    a: Optional[Tensor],
    b: Optional[Tensor],
    mask_s: Optional[Tensor],
    mask_t: Optional[Tensor],
    cost: Optional[Tensor],
    *options: Any,
) -> QuadraticProblem:
    r"""A problem given as tensors, as :func:`masked_problem` for a linear one."""
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
    padded, a, b = masked_problem(template if cost is None else cost, a, b, mask_s,
                                  mask_t)
    return QuadraticProblem(_without_padding(s, a), _without_padding(t, b), a, b,
                            None if cost is None else padded, *options)


def _structure(x: Union[Structure, Tensor]) -> Structure:
    if isinstance(x, Tensor):
        x = DenseStructure(x[None] if x.dim() == 2 else x)
    if isinstance(x, DenseStructure):
        shape = x.matrix.shape
        if len(shape) not in (3, 4) or shape[1] != shape[2] or 0 in shape[3:] or (
                x.adjacency is not None and x.adjacency.shape != shape[:3]):
            raise ValueError(
                f"Expected structures of shape [B, n, n], [n, n] or [B, n, n, D] with "
                f"adjacencies of shape [B, n, n] (got {list(shape)}"
                f"{'' if x.adjacency is None else f' and {list(x.adjacency.shape)}'})")
    return x


def _without_padding(structure: Structure, a: Tensor) -> Structure:
    r"""Values between nodes without mass may be infinite or NaN: they become zero."""
    if not isinstance(structure, DenseStructure):
        return structure
    inside = (a > 0)[:, :, None] & (a > 0)[:, None, :]
    if structure.num_channels:
        inside = inside[..., None]
    return DenseStructure(torch.where(inside, structure.matrix, 0), structure.adjacency)
