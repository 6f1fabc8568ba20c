import torch
from torch_geometric.nn.inits import reset

from eega_pyg.nn.attribute_transformer import AttributeTransformer
from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.parts import Addition, all_pairs, attention


class OCSGA(torch.nn.Module):
    r"""OCSGA (objects, characters, self-attention and guided attention), from the
    `"Multimodal Representation with Embedded Visual Guiding Objects for Named Entity
    Recognition in Social Media Posts" <https://doi.org/10.1145/3394171.3413650>`_
    paper: dense co-attention between words and the embedded labels of objects.

    .. math::
        \mathbf{X}^{l} &= \textrm{SA}(\mathbf{X}^{l - 1}), \quad l = 1, \ldots, L,
        \qquad \mathbf{X}^{0} = \mathbf{H}

        \mathbf{Y}^{l} &= \textrm{GA}(\textrm{SA}(\mathbf{Y}^{l - 1}), \mathbf{X}^{L}),
        \quad l = 1, \ldots, L, \qquad \mathbf{Y}^{0} = \mathbf{V}

        \mathbf{H}^{\prime} &= \textrm{LayerNorm} \left( \mathbf{H} + \mathbf{W} \,
        \textrm{MultiHead}(\mathbf{X}^{L}, \mathbf{Y}^{L}, \mathbf{Y}^{L}) \right)

    where :math:`\mathbf{H}` are words, :math:`\mathbf{V}` objects,
    :math:`\textrm{SA}(\mathbf{X})` is a transformer layer (multi-head attention,
    feed-forward, residuals and layer norms), and in :math:`\textrm{GA}(\mathbf{Y},
    \mathbf{X})` the queries are :math:`\mathbf{Y}` and the keys and values
    :math:`\mathbf{X}`.

    What was adapted:

    - Attention runs on the complete graph of a pair instead of padded matrices. Both
      the self-attention and the guided attention of a layer have a feed-forward.
    - The text encoder stands for character and word LSTMs, and its embeddings of the
      labels' pieces for word vectors.
    - The feed-forward after the last attention is the matrix :math:`\mathbf{W}`, which
      starts at zero, and a layer norm stands for a batch norm.

    Without objects, :math:`\mathbf{H}^{\prime} = \textrm{LayerNorm}(\mathbf{H})`.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of attention heads. (default: :obj:`12`)
        num_layers (int, optional): Number of layers :math:`L` of each side.
            (default: :obj:`1`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, without losses

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 12, num_layers: int = 1,
                 dropout: float = 0.1) -> None:
        super().__init__()

        def layers() -> torch.nn.ModuleList:
            return torch.nn.ModuleList(
                AttributeTransformer(attention(channels, heads, dropout), channels,
                                     dropout=dropout) for _ in range(num_layers))

        self.channels = channels
        self.heads = heads
        self.words = layers()
        self.objects = layers()
        self.guided = layers()
        self.last = attention(channels, heads, dropout)
        self.addition = Addition(channels, channels, dropout)

    def reset_parameters(self) -> None:
        for module in self.children():
            reset(module)

    def forward(self, inputs: FusionInput) -> FusionOutput:
        x, y = inputs.words, inputs.objects
        batch_x, batch_y = inputs.word_batch, inputs.object_batch
        size = inputs.batch_size
        edges = all_pairs(batch_x, batch_x, size)
        for layer in self.words:
            x = layer(x, edges)
        edges = all_pairs(batch_y, batch_y, size)
        guides = all_pairs(batch_x, batch_y, size)
        for layer, guided in zip(self.objects, self.guided):
            y = guided((x, layer(y, edges)), guides)
        seen = self.last((y, x), all_pairs(batch_y, batch_x, size))
        return FusionOutput(self.addition(inputs.words, seen))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.channels}, heads={self.heads}, '
                f'num_layers={len(self.words)})')
