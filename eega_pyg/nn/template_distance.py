r"""What distances of graphs to learned templates share."""
from typing import Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot import (
    DenseStructure,
    Layout,
    MirrorDescent,
    QuadraticProblem,
    SparseStructure,
    TransportOutput,
    sparse_structure,
)
from eega_pyg.ot.autocast import at_least_single
from eega_pyg.ot.marginals import prepare_marginals
from eega_pyg.ot.ragged import single_layout
from eega_pyg.ot.structure import unique_edges

STRUCTURES = ('adjacency', 'shortest_path')


class TemplateDistance(torch.nn.Module):
    r"""The templates of :class:`GWDistance` and :class:`FGWDistance`: a structure and
    masses each.

    Args:
        num_templates, num_nodes, edge_dim, structure, directed, solver: As there.
    """
    def __init__(self, num_templates: int, num_nodes: int, edge_dim: Optional[int],
                 structure: str, directed: bool, solver: MirrorDescent) -> None:
        super().__init__()
        for name, size in (('num_templates', num_templates), ('num_nodes', num_nodes),
                           ('edge_dim', 1 if edge_dim is None else edge_dim)):
            if size < 1:
                raise ValueError(f"Expected '{name}' of at least 1 (got '{size}')")
        if structure not in STRUCTURES:
            raise ValueError(f"Expected a structure in {STRUCTURES} "
                             f"(got '{structure}')")
        if structure == 'shortest_path' and edge_dim is not None:
            raise ValueError(f"Expected 'edge_dim' for the structure 'adjacency' alone "
                             f"(got '{edge_dim}'): paths count edges")
        self.num_templates = num_templates
        self.num_nodes = num_nodes
        self.edge_dim = edge_dim
        self.structure = structure
        self.directed = directed
        self.solver = solver
        channels = () if edge_dim is None else (edge_dim, )
        #: The value between each two nodes of each template, before it is made
        #: symmetric.
        self.weight = torch.nn.Parameter(
            torch.empty(num_templates, num_nodes, num_nodes, *channels))
        #: The masses of a template's nodes are its softmax.
        self.log_mass = torch.nn.Parameter(torch.empty(num_templates, num_nodes))

    def reset_parameters(self) -> None:
        r"""Values between 0 and 1, hops from 0 to the number of nodes; equal masses."""
        high = self.num_nodes if self.structure == 'shortest_path' else 1
        torch.nn.init.uniform_(self.weight, 0, high)
        torch.nn.init.zeros_(self.log_mass)

    @property
    def template_structure(self) -> Tensor:
        r"""The structures of the templates :math:`(K, m, m)` or :math:`(K, m, m,
        D)`."""
        weight = at_least_single(self.weight)
        return weight if self.directed else (weight + weight.transpose(1, 2)) / 2

    @property
    def template_mass(self) -> Tensor:
        r"""The masses of their nodes :math:`(K, m)`, of sum one."""
        return at_least_single(self.log_mass).softmax(1)

    def _layout(self, num_nodes: int, batch: Optional[Tensor],
                batch_size: Optional[int]) -> Layout:
        return single_layout(num_nodes, batch, batch_size, self.weight.device)

    def _solve(self, edge_index: Tensor, edge_attr: Optional[Tensor], nodes: Layout,
               dtype: torch.dtype, cost: Optional[Tensor] = None,
               alpha: Union[float, Tensor] = 0.5) -> TransportOutput:
        count = self.num_templates
        mask = nodes.mask.repeat_interleave(count, 0)
        templates = self.template_structure.to(dtype)
        # A softmax in another precision would not add up to one in this.
        mass = self.log_mass.to(dtype).softmax(1).repeat(nodes.batch_size, 1)
        a, b = prepare_marginals(None, mass, mask, torch.ones_like(mass).bool(), dtype)
        structure = DenseStructure(
            templates.repeat(nodes.batch_size, *(1 for _ in templates.shape[1:])))
        return self.solver(
            QuadraticProblem(self._graphs(edge_index, edge_attr, nodes, mask, dtype),
                             structure, a, b, cost, alpha, reading='matrix'))

    def _graphs(self, edge_index: Tensor, edge_attr: Optional[Tensor], nodes: Layout,
                mask: Tensor,
                dtype: torch.dtype) -> Union[SparseStructure, DenseStructure]:
        r"""The structure of each graph, once for each template."""
        count = self.num_templates
        if self.structure == 'shortest_path':
            if edge_attr is not None:
                raise ValueError("Expected no 'edge_attr' for the structure "
                                 "'shortest_path': paths count edges")
            hops = shortest_paths(edge_index, nodes).to(dtype)
            return DenseStructure(hops.repeat_interleave(count, 0))
        channels = () if self.edge_dim is None else (self.edge_dim, )
        if edge_attr is None:
            edge_attr = torch.ones(edge_index.size(1), *channels, dtype=dtype,
                                   device=edge_index.device)
        if edge_attr.shape[1:] != channels:
            raise ValueError(f"Expected 'edge_attr' of shape [E{', D' * len(channels)}]"
                             f" with 'edge_dim={self.edge_dim}' "
                             f"(got {list(edge_attr.shape)})")
        width, num_nodes = nodes.max_nodes, nodes.position.numel()
        copy = torch.arange(count, device=edge_index.device)[:, None]
        graph = nodes.position // width
        # Node v of copy k is node v + k N.
        position = nodes.position + (graph * (count - 1) + copy) * width
        edges = (edge_index[:, None] + copy * num_nodes).flatten(1)
        return sparse_structure(
            edges,
            edge_attr.to(dtype).repeat(count, *(1 for _ in channels)),
            Layout(position.flatten(), mask))


def check_edges(edge_index: Tensor) -> None:
    r"""Refuses edges that are no dense tensor of two rows."""
    if edge_index.layout != torch.strided or edge_index.dim() != 2:
        raise ValueError(f"Expected edges of shape [2, E] as a dense tensor (got "
                         f"{edge_index.layout}, {list(edge_index.shape)}): of a sparse "
                         f"one give the indices, and the values as 'edge_attr'")


def shortest_paths(edge_index: Tensor, nodes: Layout) -> Tensor:
    r"""The number of edges on the shortest way between any two nodes of a graph; one
    more than the longest way could have, which is the number of nodes, where there is
    none.

    Args:
        edge_index (torch.Tensor): The edges :math:`(2, |\mathcal{E}|)`.
        nodes (Layout): The nodes of the batch.

    Returns:
        The hops :math:`(B, n, n)`, zero where there is no node.
    """
    edge_index = unique_edges(edge_index, nodes.position.numel())
    ones = torch.ones(edge_index.size(1), device=edge_index.device)
    edges = sparse_structure(edge_index, ones, nodes)
    size, width = nodes.mask.shape
    near = ones.new_zeros(size * width, width)
    near[edges.row, edges.col % width] = 1
    near = near.view(size, width, width)
    seen = torch.diag_embed(nodes.mask.to(near.dtype))
    hops = nodes.mask.sum(1)[:, None, None] * (1 - seen)
    hops = torch.where(nodes.mask[:, :, None] & nodes.mask[:, None, :], hops, 0)
    for step in range(1, width):
        grown = ((seen + seen @ near) > 0).to(near.dtype)
        if torch.equal(grown, seen):
            break
        hops = torch.where((grown > 0) & (seen == 0), step, hops)
        seen = grown
    return hops
