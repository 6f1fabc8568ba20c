r"""The edge-enhanced graph alignment of EEGA."""
import warnings
from typing import NamedTuple, Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot.autocast import at_least_single, no_autocast
from eega_pyg.ot.costs import cosine_cost, unit_vectors
from eega_pyg.ot.fused import QuadraticProblem
from eega_pyg.ot.gromov import MirrorDescent
from eega_pyg.ot.linear import LinearProblem
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.quadratic import check_reading
from eega_pyg.ot.ragged import Layout, node_layout
from eega_pyg.ot.result import TransportOutput
from eega_pyg.ot.sinkhorn import Sinkhorn
from eega_pyg.ot.structure import SparseStructure, sparse_structure, unique_edges
from eega_pyg.ot.tracking import as_integers

# As many as there are by default: a look at the error waits for the device.
_CHECK_EVERY = 20


class GraphAlignmentOutput(NamedTuple):
    r"""How far two graphs of each pair are apart.

    Shapes:
        - **loss:** scalar
        - **wd**, **gwd:** :math:`(B)`, zero where one side is empty
        - **node_plan**, **edge_plan:** :math:`(B, n, m)`, zero where there is no node
    """
    loss: Tensor
    #: The Wasserstein problems, solved. If not asked for: the product plans, after no
    #: iteration, all values zero, not converged.
    nodes: TransportOutput
    #: The Gromov-Wasserstein problems, likewise.
    edges: TransportOutput

    @property
    def wd(self) -> Tensor:
        r"""The Wasserstein distances (Eq. 5)."""
        return self.nodes.linear

    @property
    def gwd(self) -> Tensor:
        r"""The Gromov-Wasserstein distances (Eq. 6)."""
        return self.edges.quadratic

    @property
    def node_plan(self) -> Tensor:
        r"""The plans of the nodes."""
        return self.nodes.plan

    @property
    def edge_plan(self) -> Tensor:
        r"""The plans of the edges."""
        return self.edges.plan


