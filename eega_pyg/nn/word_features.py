from typing import Any, Mapping, cast

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from eega_pyg.nn.conv.arguments import check_keys, check_rows, check_types


class WordFeatures(torch.nn.Module):
    r"""What else is known of words, as vectors that :class:`TextEncoder` adds to the
    embeddings of their pieces (not in the paper): embeddings of types, *e.g.*, their
    parts of speech or shapes, and a projection of vectors of their own. All of it
    starts at zero, so that a pretrained encoder starts as it is.

    Args:
        sizes (dict): The number of types of each kind, by its name.
        vector_dim (int): Size of the words' own vectors, :obj:`0` without any.
        out_channels (int): Size of the encoder's embeddings.
        dropout (float, optional): Dropout probability of the vectors.
            (default: :obj:`0.1`)

    Shapes:
        - **input:** a mapping with the types of each kind :math:`(|\mathcal{V}|)` and,
          where there are any, the words' vectors as ``vector``
          :math:`(|\mathcal{V}|, D)`
        - **output:** :math:`(|\mathcal{V}|, F)`
    """
    def __init__(self, sizes: Mapping[str, int], vector_dim: int, out_channels: int,
                 dropout: float = 0.1) -> None:
        super().__init__()
        self.vector_dim = vector_dim
        self.embs = torch.nn.ModuleDict({
            name: torch.nn.Embedding(size, out_channels)
            for name, size in sizes.items()
        })
        if vector_dim > 0:
            self.norm = torch.nn.LayerNorm(vector_dim, elementwise_affine=False)
            self.dropout = torch.nn.Dropout(dropout)
            self.lin = Linear(vector_dim, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for param in self.parameters():
            torch.nn.init.zeros_(param)

    def forward(self, words: Mapping[str, Any]) -> Tensor:
        vectors = ['vector'] if self.vector_dim > 0 else []
        keys = [*self.embs, *vectors]
        check_keys('words', words, keys)
        num_words = len(words[keys[0]]) if keys else 0
        for name, emb in self.embs.items():
            check_types(name, words[name], num_words,
                        cast(torch.nn.Embedding, emb).num_embeddings)
        parts = [emb(words[name].long()) for name, emb in self.embs.items()]
        if self.vector_dim > 0:
            check_rows('vector', words['vector'], num_words, self.vector_dim)
            vector = self.norm(words['vector'].to(self.lin.weight.dtype))
            parts.append(self.lin(self.dropout(vector)))
        return torch.stack(parts).sum(dim=0)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({list(self.embs)}, {self.vector_dim})'
