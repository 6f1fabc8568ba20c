from typing import List

import torch
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import reset
from torch_geometric.typing import PairTensor
from torch_geometric.utils import scatter

from eega_pyg.nn.attribute_transformer import AttributeTransformer
from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.parts import Addition, all_pairs, attention


class GatedSum(torch.nn.Module):
    r"""The sum of the sources of the edges that reach a node, each entry of a source
    through a gate,

    .. math::
        \mathbf{m}_i = \sum_{j \in \mathcal{N}(i)} \sigma(\mathbf{W}_1 \mathbf{x}_i +
        \mathbf{W}_2 \mathbf{x}_j + \mathbf{b}) \circ \mathbf{x}_j.

    Args:
        channels (int): Size of sources and targets.
    """
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lin_source = Linear(channels, channels)
        self.lin_target = Linear(channels, channels, bias=False)

    def reset_parameters(self) -> None:
        self.lin_source.reset_parameters()
        self.lin_target.reset_parameters()

    def forward(self, x: PairTensor, edge_index: Tensor) -> Tensor:
        source, target = edge_index
        gate = self.lin_source(x[0])[source] + self.lin_target(x[1])[target]
        return scatter(gate.sigmoid() * x[0][source], target, dim_size=x[1].size(0))


class UMGFLayer(torch.nn.Module):
    r"""A layer of :class:`UMGF`, for words and objects.

    Args:
        channels (int): Size of words and objects.
        heads (int): Number of attention heads.
        dropout (float): Dropout probability.
        is_last (bool): Whether objects hear nothing of words, as nobody reads them.
    """
    def __init__(self, channels: int, heads: int, dropout: float,
                 is_last: bool) -> None:
        super().__init__()
        self.intra = torch.nn.ModuleList(
            attention(channels, heads, dropout) for _ in range(2))
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(channels) for _ in range(2))
        self.inter = torch.nn.ModuleList(
            AttributeTransformer(GatedSum(channels), channels, dropout=dropout)
            for _ in range(1 if is_last else 2))
        self.dropout = torch.nn.Dropout(dropout)

    def reset_parameters(self) -> None:
        for module in (self.intra, self.norms, self.inter):
            reset(module)

    def forward(self, nodes: List[Tensor], batches: List[Tensor],
                batch_size: int) -> List[Tensor]:
        c = [
            norm(x + self.dropout(conv(x, all_pairs(batch, batch, batch_size))))
            for x, batch, conv, norm in zip(nodes, batches, self.intra, self.norms)
        ]
        new = [
            layer((c[1 - i], c[i]), all_pairs(batches[1 - i], batches[i], batch_size))
            for i, layer in enumerate(self.inter)
        ]
        return new + c[len(new):]


class UMGF(torch.nn.Module):
    r"""The unified multi-modal graph fusion from the `"Multi-modal Graph Fusion for
    Named Entity Recognition with Targeted Visual Guidance"
    <https://doi.org/10.1609/aaai.v35i16.17687>`_ paper.

    Words and objects of a pair are the nodes of one graph. Any two of one modality are
    joined by an intra-modal edge and any two of different modalities by an inter-modal
    one. Each of :math:`L` layers passes messages along the former and then, through
    gates, along the latter,

    .. math::
        \mathbf{C}_x &= \textrm{LayerNorm}(\mathbf{X} + \textrm{MultiHead}(\mathbf{X},
        \mathbf{X}, \mathbf{X})), \qquad
        \mathbf{C}_o = \textrm{LayerNorm}(\mathbf{O} + \textrm{MultiHead}(\mathbf{O},
        \mathbf{O}, \mathbf{O}))

        \mathbf{m}_t &= \sum_i \sigma(\mathbf{W}_1 \mathbf{c}_{x_t} + \mathbf{W}_2
        \mathbf{c}_{o_i} + \mathbf{b}) \circ \mathbf{c}_{o_i}, \qquad
        \mathbf{X}^{\prime} = \textrm{FFN}(\mathbf{C}_x + \mathbf{M})

    and likewise for objects with words, but in the last layer. :math:`\textrm{FFN}` is
    the rest of a transformer layer: layer norm, feed-forward, residual, layer norm. Of
    :math:`\mathbf{H} = \mathbf{X}^0` the result is :math:`\mathbf{H}^{\prime} =
    \textrm{LayerNorm}(\mathbf{H} + \mathbf{W} \mathbf{X}^L)`.

    What was adapted:

    - The objects of a scene graph stand for regions that a model of visual grounding
      found for four phrases, one a type of entities.
    - The paper concatenates :math:`\mathbf{H}` and :math:`\mathbf{X}^L` for its tagger,
      a CRF; here they are added, by a matrix :math:`\mathbf{W}` that starts at zero.

    Without objects, :math:`\mathbf{m}_t = \mathbf{0}`, and words hear words alone.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of attention heads. (default: :obj:`12`)
        num_layers (int, optional): Number of layers :math:`L`. (default: :obj:`1`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, without losses

    Raises:
        ValueError: Without layers, or if :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 12, num_layers: int = 1,
                 dropout: float = 0.1) -> None:
        super().__init__()
        if num_layers < 1:  # Words would see nothing.
            raise ValueError(f"Expected 'num_layers' above 0 (got '{num_layers}')")
        self.channels = channels
        self.heads = heads
        self.layers = torch.nn.ModuleList(
            UMGFLayer(channels, heads, dropout, i == num_layers - 1)
            for i in range(num_layers))
        self.addition = Addition(channels, channels, dropout)

    def reset_parameters(self) -> None:
        reset(self.layers)
        self.addition.reset_parameters()

    def forward(self, inputs: FusionInput) -> FusionOutput:
        nodes, batches = map(list, zip(*inputs.sides))
        for layer in self.layers:
            nodes = layer(nodes, batches, inputs.batch_size)
        return FusionOutput(self.addition(inputs.words, nodes[0]))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.channels}, heads={self.heads}, '
                f'num_layers={len(self.layers)})')
