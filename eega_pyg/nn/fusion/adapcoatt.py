import torch
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import glorot, reset
from torch_geometric.utils import scatter

from eega_pyg.nn.conv.adjacency import edge_softmax
from eega_pyg.nn.conv.arguments import check_heads
from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.parts import Addition, all_pairs


class AdapCoAtt(torch.nn.Module):
    r"""The adaptive co-attention network from the `"Adaptive Co-attention Network for
    Named Entity Recognition in Tweets" <https://doi.org/10.1609/aaai.v32i1.11962>`_
    paper.

    Each word :math:`\mathbf{h}_t` looks at the objects :math:`\mathbf{v}_i` of its
    image, and what it has seen looks at the words of its text,

    .. math::
        \hat{\mathbf{v}}_t &= \sum_i \underset{i}{\textrm{softmax}} \left(
        \mathbf{a}^{\top} \tanh(\mathbf{W}_1 \mathbf{v}_i + \mathbf{W}_2 \mathbf{h}_t +
        \mathbf{b}_2) \right) \mathbf{v}_i

        \hat{\mathbf{h}}_t &= \sum_j \underset{j}{\textrm{softmax}} \left(
        \mathbf{c}^{\top} \tanh(\mathbf{W}_3 \mathbf{h}_j + \mathbf{W}_4
        \hat{\mathbf{v}}_t + \mathbf{b}_4) \right) \mathbf{h}_j.

    A gate weighs both, and a second one filters what comes of it,

    .. math::
        \mathbf{p}_t &= \tanh(\mathbf{W}_5 \hat{\mathbf{v}}_t + \mathbf{b}_5), \quad
        \mathbf{q}_t = \tanh(\mathbf{W}_6 \hat{\mathbf{h}}_t + \mathbf{b}_6), \quad
        g_t = \sigma(\mathbf{w}_7^{\top} [\mathbf{p}_t \, \Vert \, \mathbf{q}_t])

        \mathbf{m}_t &= g_t \mathbf{p}_t + (1 - g_t) \mathbf{q}_t, \quad
        s_t = \sigma(\mathbf{w}_8^{\top} [\mathbf{h}_t \, \Vert \, \mathbf{m}_t] + b_8)

        \mathbf{h}^{\prime}_t &= \textrm{LayerNorm} \left( \mathbf{h}_t + \mathbf{W}
        \left( s_t \tanh(\mathbf{W}_9 \mathbf{m}_t + \mathbf{b}_9) \right) \right).

    What was adapted:

    - The objects of a scene graph stand for the regions of VGG-16, and the text encoder
      for the LSTM.
    - Within a :math:`\tanh`, the paper concatenates the two sides. Then the second one
      adds the same to all scores of a softmax, which does not see it: all words would
      look at the same objects. They are added here, as in additive attention.
    - Each head has a vector :math:`\mathbf{a}` and :math:`\mathbf{c}` for its part of
      the channels; the paper has one head.
    - The paper concatenates words and filtered features for its tagger, a CRF; here
      they are added, by a matrix :math:`\mathbf{W}` that starts at zero.

    Without objects, :math:`\hat{\mathbf{v}}_t = \mathbf{0}`.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of attention heads. (default: :obj:`1`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, without losses

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        check_heads(channels, heads)
        self.channels = channels
        self.heads = heads
        self.lin_object = Linear(channels, channels, bias=False)
        self.lin_word = Linear(channels, channels)
        self.att_object = torch.nn.Parameter(torch.empty(heads, channels // heads))
        self.lin_text = Linear(channels, channels, bias=False)
        self.lin_seen = Linear(channels, channels)
        self.att_text = torch.nn.Parameter(torch.empty(heads, channels // heads))
        self.lin_fuse_object = Linear(channels, channels)
        self.lin_fuse_text = Linear(channels, channels)
        self.lin_gate = Linear(2 * channels, 1, bias=False)
        self.lin_filter = Linear(2 * channels, 1)
        self.lin_out = Linear(channels, channels)
        self.addition = Addition(channels, channels, dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in self.children():
            reset(module)
        glorot(self.att_object)
        glorot(self.att_text)

    def forward(self, inputs: FusionInput) -> FusionOutput:
        x, objects, batch = inputs.words, inputs.objects, inputs.word_batch
        edges = all_pairs(inputs.object_batch, batch, inputs.batch_size)
        seen = self._attend(self.att_object, self.lin_object(objects), self.lin_word(x),
                            objects, edges)
        edges = all_pairs(batch, batch, inputs.batch_size)
        text = self._attend(self.att_text, self.lin_text(x), self.lin_seen(seen), x,
                            edges)
        p, q = self.lin_fuse_object(seen).tanh(), self.lin_fuse_text(text).tanh()
        gate = self.lin_gate(torch.cat([p, q], dim=-1)).sigmoid()
        m = gate * p + (1 - gate) * q
        kept = self.lin_filter(torch.cat([x, m], dim=-1)).sigmoid()
        return FusionOutput(self.addition(x, kept * self.lin_out(m).tanh()))

    def _attend(self, weight: Tensor, key: Tensor, query: Tensor, value: Tensor,
                edge_index: Tensor) -> Tensor:
        source, target = edge_index
        score = (key[source] + query[target]).tanh().view(-1, *weight.shape)
        score = (score * weight).sum(dim=-1)  # [E, H]
        alpha = edge_softmax(score, target, None, query.size(0)).unsqueeze(-1)
        out = scatter(alpha * value[source].view(-1, *weight.shape), target,
                      dim_size=query.size(0))
        return out.flatten(1)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.channels}, heads={self.heads})'
