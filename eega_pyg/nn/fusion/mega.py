import torch
from torch import Tensor
from torch_geometric.nn.inits import reset
from torch_geometric.utils import scatter

from eega_pyg.nn.conv.adjacency import edge_softmax
from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.degree_sequences import degree_sequences
from eega_pyg.nn.fusion.parts import Addition, all_pairs, attention


class MEGA(torch.nn.Module):
    r"""Multimodal relation extraction with efficient graph alignment, from the
    `"Multimodal Relation Extraction with Efficient Graph Alignment"
    <https://doi.org/10.1145/3474085.3476968>`_ paper, the baseline of MNRE.

    Words and objects are aligned twice. By structure: a word and an object are alike
    if nodes of the same degrees are near them in their graphs, see
    :func:`~eega_pyg.nn.fusion.degree_sequences`. By meaning: the words attend to the
    objects. A word gets the objects that it is aligned with,

    .. math::
        \mathbf{s}_t &= \sum_i \frac{\exp(- \lVert \mathbf{f}_t - \mathbf{f}_i \rVert)}
        {\sum_j \exp(- \lVert \mathbf{f}_t - \mathbf{f}_j \rVert)} \mathbf{v}_i, \qquad
        \mathbf{a}_t = \textrm{MultiHead}(\mathbf{h}_t, \mathbf{V}, \mathbf{V})

        \mathbf{h}^{\prime}_t &= \textrm{LayerNorm} \left( \mathbf{h}_t + \mathbf{W}
        [\mathbf{a}_t \, \Vert \, \mathbf{s}_t] \right)

    with words :math:`\mathbf{h}_t`, objects :math:`\mathbf{v}_i`, and the degree
    sequences :math:`\mathbf{f}` of both.

    What was adapted:

    - MEGA classifies a given pair of entities. Its objects collect the words that they
      are aligned with, and the sum over all objects stands beside the pair. Here each
      word is tagged, and the alignment is read in the other direction.
    - The graphs are those of the data set: dependencies, and the predicates of a scene
      graph instead of those of a detector. The types of edges are not read, as in the
      paper.
    - Structural similarities are normalised over the objects of a word. They are taken
      of the degree sequences themselves; the released code approximates them by
      embeddings of all nodes, which would differ from batch to batch.
    - :math:`\mathbf{W}` starts at zero.

    Without objects, :math:`\mathbf{h}^{\prime}_t = \textrm{LayerNorm}(\mathbf{h}_t)`.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of attention heads. (default: :obj:`12`)
        num_hops (int, optional): How far degree sequences look. (default: :obj:`2`)
        decay (float, optional): What a hop more weighs in them, as in the released
            code. (default: :obj:`0.1`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, without losses

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 12, num_hops: int = 2,
                 decay: float = 0.1, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.heads = heads
        self.num_hops = num_hops
        self.decay = decay
        self.semantic = attention(channels, heads, dropout)
        self.addition = Addition(channels, 2 * channels, dropout)

    def reset_parameters(self) -> None:
        reset(self.semantic)
        self.addition.reset_parameters()

    def forward(self, inputs: FusionInput) -> FusionOutput:
        x, objects = inputs.words, inputs.objects
        edges = all_pairs(inputs.object_batch, inputs.word_batch, inputs.batch_size)
        source, target = edges
        alpha = edge_softmax(-self._distance(inputs, edges), target, None, x.size(0))
        alpha = alpha.to(objects.dtype).unsqueeze(-1)
        structural = scatter(alpha * objects[source], target, dim_size=x.size(0))
        semantic = self.semantic((objects, x), edges)
        return FusionOutput(
            self.addition(x,
                          torch.cat([semantic, structural.to(semantic.dtype)], -1)))

    def _distance(self, inputs: FusionInput, edges: Tensor) -> Tensor:
        r"""How differently the ends of edges from objects to words are connected."""
        word, thing = (degree_sequences(index, x.size(0), self.num_hops, self.decay)
                       for index, x in ((inputs.word_edge_index, inputs.words),
                                        (inputs.object_edge_index, inputs.objects)))
        return (thing[edges[0]] - word[edges[1]]).norm(dim=-1)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.channels}, heads={self.heads})'