class GraphAlignment(torch.nn.Module):
    r"""The alignment of a visual and a textual graph from `"Joint Multimodal
    Entity-Relation Extraction Based on Edge-enhanced Graph Alignment Network and
    Word-pair Relation Tagging" <https://arxiv.org/abs/2211.15028>`_ (Eq. 5-7)

    .. math::
        \mathcal{D}_{wd} &= \min_{\mathbf{T}} \sum_{i, j} T_{ij} \,
        c(\mathbf{h}_i, \mathbf{h}_j)

        \mathcal{D}_{gwd} &= \min_{\hat{\mathbf{T}}} \sum_{i, j}
        \sum_{i' \in \mathcal{N}(i)} \sum_{j' \in \mathcal{N}(j)} \hat{T}_{ij}
        \hat{T}_{i'j'} \left| c(\mathbf{h}_i, \mathbf{h}_{i'}) -
        c(\mathbf{h}_j, \mathbf{h}_{j'}) \right|

        \mathcal{L} &= \alpha \mathcal{D}_{wd} + (1 - \alpha) \mathcal{D}_{gwd}

    where :math:`c` is one minus the cosine, both plans have uniform marginals and an
    entropic regulariser, and the loss is the mean over the pairs that have both sides.
    There are no parameters and no random numbers, and a pair's result does not depend
    on its batch.

    Args:
        alpha (float, optional): The weight of the Wasserstein distance. At :obj:`1` or
            :obj:`0` the other distance is not computed (zero, with the product plan).
            (default: :obj:`0.4`)
        epsilon (float, optional): The strength of the regulariser, in units of the
            pair's mean cost. (default: :obj:`0.1`)
        num_iters (int, optional): At most so many Sinkhorn iterations for each linear
            problem. (default: :obj:`20`)
        outer_iters (int, optional): At most so many steps of mirror descent for the
            Gromov-Wasserstein distance. (default: :obj:`40`)
        gw_loss (str, optional): The :obj:`"absolute"` (the paper's) or :obj:`"square"`
            (the released code's) difference. (default: :obj:`"absolute"`)
        normalize (bool, optional): Whether to divide the Gromov-Wasserstein distance by
            the product mass of the adjacent pairs. As written in the paper it is about
            a hundred times smaller than the other distance. (default: :obj:`False`)
        self_loops (bool, optional): Whether a node is its own neighbour, where the
            edges say so. (default: :obj:`False`)
        gradient (str, optional): :obj:`"envelope"` holds the plans constant;
            :obj:`"unroll"` differentiates the iterations. (default:
            :obj:`"envelope"`)
        tol (float, optional): When a pair has converged, as in :class:`Sinkhorn` and in
            :class:`MirrorDescent`. (default: :obj:`1e-4`)

    Shapes:
        - **input:** node features :math:`(N_s, F)` and :math:`(N_t, F)`, edges
          :math:`(2, |\mathcal{E}_s|)` and :math:`(2, |\mathcal{E}_t|)`, ascending batch
          vectors :math:`(N_s)` and :math:`(N_t)`, the number of pairs :math:`B`
        - **output:** :class:`GraphAlignmentOutput`
    """
    def __init__(self, alpha: float = 0.4, epsilon: float = 0.1, num_iters: int = 20,
                 outer_iters: int = 40, gw_loss: str = 'absolute',
                 normalize: bool = False, self_loops: bool = False,
                 gradient: str = 'envelope', tol: float = 1e-4):
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"Expected 'alpha' in [0, 1] (got '{alpha}')")
        check_reading(gw_loss, 'neighbors')
        if num_iters < 1 or outer_iters < 1:
            raise ValueError(f"Expected 'num_iters' and 'outer_iters' >= 1 "
                             f"(got '{num_iters}' and '{outer_iters}')")
        self.alpha = alpha
        self.gw_loss = gw_loss
        self.normalize = normalize
        self.self_loops = self_loops
        self.sinkhorn = Sinkhorn(epsilon, num_iters=num_iters, tol=tol,
                                 check_every=_CHECK_EVERY, gradient=gradient)
        self.descent = MirrorDescent(epsilon=epsilon, num_iters=outer_iters,
                                     inner_iters=num_iters, tol=tol,
                                     check_every=_CHECK_EVERY, gradient=gradient)
        self._warned = False

    def forward(self, x_s: Tensor, edge_index_s: Tensor,
                batch_s: Union[Tensor, Layout, None], x_t: Tensor, edge_index_t: Tensor,
                batch_t: Union[Tensor, Layout, None], batch_size: Optional[int] = None,
                both: bool = False) -> GraphAlignmentOutput:
        r"""Aligns the graphs of each pair.

        Args:
            x_s (torch.Tensor): The node features of the visual graphs.
            edge_index_s (torch.Tensor): Their edges; each counts once.
            batch_s (torch.Tensor or Layout, optional): The pair of each node, or their
                layout; :obj:`None` where both sides are one graph.
            x_t (torch.Tensor): The node features of the textual graphs.
            edge_index_t (torch.Tensor): Their edges; each counts once.
            batch_t (torch.Tensor or Layout, optional): The pair of each node, or their
                layout.
            batch_size (int, optional): The number of pairs; needed where the last pairs
                may have an empty side.
            both (bool, optional): If set to :obj:`True`, a distance without any weight
                is computed as well. (default: :obj:`False`)

        Raises:
            ValueError: If shapes do not match, a node does not exist, an edge joins two
                graphs, or a batch vector is not ascending.
        """
        if x_s.dim() != 2 or x_t.dim() != 2 or x_s.size(1) != x_t.size(1):
            raise ValueError(f"Expected features of shapes [N, F] and [M, F] "
                             f"(got {list(x_s.shape)} and {list(x_t.shape)})")
        with no_autocast():
            x_s = at_least_single(x_s)
            x_s, x_t = unit_vectors(x_s), unit_vectors(x_t.to(x_s.dtype))
            nodes_s, nodes_t = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t,
                                           batch_size, x_s.device)
            a, b = prepare_marginals(None, None, nodes_s.mask, nodes_t.mask, x_s.dtype)
            nodes = edges = _unsolved(a, b)
            if self.alpha > 0 or both:
                x = nodes_s.pad(x_s) @ nodes_t.pad(x_t).transpose(1, 2)
                nodes = self.sinkhorn(LinearProblem(cosine_cost(x), a, b))
            if self.alpha < 1 or both:
                edges = self.descent(
                    QuadraticProblem(self._structure(x_s, edge_index_s, nodes_s),
                                     self._structure(x_t, edge_index_t, nodes_t), a, b,
                                     loss=self.gw_loss, normalize=self.normalize))
            present = (a > 0).any(1)
            self._warn(nodes, edges, present)
            value = self.alpha * nodes.linear + (1 - self.alpha) * edges.quadratic
            # An empty sum keeps the loss in the graph of a batch without objects.
            loss = (value.sum() / present.sum().clamp(min=1) + 0 *
                    (x_s[:0].sum() + x_t[:0].sum()))
            return GraphAlignmentOutput(loss, nodes, edges)

    def _warn(self, nodes: TransportOutput, edges: TransportOutput,
              present: Tensor) -> None:
        r"""Says once if most pairs of a batch have not converged."""
        if self._warned:
            return
        total, *failed = as_integers(
            torch.stack([
                present, *(present & ~out.converged & out.iterations.any()
                           for out in (nodes, edges))
            ]).sum(1))
        for name, option, count in zip(('Wasserstein', 'Gromov-Wasserstein'),
                                       ('num_iters', 'outer_iters'), failed):
            if 2 * count > total and not self._warned:
                self._warned = True
                warnings.warn(
                    f"The {name} plans of {count} of {total} pairs have not "
                    f"converged: raise '{option}' or 'tol' of {self}", stacklevel=5)

    def _structure(self, x: Tensor, edge_index: Tensor,
                   nodes: Layout) -> SparseStructure:
        edge_index = unique_edges(edge_index, x.size(0), self.self_loops)
        row, col = edge_index
        cosine = (x.index_select(0, row) * x.index_select(0, col)).sum(-1)
        return sparse_structure(edge_index, cosine_cost(cosine), nodes)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(alpha={self.alpha}, '
                f'epsilon={self.descent.epsilon}, gw_loss={self.gw_loss!r})')


def _unsolved(a: Tensor, b: Tensor) -> TransportOutput:
    plan = a[:, :, None] * b[:, None, :]
    zero = plan.new_zeros(plan.size(0))
    iterations = torch.zeros_like(zero, dtype=torch.long)
    return TransportOutput(plan, zero, zero, zero, iterations, zero, iterations > 0,
                           torch.zeros_like(a), torch.zeros_like(b))
