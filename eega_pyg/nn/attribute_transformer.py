from typing import Any, Optional, Tuple, Union, cast

import torch
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import reset
from torch_geometric.typing import Adj, PairTensor


class AttributeTransformer(torch.nn.Module):
    r"""A transformer layer around a graph attention of one's choice: residual,
    feed-forward and layer norms as in a standard post-norm transformer (the text after
    Eq. 4).

    .. math::
        \mathbf{h}_i = \textrm{LayerNorm}(\mathbf{x}_i + \textrm{conv}(\mathbf{x})_i),
        \qquad
        \mathbf{x}^{\prime}_i = \textrm{LayerNorm}(\mathbf{h}_i +
        \textrm{FFN}(\mathbf{h}_i))

    With another :obj:`out_channels` the feed-forward maps to it and the second residual
    falls away, as the paper does with the objects (:class:`~eega_pyg.nn.models.EEGA`
    has them at the size of the words before).

    Args:
        conv (torch.nn.Module): Called with what the layer is called with; keeps the
            size of its (target) input, *e.g.*,
            :class:`~eega_pyg.nn.conv.AttributeTransformerConv`. Its weights are drawn
            anew; put trained ones into it afterwards.
        channels (int): Size of each input sample, of the targets of a bipartite graph.
        out_channels (int, optional): Size of each output sample.
            (default: :obj:`channels`)
        hidden_channels (int, optional): Size of the feed-forward's hidden layer.
            (default: :obj:`2 * channels`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)` or a tuple for a
          bipartite graph, edge indices :math:`(2, |\mathcal{E}|)`, and whatever else
          the convolution takes
        - **output:** node features :math:`(|\mathcal{V}|, F_{out})`, and what the
          convolution returns beside its own, *e.g.*, attention weights
    """
    def __init__(self, conv: torch.nn.Module, channels: int,
                 out_channels: Optional[int] = None,
                 hidden_channels: Optional[int] = None, dropout: float = 0.1) -> None:
        super().__init__()
        out_channels = channels if out_channels is None else out_channels
        hidden_channels = 2 * channels if hidden_channels is None else hidden_channels
        self.channels = channels
        self.out_channels = out_channels
        self.conv = conv
        self.norm1 = torch.nn.LayerNorm(channels)
        self.ffn = torch.nn.Sequential(
            Linear(channels, hidden_channels),
            torch.nn.GELU(),
            torch.nn.Dropout(dropout),
            Linear(hidden_channels, out_channels),
        )
        self.norm2 = torch.nn.LayerNorm(out_channels)
        self.dropout = torch.nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        reset(self.conv)
        reset(self.ffn)
        self.norm1.reset_parameters()
        self.norm2.reset_parameters()
        if self.out_channels == self.channels:  # The residual is what it starts with.
            last = cast(Linear, self.ffn[-1])
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)

    def forward(self, x: Union[Tensor, PairTensor], edge_index: Adj, *args: Any,
                **kwargs: Any) -> Union[Tensor, Tuple[Any, ...]]:
        h = self.conv(x, edge_index, *args, **kwargs)
        h, *more = h if isinstance(h, tuple) else (h, )
        h = self.norm1((x if isinstance(x, Tensor) else x[1]) + self.dropout(h))
        out = self.dropout(self.ffn(h))
        if self.out_channels == self.channels:
            out = out + h
        out = self.norm2(out)
        return (out, *more) if more else out

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.channels}, {self.out_channels}, '
                f'conv={self.conv})')
