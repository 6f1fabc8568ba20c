r"""Matches the nodes of two batches of graphs by optimal transport."""
from typing import Optional, Tuple, Union

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from eega_pyg.ot import (
    Layout,
    MirrorDescent,
    ProximalPoint,
    QuadraticProblem,
    Sinkhorn,
    SparseStructure,
    TransportOutput,
    UnbalancedSinkhorn,
    linear_problem,
    node_layout,
    plan_to_edges,
    sparse_structure,
)
from eega_pyg.ot.autocast import at_least_single, no_autocast
from eega_pyg.ot.costs import check_cost
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.quadratic import Loss, check_reading
from eega_pyg.ot.tracking import as_integers, as_numpy

Solver = Union[MirrorDescent, Sinkhorn, ProximalPoint, UnbalancedSinkhorn]


class OTMatching(torch.nn.Module):
    r"""Matches the nodes of the first graph of each pair to those of the second by
    optimal transport of their features, their structures, or both (Vayer *et al.*,
    *"Optimal Transport for Structured Data with Application on Graphs"*, 2019)

    .. math::
        \mathbf{T} = \arg\min_{\mathbf{T} \mathbf{1} = \frac{1}{n} \mathbf{1}, \,
        \mathbf{T}^{\top} \mathbf{1} = \frac{1}{m} \mathbf{1}} \; (1 - \alpha)
        \langle \mathbf{T}, \mathbf{C} \rangle + \alpha \sum_{i, i', j, j'} T_{ij}
        T_{i'j'} \, L(d_{ii'}, d_{jj'}), \quad w_{ij} = n \, T_{ij}

    and returns the plans as edges from nodes of the first side to nodes of the second.
    The weight :math:`w_{ij}` of an edge is the share of node :math:`i` that goes to
    node :math:`j`: over all :math:`j` it is one, unless the solver moves less. There
    are no parameters, and a pair's result does not depend on its batch.

    Args:
        alpha (float, optional): The weight of the structures: :obj:`0` matches
            features alone, :obj:`1` structures alone. (default: :obj:`0.5`)
        k (int, optional): At most so many edges for each node of the first side, the
            heaviest; of equal ones, those that come first. All where the other side has
            no more nodes. (default: all)
        threshold (float, optional): Only edges with a weight above this.
            (default: :obj:`0`)
        one_to_one (bool, optional): If set, each node has at most one edge: those of
            the largest total mass that there are, found pair by pair on the CPU by
            :func:`scipy.optimize.linear_sum_assignment`. All nodes of the smaller side
            are matched, but for edges that are not above :obj:`threshold`.
            (default: :obj:`False`)
        cost (str, optional): The cost of features, as in
            :func:`~eega_pyg.ot.pairwise_cost`. (default: :obj:`"cosine"`)
        loss, reading, normalize (optional): As in
            :class:`~eega_pyg.ot.QuadraticProblem`, but that all pairs of nodes count.
            (default: :obj:`"square"`, :obj:`"matrix"`, :obj:`False`)
        solver (MirrorDescent, Sinkhorn, ProximalPoint or UnbalancedSinkhorn, optional):
            What solves the problems; it takes linear ones where :obj:`alpha` is
            :obj:`0`. Weights have slopes if it has :obj:`gradient='unroll'`; with
            another, and under :obj:`torch.no_grad`, they are constants.
            (default: :obj:`Sinkhorn(gradient='unroll')` or
            :obj:`MirrorDescent('proximal', gradient='unroll')`)

    Raises:
        ValueError: If an option is out of range, or does not go with another.

    Shapes:
        - **input:** node features :math:`(N_s, F)`, edges :math:`(2, |\mathcal{E}_s|)`
          and batch vector :math:`(N_s)` of the first side, and those of the second
        - **output:** edges :math:`(2, |\mathcal{P}|)`, row-major, from nodes of the
          first batch to nodes of the second, and their weights :math:`(|\mathcal{P}|)`
    """
    def __init__(self, alpha: float = 0.5, k: Optional[int] = None,
                 threshold: float = 0., one_to_one: bool = False, cost: str = 'cosine',
                 loss: Loss = 'square', reading: str = 'matrix',
                 normalize: bool = False, solver: Optional[Solver] = None) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"Expected 'alpha' in [0, 1] (got '{alpha}')")
        if k is not None and k < 1:
            raise ValueError(f"Expected 'k' of at least 1 (got '{k}')")
        if k is not None and one_to_one:
            raise ValueError(f"Expected 'k' or 'one_to_one', not both (got '{k}')")
        if threshold < 0:
            raise ValueError(f"Expected a 'threshold' of at least 0 "
                             f"(got '{threshold}')")
        check_cost(cost)
        check_reading(loss, reading)
        if solver is None:
            solver = (Sinkhorn(gradient='unroll') if alpha == 0 else MirrorDescent(
                'proximal', gradient='unroll'))
        if isinstance(solver, MirrorDescent) == (alpha == 0):
            raise ValueError(f"Expected a solver of "
                             f"{'linear' if alpha == 0 else 'quadratic'} problems for "
                             f"'alpha={alpha}' (got '{solver}')")
        self.alpha = alpha
        self.k = k
        self.threshold = threshold
        self.one_to_one = one_to_one
        self.cost = cost
        self.loss = loss
        self.reading = reading
        self.normalize = normalize
        self.solver = solver

    def forward(self, x_s: Tensor, edge_index_s: Tensor, batch_s: Optional[Tensor],
                x_t: Tensor, edge_index_t: Tensor, batch_t: Optional[Tensor],
                edge_attr_s: Optional[Tensor] = None,
                edge_attr_t: Optional[Tensor] = None,
                batch_size: Optional[int] = None) -> Tuple[Tensor, Tensor]:
        r"""The edges of the plans, and their weights. A pair in which one side has no
        node has none.

        Args:
            x_s (torch.Tensor): The node features of the first side. If :obj:`alpha` is
                :obj:`1`, only how many nodes there are counts.
            edge_index_s (torch.Tensor): Its edges; one that is given twice counts
                twice. If :obj:`alpha` is :obj:`0`, they are not looked at.
            batch_s (torch.Tensor, optional): The pair of each node, ascending;
                :obj:`None` where both sides are one graph.
            x_t (torch.Tensor): The node features of the second side.
            edge_index_t (torch.Tensor): Its edges.
            batch_t (torch.Tensor, optional): The pair of each node.
            edge_attr_s (torch.Tensor, optional): The values :math:`d` of the edges
                :math:`(|\mathcal{E}_s|)` or :math:`(|\mathcal{E}_s|, D)`.
                (default: ones)
            edge_attr_t (torch.Tensor, optional): Those of the second side.
            batch_size (int, optional): The number of pairs. (default: as many as the
                batch vectors name)

        Raises:
            ValueError: If shapes do not match, a node does not exist, an edge joins two
                graphs, or a batch vector is not ascending.
        """
        out = self.transport(x_s, edge_index_s, batch_s, x_t, edge_index_t, batch_t,
                             edge_attr_s, edge_attr_t, batch_size)
        sides = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t, batch_size,
                            x_s.device)
        mask_s, mask_t = (nodes.mask for nodes in sides)
        share = out.plan * mask_s.sum(1)[:, None, None]
        keep = share > self.threshold
        if self.one_to_one:
            keep &= _one_to_one(share, mask_s, mask_t)
        elif self.k is not None:
            order = share.argsort(dim=2, descending=True, stable=True)
            keep &= order.argsort(dim=2) < self.k
        return plan_to_edges(share, mask_s, mask_t, keep)

    @no_autocast()
    def transport(self, x_s: Tensor, edge_index_s: Tensor, batch_s: Optional[Tensor],
                  x_t: Tensor, edge_index_t: Tensor, batch_t: Optional[Tensor],
                  edge_attr_s: Optional[Tensor] = None,
                  edge_attr_t: Optional[Tensor] = None,
                  batch_size: Optional[int] = None) -> TransportOutput:
        r"""The solved problems, with their plans :math:`(B, n, m)` and whether each has
        converged."""
        dtype = torch.promote_types(*(at_least_single(x).dtype for x in (x_s, x_t)))
        nodes_s, nodes_t = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t,
                                       batch_size, x_s.device)
        cost = None
        if self.alpha < 1:
            problem = linear_problem(x_s.to(dtype), x_t.to(dtype), batch_s, batch_t,
                                     nodes_s.batch_size, self.cost)
            if not isinstance(self.solver, MirrorDescent):
                return self.solver(problem)
            cost, a, b = problem
        else:
            a, b = prepare_marginals(None, None, nodes_s.mask, nodes_t.mask, dtype)
        assert isinstance(self.solver, MirrorDescent)
        s = _structure(edge_index_s, edge_attr_s, nodes_s, dtype)
        t = _structure(edge_index_t, edge_attr_t, nodes_t, dtype)
        return self.solver(
            QuadraticProblem(s, t, a, b, cost, self.alpha, self.loss, self.reading,
                             self.normalize))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(alpha={self.alpha}, k={self.k}, '
                f'threshold={self.threshold}, one_to_one={self.one_to_one})')


def _structure(edge_index: Tensor, edge_attr: Optional[Tensor], nodes: Layout,
               dtype: torch.dtype) -> SparseStructure:
    if edge_attr is None:
        edge_attr = torch.ones(edge_index.size(1), device=edge_index.device)
    return sparse_structure(edge_index, edge_attr.to(dtype), nodes)


def _one_to_one(share: Tensor, mask_s: Tensor, mask_t: Tensor) -> Tensor:
    keep = torch.zeros_like(share, dtype=torch.bool)
    # Shares that are no number have no edge in any case.
    values = as_numpy(share.nan_to_num())
    sizes = zip(as_integers(mask_s.sum(1)), as_integers(mask_t.sum(1)))
    for i, (n, m) in enumerate(sizes):
        row, col = linear_sum_assignment(values[i, :n, :m], maximize=True)
        keep[i, row, col] = True
    return keep
