from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import reset
from torch_geometric.utils import scatter

from eega_pyg.nn.fusion.contract import FusionInput, FusionOutput
from eega_pyg.nn.fusion.parts import Addition, all_pairs, attention


class MAF(torch.nn.Module):
    r"""The matching and alignment framework from the `"MAF: A General Matching and
    Alignment Framework for Multimodal Named Entity Recognition"
    <https://doi.org/10.1145/3488560.3498475>`_ paper.

    Words see the objects only so far as text and image match, and through a gate,

    .. math::
        \hat{\mathbf{v}}_t &= \textrm{MultiHead}(\mathbf{h}_t, \mathbf{V}, \mathbf{V}),
        \qquad p = \sigma \left( \underset{t}{\textrm{mean}} \, \mathbf{w}^{\top}
        [\mathbf{h}_t \, \Vert \, \hat{\mathbf{v}}_t] + b \right)

        \mathbf{h}^{\prime}_t &= \textrm{LayerNorm} \left( \mathbf{h}_t + \mathbf{W}
        \left( \sigma(\mathbf{W}_1 \mathbf{h}_t + p \mathbf{W}_2 \hat{\mathbf{v}}_t +
        \mathbf{b}_2) \circ p \hat{\mathbf{v}}_t \right) \right).

    Two losses need no labels. The matching of a pair :math:`b` is to be probable, and
    that of its text with the image of the pair before in the batch is not to be,

    .. math::
        \mathcal{L}_{matching} = - \underset{b}{\textrm{mean}} \, \tfrac{1}{2} \left(
        \log p_b + \log (1 - p_{b, b - 1}) \right).

    And text and image, the means of their nodes through a perceptron each, are to be
    nearest to one another in the batch,

    .. math::
        \mathcal{L}_{contrast} = - \underset{b}{\textrm{mean}} \left( \lambda \log
        \frac{e^{\cos(\mathbf{t}_b, \mathbf{i}_b) / \tau}}{\sum_c e^{\cos(\mathbf{t}_b,
        \mathbf{i}_c) / \tau}} + (1 - \lambda) \log \frac{e^{\cos(\mathbf{t}_b,
        \mathbf{i}_b) / \tau}}{\sum_c e^{\cos(\mathbf{t}_c, \mathbf{i}_b) / \tau}}
        \right).

    What was adapted:

    - The objects of a scene graph stand for the 49 regions of ResNet-152, and their
      mean for the whole image.
    - The paper's classifier reads all 128 places of a padded sentence; here its scores
      are a mean over the words. A text whose image was exchanged is not tagged.
    - Two pairs of the same image are no wrong pair, and pairs without objects count in
      neither loss.
    - The paper concatenates words and gated objects for its tagger, a CRF; here they
      are added, by a matrix :math:`\mathbf{W}` that starts at zero.

    Without objects, :math:`\mathbf{h}^{\prime}_t = \textrm{LayerNorm}(\mathbf{h}_t)`.

    Args:
        channels (int): Size of words and objects.
        heads (int, optional): Number of attention heads. (default: :obj:`12`)
        temperature (float, optional): The temperature :math:`\tau`, as in the released
            code. (default: :obj:`0.179`)
        balance (float, optional): The weight :math:`\lambda` of finding the image, as
            in the released code. (default: :obj:`0.7`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)

    Shapes:
        - **input:** :class:`FusionInput`
        - **output:** :class:`FusionOutput`, with the losses ``matching`` and
          ``contrast``

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 12, temperature: float = 0.179,
                 balance: float = 0.7, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.heads = heads
        self.temperature = temperature
        self.balance = balance
        self.attention = attention(channels, heads, dropout)
        self.lin_match = Linear(2 * channels, 1)
        self.lin_word = Linear(channels, channels, bias=False)
        self.lin_seen = Linear(channels, channels)
        self.addition = Addition(channels, channels, dropout)
        self.views = torch.nn.ModuleList(
            torch.nn.Sequential(Linear(channels, channels), torch.nn.ReLU(),
                                Linear(channels, channels)) for _ in range(2))

    def reset_parameters(self) -> None:
        for module in self.children():
            reset(module)

    def forward(self, inputs: FusionInput) -> FusionOutput:
        x, batch = inputs.words, inputs.word_batch
        seen, logit = self._look(inputs, 0)
        seen = logit.sigmoid()[batch].unsqueeze(-1) * seen
        gate = (self.lin_word(x) + self.lin_seen(seen)).sigmoid()
        losses = self.losses(inputs, logit) if inputs.with_losses else {}
        return FusionOutput(self.addition(x, gate * seen), losses)

    def _look(self, inputs: FusionInput, shift: int) -> Tuple[Tensor, Tensor]:
        r"""What each word sees of the image so many pairs before, and the score of the
        match of each pair."""
        x, batch = inputs.words, inputs.word_batch
        other = (batch - shift) % inputs.batch_size
        edges = all_pairs(inputs.object_batch, other, inputs.batch_size)
        seen = self.attention((inputs.objects, x), edges)
        score = self.lin_match(torch.cat([x, seen], dim=-1)).squeeze(-1)
        return seen, scatter(score, batch, dim_size=inputs.batch_size, reduce='mean')

    def losses(self, inputs: FusionInput, logit: Tensor) -> Dict[str, Tensor]:
        r"""Both losses, given the scores of the pairs themselves. :math:`(B)`"""
        has, image = inputs.has_objects, inputs.image
        wrong = has.roll(1) & (image != image.roll(1))
        matching = 0.5 * (F.softplus(-logit) +
                          F.softplus(self._look(inputs, 1)[1]) * wrong)

        means = (scatter(x, batch, dim_size=inputs.batch_size, reduce='mean')
                 for x, batch in inputs.sides)
        text, picture = (F.normalize(view(x), dim=-1)
                         for view, x in zip(self.views, means))
        cosine = text @ picture.t() / self.temperature  # [B, B]
        same = image.unsqueeze(1) == image
        same.fill_diagonal_(False)
        hidden = same | ~has | ~has.unsqueeze(1)
        hidden.fill_diagonal_(False)
        cosine = cosine.masked_fill(hidden, float('-inf'))
        found = (self.balance * cosine.log_softmax(dim=1).diagonal() +
                 (1 - self.balance) * cosine.log_softmax(dim=0).diagonal())
        return {
            'matching': inputs.mean(matching),
            'contrast': inputs.mean(-found),
        }

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.channels}, heads={self.heads})'
