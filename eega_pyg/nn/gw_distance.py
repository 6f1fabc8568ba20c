r"""Gromov-Wasserstein distances to learned templates as a readout."""
from typing import Optional

import torch
from torch import Tensor

from eega_pyg.nn.template_distance import TemplateDistance, check_edges
from eega_pyg.ot import MirrorDescent, TransportOutput
from eega_pyg.ot.autocast import at_least_single, no_autocast


class GWDistance(TemplateDistance):
    r"""The Gromov-Wasserstein distance of each graph to each of :math:`K` learned
    template graphs, a readout that sees a graph's structure alone, after `"Template
    based Graph Neural Network with Optimal Transport Distances"
    <https://arxiv.org/abs/2205.15733>`_ (Vincent-Cuaz *et al.*, 2022)

    .. math::
        z_k = \min_{\mathbf{T} \mathbf{1} = \frac{1}{n} \mathbf{1}, \,
        \mathbf{T}^{\top} \mathbf{1} = \mathbf{h}_k} \; \sum_{i, i', j, j'}
        T_{ij} T_{i'j'} \sum_d \left( C_{ii'd} - \bar{C}_{k,jj'd} \right)^2, \quad
        \mathbf{h}_k = \textrm{softmax}(\mathbf{s}_k)

    where :math:`\mathbf{C}` holds the values of a graph's edges and zeros elsewhere, or
    the lengths of shortest paths. Structures :math:`\bar{\mathbf{C}}_k` and masses
    :math:`\mathbf{h}_k` of the templates, of :math:`m` nodes each, are learned; to hold
    the masses equal, set :obj:`log_mass.requires_grad_(False)`.

    The problem is not convex. The solver starts from the product plan, hence the result
    depends neither on the order of nodes nor on the rest of the batch; nodes that no
    number of steps over the edges tells apart, *e.g.*, all of a regular graph, stay
    equal. Slopes hold the plan constant, which is exact where the solver has converged
    (:meth:`transport` says where).

    Args:
        num_templates (int): The number of templates :math:`K`.
        num_nodes (int): The number of nodes :math:`m` of each.
        edge_dim (int, optional): The number of channels :math:`D` of edges. If
            :obj:`None`, values of edges are numbers. (default: :obj:`None`)
        structure (str, optional): :obj:`"adjacency"`, or :obj:`"shortest_path"`, the
            number of edges between two nodes, and the number of nodes of the graph
            where there is no path. Paths are found anew in each call, in
            :math:`\mathcal{O}(B n^3)` for each hop. (default: :obj:`"adjacency"`)
        directed (bool, optional): If set, structures of templates need not be
            symmetric. (default: :obj:`False`)
        solver (MirrorDescent, optional): What solves the problems. With
            :obj:`MirrorDescent('mirror')` the values have a regulariser.
            (default: :obj:`MirrorDescent('proximal')`)

    Raises:
        ValueError: If a size or the structure is none.

    Shapes:
        - **input:** edges :math:`(2, |\mathcal{E}|)`, batch vector
          :math:`(|\mathcal{V}|)` *(optional)*, values of edges
          :math:`(|\mathcal{E}|)` or :math:`(|\mathcal{E}|, D)` *(optional)*
        - **output:** distances :math:`(B, K)`
    """
    def __init__(
            self,
            num_templates: int,
            num_nodes: int,
            edge_dim: Optional[int] = None,
            structure: str = 'adjacency',
            directed: bool = False,
            solver: MirrorDescent = MirrorDescent('proximal'),
    ) -> None:
        super().__init__(num_templates, num_nodes, edge_dim, structure, directed,
                         solver)
        self.reset_parameters()

    def forward(self, edge_index: Tensor, batch: Optional[Tensor] = None,
                edge_attr: Optional[Tensor] = None, num_nodes: Optional[int] = None,
                batch_size: Optional[int] = None) -> Tensor:
        r"""The distances of each graph to each template.

        Args:
            edge_index (torch.Tensor): The edges; one that is given twice counts twice.
            batch (torch.Tensor, optional): The graph of each node, ascending.
                (default: one graph)
            edge_attr (torch.Tensor, optional): The values of the edges. (default: ones)
            num_nodes (int, optional): The number of nodes, if there is no batch vector.
                (default: as many as the edges name)
            batch_size (int, optional): The number of graphs; needed where the last may
                have no node. The distance of a graph without nodes is zero.

        Raises:
            ValueError: If shapes do not match, a node does not exist, an edge joins two
                graphs, or the batch vector is not ascending.
        """
        out = self.transport(edge_index, batch, edge_attr, num_nodes, batch_size)
        return out.regularized.view(-1, self.num_templates)

    @no_autocast()
    def transport(self, edge_index: Tensor, batch: Optional[Tensor] = None,
                  edge_attr: Optional[Tensor] = None, num_nodes: Optional[int] = None,
                  batch_size: Optional[int] = None) -> TransportOutput:
        r"""The solved problems :math:`(B \cdot K)`, with their plans :math:`(B \cdot K,
        n, m)` and whether each has converged; all of the first graph come first. The
        distance is :obj:`regularized`."""
        check_edges(edge_index)
        if batch is not None:
            num_nodes = batch.numel()
        elif num_nodes is None:
            num_nodes = int(edge_index.max()) + 1 if edge_index.numel() > 0 else 0
        dtype = at_least_single(self.weight).dtype
        if edge_attr is not None:
            edge_attr = at_least_single(edge_attr)
            dtype = torch.promote_types(dtype, edge_attr.dtype)
        nodes = self._layout(num_nodes, batch, batch_size)
        return self._solve(edge_index, edge_attr, nodes, dtype)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.num_templates}, {self.num_nodes}, '
                f'structure={self.structure!r})')
