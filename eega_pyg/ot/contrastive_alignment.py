from typing import NamedTuple, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.ot.graph_alignment import GraphAlignment, GraphAlignmentOutput
from eega_pyg.ot.ragged import Layout, node_layout


class ContrastiveAlignmentOutput(NamedTuple):
    r"""How much nearer graphs are to their own partners than to others.

    Shapes:
        - **loss:** scalar
        - **own:** the alignment with the own partners
    """
    loss: Tensor
    own: GraphAlignmentOutput


class ContrastiveAlignment(torch.nn.Module):
    r"""A :class:`GraphAlignment` that is to be small between the graphs of a pair
    beside what it is between those of two pairs (not in the paper). The distance
    :math:`D` of Eq. 7 alone is small too where all nodes are alike; here

    .. math::
        \mathcal{L} = \frac{1}{B} \sum_b \log \left( 1 + \exp \left(
        \frac{D(s_b, t_b) - D(s_{b - 1}, t_b)}{\tau} \right) \right)

    with the graph :math:`s` of the pair before in the batch as the other one. It is the
    loss of `"Representation Learning with Contrastive Predictive Coding"
    <https://arxiv.org/abs/1807.03748>`_ with one negative.

    Args:
        alignment (GraphAlignment): The distance.
        temperature (float, optional): The temperature :math:`\tau`.
            (default: :obj:`0.1`)

    Shapes:
        - **input:** as :class:`GraphAlignment`, and optionally which pairs count
          :math:`(B)`
        - **output:** :class:`ContrastiveAlignmentOutput`
    """
    def __init__(self, alignment: GraphAlignment, temperature: float = 0.1) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"Expected 'temperature' above 0 (got '{temperature}')")
        self.alignment = alignment
        self.temperature = temperature

    def forward(self, x_s: Tensor, edge_index_s: Tensor, batch_s: Union[Tensor, Layout],
                x_t: Tensor, edge_index_t: Tensor, batch_t: Union[Tensor, Layout],
                batch_size: int,
                mask: Optional[Tensor] = None) -> ContrastiveAlignmentOutput:
        r"""Aligns the graphs of each pair, and those of each pair with the one before.

        Args:
            x_s, edge_index_s, batch_s, x_t, edge_index_t, batch_t, batch_size: As in
                :meth:`GraphAlignment.forward`.
            mask (torch.Tensor, optional): The pairs that count, *e.g.*, without those
                that have the same graph :math:`s` as the pair before. Pairs count only
                where none of the three graphs is empty.
        """
        nodes_s, nodes_t = node_layout(x_s.size(0), batch_s, x_t.size(0), batch_t,
                                       batch_size, x_s.device)
        text = x_t, edge_index_t, nodes_t, batch_size
        own = self.alignment(x_s, edge_index_s, nodes_s, *text)
        other = self.alignment(*_move(x_s, edge_index_s, nodes_s), *text)
        any_s, any_t = (nodes.mask.any(1) for nodes in (nodes_s, nodes_t))
        counted = any_s & any_s.roll(1) & any_t & (batch_size > 1)
        if mask is not None:
            counted &= mask
        nearer = F.softplus(
            (self._distance(own) - self._distance(other)) / self.temperature)
        # A sum of nothing keeps the loss in the graph of the batch.
        loss = (nearer * counted).sum() / counted.sum().clamp(min=1)
        return ContrastiveAlignmentOutput(loss, own)

    def _distance(self, out: GraphAlignmentOutput) -> Tensor:
        alpha = self.alignment.alpha
        return alpha * out.wd + (1 - alpha) * out.gwd

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.alignment}, '
                f'temperature={self.temperature})')


def _move(x: Tensor, edge_index: Tensor,
          nodes: Layout) -> Tuple[Tensor, Tensor, Layout]:
    r"""The same graphs, each in the place after its own, and the last in the first."""
    position, order = ((nodes.position + nodes.max_nodes) % nodes.mask.numel()).sort()
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel(), device=order.device)
    return x[order], place[edge_index], Layout(position, nodes.mask.roll(1, 0))
