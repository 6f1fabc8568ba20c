r"""One network of the predicate model."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eega_pyg.vision.predicates.geometry import GEOMETRY_SIZE


class PairNetwork(nn.Module):
    r"""A small residual network over the labels and boxes of a pair:

    .. math::
        \mathbf{h} = \sigma(\mathbf{W}_1 [\mathbf{W}_s \mathbf{e}_s \,\Vert\,
        \mathbf{W}_o \mathbf{e}_o \,\Vert\, \mathbf{g}]), \qquad
        \mathbf{y} = \mathbf{W}_3 (\mathbf{h} + \sigma(\mathbf{W}_2 \mathbf{h})),

    where :math:`\sigma` is a layer normalisation and GELU, :math:`\mathbf{e}` are label
    vectors and :math:`\mathbf{g}` is :func:`~eega_pyg.vision.predicates.geometry`.

    Args:
        label_size (int): Size of a label's vector.
        num_predicates (int): Number of predicates.
        projection (int): Size of a projected label.
        hidden (int): Size of the hidden layers.
        dropout (float, optional): Dropout in training. (default: :obj:`0.3`)

    Shapes:
        - **input:** label vectors of length one :math:`(P, D)` twice, geometry
          :math:`(P, 44)`
        - **output:** a logit of each predicate and, last, of whether the two are
          related at all :math:`(P, C + 1)`
    """
    def __init__(self, label_size: int, num_predicates: int, projection: int,
                 hidden: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.scale = math.sqrt(label_size)
        self.dropout = dropout
        # Statistics of the training pairs; saved with the weights.
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer('mean', torch.zeros(GEOMETRY_SIZE))
        self.register_buffer('std', torch.ones(GEOMETRY_SIZE))
        self.subject = nn.Linear(label_size, projection)
        self.object = nn.Linear(label_size, projection)
        self.first = nn.Linear(2 * projection + GEOMETRY_SIZE, hidden)
        self.first_norm = nn.LayerNorm(hidden)
        self.second = nn.Linear(hidden, hidden)
        self.second_norm = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, num_predicates + 1)

    def encode(self, subject: Tensor, object: Tensor, geometry: Tensor) -> Tensor:
        r"""What the logits are read off :math:`(P, H)`."""
        return self.encode_projected(self.subject(self.scale * subject),
                                     self.object(self.scale * object), geometry)

    def encode_projected(self, subject: Tensor, object: Tensor,
                         geometry: Tensor) -> Tensor:
        r"""The same from labels that went through :obj:`subject` and :obj:`object`."""
        x = torch.cat([subject, object, (geometry - self.mean) / self.std], dim=1)
        x = self._drop(F.gelu(self.first_norm(self.first(x))))
        return x + self._drop(F.gelu(self.second_norm(self.second(x))))

    def forward(self, subject: Tensor, object: Tensor, geometry: Tensor) -> Tensor:
        return self.out(self.encode(subject, object, geometry))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)
