import math
from typing import Union

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from eega_pyg.nn.conv.arguments import check_heads
from eega_pyg.ot.ragged import Layout, single_layout


class ImageToTextAttention(torch.nn.Module):
    r"""Words look at the objects of their own image (Eq. 8).

    .. math::
        \mathbf{O} = \textrm{LayerNorm}(\tilde{\mathbf{O}} + \mathbf{H}_T), \qquad
        \tilde{\mathbf{O}} = \textrm{MultiHead}(\mathbf{H}_T, \mathbf{H}_I,
        \mathbf{H}_I)

    A word of a pair without objects has :math:`\tilde{\mathbf{O}} = \mathbf{0}`.

    Args:
        channels (int): Size of word and object features.
        heads (int, optional): Number of attention heads. (default: :obj:`12`)
        dropout (float, optional): Dropout probability. (default: :obj:`0.1`)
        image_dropout (float, optional): In training, the share of pairs whose words do
            not see their objects. An image belongs to one sentence alone, and by it a
            model can learn training sentences by heart. (default: :obj:`0`)

    Shapes:
        - **input:** word features :math:`(|\mathcal{V}_T|, F)`, their graphs
          :math:`(|\mathcal{V}_T|)`, object features :math:`(|\mathcal{V}_I|, F)`, their
          graphs :math:`(|\mathcal{V}_I|)`
        - **output:** word features :math:`(|\mathcal{V}_T|, F)`

    Raises:
        ValueError: If :obj:`heads` does not divide :obj:`channels`.
    """
    def __init__(self, channels: int, heads: int = 12, dropout: float = 0.1,
                 image_dropout: float = 0.0) -> None:
        super().__init__()
        check_heads(channels, heads)
        self.channels = channels
        self.heads = heads
        self.image_dropout = image_dropout
        self.lin_query = Linear(channels, channels)
        self.lin_key = Linear(channels, channels)
        self.lin_value = Linear(channels, channels)
        self.lin_out = Linear(channels, channels)
        self.norm = torch.nn.LayerNorm(channels)
        self.dropout = torch.nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in (self.lin_query, self.lin_key, self.lin_value, self.lin_out):
            module.reset_parameters()
            torch.nn.init.xavier_uniform_(module.weight)
        # A word starts without the image: a random mixture of objects is the same for
        # all words of a sentence, and would first of all tell sentences apart.
        torch.nn.init.zeros_(self.lin_out.weight)
        torch.nn.init.zeros_(self.lin_out.bias)
        self.norm.reset_parameters()

    def forward(self, x_text: Tensor, batch_text: Union[Tensor, Layout],
                x_image: Tensor, batch_image: Union[Tensor,
                                                    Layout], batch_size: int) -> Tensor:
        words = single_layout(x_text.size(0), batch_text, batch_size)
        objects = single_layout(x_image.size(0), batch_image, batch_size)
        query = words.pad(self.lin_query(x_text))
        key, value = (objects.pad(lin(x_image))
                      for lin in (self.lin_key, self.lin_value))
        mask = objects.mask
        # Rows without any object would be a softmax of nothing: they attend to the
        # (zero) padding and are put to zero below.
        has_object = mask.any(dim=1)
        mask = mask | ~has_object.unsqueeze(1)
        # For a handful of objects, torch's fused attention is not faster.
        score = self._split(query) @ self._split(key).transpose(-1, -2)  # [B, H, N, K]
        score = score / math.sqrt(self.channels // self.heads)
        score = score.masked_fill(~mask[:, None, None], float('-inf'))
        out = score.softmax(dim=-1) @ self._split(value)
        out = words.unpad(self.lin_out(out.transpose(1, 2).flatten(2)))
        seen = has_object
        if self.training and self.image_dropout > 0:
            chance = torch.rand(batch_size, device=seen.device)
            seen = seen & (chance >= self.image_dropout)
        out = self.dropout(out) * seen[words.batch].unsqueeze(-1)
        return self.norm(out + x_text)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, H, N, C]

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.channels}, heads={self.heads})'
