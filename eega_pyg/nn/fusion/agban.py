import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import glorot, reset
from torch_geometric.utils import scatter

from eega_pyg.nn.conv.adjacency import edge_softmax
from eega_pyg.nn.conv.arguments import check_heads
from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.parts import Addition, all_pairs


class AGBAN(torch.nn.Module):
    r"""The adversarial gated bilinear attention network from the `"Object-aware
    Multimodal Named Entity Recognition in Social Media Posts with Adversarial Learning"
    <https://ieeexplore.ieee.org/document/9154571>`_ paper.

    Each glimpse :math:`g` weighs all pairs of a word :math:`\mathbf{h}_t` and an object
    :math:`\mathbf{v}_i` in one softmax (`"Bilinear Attention Networks"
    <https://arxiv.org/abs/1805.07932>`_), and a gate says how much of the objects a
    word takes,

    .. math::
        A^g_{ti} &= n \, \underset{t, i}{\textrm{softmax}} \left( \mathbf{p}_g^{\top}
        \left( \textrm{ReLU}(\mathbf{U} \mathbf{h}_t) \circ \textrm{ReLU}(\mathbf{V}
        \mathbf{v}_i) \right) \right), \qquad
        \mathbf{c}_t = \big\Vert_g \sum_i A^g_{ti} \, \textrm{ReLU}(\mathbf{B}_g
        \mathbf{v}_i)

        \mathbf{h}^{\prime}_t &= \textrm{LayerNorm} \left( \mathbf{h}_t + \mathbf{W}
        \left( \sigma(\mathbf{G} [\mathbf{h}_t \, \Vert \, \mathbf{c}_t]) \circ
        \mathbf{c}_t \right) \right)

    with the number of words :math:`n`. A discriminator :math:`D` tells words from
    objects. Words and objects are trained to mislead it, and so come to have one
    distribution,

    .. math::
        \mathcal{L}_{adversarial} = - \tfrac{1}{2} \, \underset{t}{\textrm{mean}} \log
        D(\mathbf{h}_t) - \tfrac{1}{2} \, \underset{i}{\textrm{mean}} \log (1 -
        D(\mathbf{v}_i)).

    One optimiser trains both sides of this game, by gradient reversal: the
    discriminator goes down the gradient of the loss, and what it reads goes up.

    What was adapted:

    - The objects of a scene graph, already of the size of words, stand for pixel
      features that a perceptron maps to it, and the text encoder for the LSTM.
    - The glimpses stand side by side, each on its part of the channels, instead of one
      after the other; their number is that of the heads.
    - The factor :math:`n` gives a word a mass of 1 on average. In BAN's softmax it has
      the less the longer the text is.
    - The discriminator has one hidden layer and no batch norm.

    Without objects, :math:`\mathbf{c}_t = \mathbf{0}`.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of glimpses. (default: :obj:`2`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, with the loss ``adversarial``

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        check_heads(channels, heads)
        self.channels = channels
        self.heads = heads
        self.lin_word = Linear(channels, channels)
        self.lin_object = Linear(channels, channels)
        self.att = torch.nn.Parameter(torch.empty(heads, channels))
        self.lin_value = Linear(channels, channels)
        self.lin_gate = Linear(2 * channels, channels)
        self.addition = Addition(channels, channels, dropout)
        self.discriminator = torch.nn.Sequential(
            Linear(channels, max(channels // 2, 1)),
            torch.nn.ReLU(),
            Linear(max(channels // 2, 1), 1),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in self.children():
            reset(module)
        glorot(self.att)

    def forward(self, inputs: FusionInput) -> FusionOutput:
        x, objects, batch = inputs.words, inputs.objects, inputs.word_batch
        source, target = all_pairs(inputs.object_batch, batch, inputs.batch_size)
        word, thing = self.lin_word(x).relu(), self.lin_object(objects).relu()
        score = (word[target] * thing[source]) @ self.att.t()  # [E, H]
        graph = batch[target]
        num_words = torch.bincount(batch, minlength=inputs.batch_size)
        alpha = edge_softmax(score, graph, None, inputs.batch_size)
        alpha = alpha * num_words[graph].unsqueeze(-1)
        value = self.lin_value(objects).relu().unflatten(-1, (self.heads, -1))
        seen = scatter(alpha.unsqueeze(-1) * value[source], target,
                       dim_size=x.size(0)).flatten(1)
        gate = self.lin_gate(torch.cat([x, seen], dim=-1)).sigmoid()
        losses = {'adversarial': self.game(inputs)} if inputs.with_losses else {}
        return FusionOutput(self.addition(x, gate * seen), losses)

    def game(self, inputs: FusionInput) -> Tensor:
        r"""The loss of the discriminator, whose gradient is reversed before it reaches
        words and objects."""
        loss = torch.zeros(inputs.batch_size, device=inputs.words.device)
        for (x, batch), sign in zip(inputs.sides, (-1, 1)):
            reversed_x = 2 * x.detach() - x  # It is x, and its gradient is -1.
            logit = self.discriminator(reversed_x).squeeze(-1)
            loss = loss + 0.5 * scatter(F.softplus(sign * logit), batch,
                                        dim_size=inputs.batch_size, reduce='mean')
        return inputs.mean(loss)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.channels}, heads={self.heads})'
