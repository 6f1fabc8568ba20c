r"""Fused Gromov-Wasserstein distances to learned templates as a readout."""
from typing import Any, Optional, Union

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedParameter, is_lazy

from eega_pyg.nn.template_distance import TemplateDistance, check_edges
from eega_pyg.ot import MirrorDescent, TransportOutput, pairwise_cost
from eega_pyg.ot.autocast import at_least_single, no_autocast
from eega_pyg.ot.costs import check_cost


class FGWDistance(TemplateDistance):
    r"""The fused Gromov-Wasserstein distance of each graph to each of :math:`K` learned
    template graphs with features, a readout from `"Template based Graph Neural Network
    with Optimal Transport Distances" <https://arxiv.org/abs/2205.15733>`_ (Vincent-Cuaz
    *et al.*, 2022)

    .. math::
        z_k = \min_{\mathbf{T} \mathbf{1} = \frac{1}{n} \mathbf{1}, \,
        \mathbf{T}^{\top} \mathbf{1} = \mathbf{h}_k} \; (1 - \alpha) \sum_{i, j} T_{ij}
        \, c(\mathbf{x}_i, \bar{\mathbf{x}}_{kj}) + \alpha \sum_{i, i', j, j'}
        T_{ij} T_{i'j'} \sum_d \left( C_{ii'd} - \bar{C}_{k,jj'd} \right)^2

    with everything but the features as in :class:`GWDistance`. Features
    :math:`\bar{\mathbf{x}}_{kj}` of the templates and the weight :math:`\alpha`, a
    sigmoid, are learned too; to hold the weight, set
    :obj:`logit_alpha.requires_grad_(False)`.

    Args:
        in_channels (int): Size of the features, or :obj:`-1` to take it from the first
            input.
        num_templates (int): The number of templates :math:`K`.
        num_nodes (int): The number of nodes :math:`m` of each.
        alpha (float, optional): What the weight of the structure starts at, between 0
            and 1. (default: :obj:`0.5`)
        cost (str, optional): The cost :math:`c` of features, as in
            :func:`~eega_pyg.ot.pairwise_cost`. (default: :obj:`"sqeuclidean"`)
        edge_dim, structure, directed, solver (optional): As in :class:`GWDistance`.

    Raises:
        ValueError: If a size, the weight, the cost or the structure is none.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edges
          :math:`(2, |\mathcal{E}|)`, batch vector :math:`(|\mathcal{V}|)` *(optional)*,
          values of edges :math:`(|\mathcal{E}|)` or :math:`(|\mathcal{E}|, D)`
          *(optional)*
        - **output:** distances :math:`(B, K)`
    """
    def __init__(
            self,
            in_channels: int,
            num_templates: int,
            num_nodes: int,
            alpha: float = 0.5,
            cost: str = 'sqeuclidean',
            edge_dim: Optional[int] = None,
            structure: str = 'adjacency',
            directed: bool = False,
            solver: MirrorDescent = MirrorDescent('proximal'),
    ) -> None:
        super().__init__(num_templates, num_nodes, edge_dim, structure, directed,
                         solver)
        if in_channels < 1 and in_channels != -1:
            raise ValueError(f"Expected 'in_channels' of at least 1, or -1 "
                             f"(got '{in_channels}')")
        if not 0 < alpha < 1:
            raise ValueError(f"Expected 'alpha' between 0 and 1 (got '{alpha}')")
        check_cost(cost)
        self.in_channels = in_channels
        self.cost = cost
        self._alpha = alpha
        #: The features of the templates' nodes.
        self.features: Union[torch.nn.Parameter, UninitializedParameter]
        if in_channels == -1:
            self.features = UninitializedParameter()
        else:
            self.features = torch.nn.Parameter(
                torch.empty(num_templates, num_nodes, in_channels))
        self.logit_alpha = torch.nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        r"""As in :class:`GWDistance`; features are normal, the weight is as given."""
        super().reset_parameters()
        if not is_lazy(self.features):
            torch.nn.init.normal_(self.features)
        with torch.no_grad():
            self.logit_alpha.fill_(self._alpha).logit_()

    def _set_channels(self, in_channels: int) -> None:
        assert isinstance(self.features, UninitializedParameter)
        self.in_channels = in_channels
        self.features.materialize((self.num_templates, self.num_nodes, in_channels))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        saved = state_dict.get(f'{prefix}features')
        if is_lazy(self.features) and saved is not None and not is_lazy(saved):
            self._set_channels(saved.size(-1))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _save_to_state_dict(self, destination: Any, prefix: str,
                            keep_vars: bool) -> None:
        if not is_lazy(self.features):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            return
        for name, value in self.named_parameters(recurse=False):
            as_it_is = keep_vars or is_lazy(value)  # One that has no size yet is.
            destination[prefix + name] = value if as_it_is else value.detach()

    @property
    def alpha(self) -> Tensor:
        r"""The weight of the structure, between 0 and 1."""
        return at_least_single(self.logit_alpha).sigmoid()

    def forward(self, x: Tensor, edge_index: Tensor, batch: Optional[Tensor] = None,
                edge_attr: Optional[Tensor] = None,
                batch_size: Optional[int] = None) -> Tensor:
        r"""The distances of each graph to each template.

        Args:
            x (torch.Tensor): The node features.
            edge_index (torch.Tensor): The edges; one that is given twice counts twice.
            batch (torch.Tensor, optional): The graph of each node, ascending.
                (default: one graph)
            edge_attr (torch.Tensor, optional): The values of the edges. (default: ones)
            batch_size (int, optional): The number of graphs; needed where the last may
                have no node. The distance of a graph without nodes is zero.

        Raises:
            ValueError: If shapes do not match, a node does not exist, an edge joins two
                graphs, or the batch vector is not ascending.
        """
        out = self.transport(x, edge_index, batch, edge_attr, batch_size)
        return out.regularized.view(-1, self.num_templates)

    @no_autocast()
    def transport(self, x: Tensor, edge_index: Tensor, batch: Optional[Tensor] = None,
                  edge_attr: Optional[Tensor] = None,
                  batch_size: Optional[int] = None) -> TransportOutput:
        r"""The solved problems, as in :meth:`GWDistance.transport`."""
        check_edges(edge_index)
        if is_lazy(self.features) and x.dim() == 2:
            self._set_channels(x.size(1))
            torch.nn.init.normal_(self.features)
        if x.dim() != 2 or x.size(1) != self.in_channels:
            raise ValueError(f"Expected features of shape [N, {self.in_channels}] "
                             f"(got {list(x.shape)})")
        features = at_least_single(self.features)
        dtype = torch.promote_types(at_least_single(x).dtype, features.dtype)
        nodes = self._layout(x.size(0), batch, batch_size)
        # All templates' nodes at once.  [B, n, K * m]
        cost = pairwise_cost(
            nodes.pad(x.to(dtype)).flatten(0, 1),
            features.to(dtype).flatten(0, 1), self.cost)
        cost = cost.view(*nodes.mask.shape, self.num_templates, self.num_nodes)
        # An infinite cost would forbid a pair, and hide what overflowed.
        cost = torch.where(cost.isinf(), torch.nan, cost)
        cost = torch.where(nodes.mask[:, :, None, None], cost, 0)
        cost = cost.transpose(1, 2).flatten(0, 1)
        return self._solve(edge_index, edge_attr, nodes, dtype, cost,
                           self.alpha.to(dtype))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.in_channels}, {self.num_templates}, '
                f'{self.num_nodes}, structure={self.structure!r})')
