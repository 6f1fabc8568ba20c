r"""What several fusions are made of."""
import torch
from torch import Tensor
from torch_geometric.nn import Linear

from eega_pyg.nn.conv import AttributeTransformerConv
from eega_pyg.nn.conv.arguments import check_heads


def all_pairs(source_batch: Tensor, target_batch: Tensor, batch_size: int) -> Tensor:
    r"""Edges from each source to each target of the same graph, target after target.

    Args:
        source_batch (Tensor): The graph of each source, in ascending order.
            :math:`(|\mathcal{V}_s|)`
        target_batch (Tensor): The graph of each target. :math:`(|\mathcal{V}_t|)`
        batch_size (int): The number of graphs.

    Returns:
        Sources and targets. :math:`(2, |\mathcal{E}|)`
    """
    num = torch.bincount(source_batch, minlength=batch_size)
    start = num.cumsum(0) - num
    degree = num[target_batch]  # Edges that reach each target.
    target = torch.repeat_interleave(degree)
    place = torch.arange(target.numel(), device=target.device)
    place = place - (degree.cumsum(0) - degree)[target]
    return torch.stack([start[target_batch][target] + place, target])


def attention(channels: int, heads: int, dropout: float) -> AttributeTransformerConv:
    r"""Multi-head attention, of queries at the targets of edges and keys and values at
    their sources. A target without an edge gets zeros."""
    check_heads(channels, heads)
    return AttributeTransformerConv((channels, channels), channels // heads, heads,
                                    dropout=dropout)


class Addition(torch.nn.Module):
    r"""Adds to words what is known from elsewhere,

    .. math::
        \mathbf{x}^{\prime} = \textrm{LayerNorm}(\mathbf{x} + \mathbf{W} \mathbf{z}).

    :math:`\mathbf{W}` starts at zero: each fusion starts without the image, and all of
    them start as the same tagger.

    Args:
        channels (int): Size of the words.
        in_channels (int): Size of what is added.
        dropout (float): Dropout probability of what is added.
    """
    def __init__(self, channels: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.lin = Linear(in_channels, channels, bias=False)
        self.dropout = torch.nn.Dropout(dropout)
        self.norm = torch.nn.LayerNorm(channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        torch.nn.init.zeros_(self.lin.weight)
        self.norm.reset_parameters()

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.norm(x + self.dropout(self.lin(z)))
