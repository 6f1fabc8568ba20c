r"""Labels of objects as vectors of a text encoder."""
from typing import Dict, List, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: The encoder of the predicate model's weights.
ENCODER = 'sentence-transformers/all-MiniLM-L6-v2'


class LabelEmbedder:
    r"""The sentence embedding of a label: the mean of what the text encoder says about
    its pieces, with length one. Each label is embedded once.

    A label of which the encoder has no piece (a lone zero-width character, say) is its
    unknown piece.

    Args:
        encoder (str, optional): A text encoder, see
            :func:`~eega_pyg.resolve.load_encoder`.
            (default: :obj:`"sentence-transformers/all-MiniLM-L6-v2"`)

    Raises:
        OSError: If the encoder can be neither found nor downloaded.
    """
    def __init__(self, encoder: str = ENCODER) -> None:
        from eega_pyg.resolve import load_encoder, load_tokenizer
        from eega_pyg.transforms import WordPieces
        self.name = encoder
        self.pieces = WordPieces(load_tokenizer(encoder))
        self.model = load_encoder(encoder).eval()
        self._known: Dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, labels: Sequence[str]) -> Tensor:
        r"""The vectors :obj:`[len(labels), D]`."""
        for label in dict.fromkeys(labels):
            if label not in self._known:
                # One at a time: beside a longer one the last digits would differ.
                ids = torch.tensor([self._input(label)])
                states = self.model(ids).last_hidden_state[0]  # [pieces, D]
                self._known[label] = F.normalize(states.mean(0), dim=0)
        if not labels:
            return torch.zeros(0, self.model.config.hidden_size)
        return torch.stack([self._known[label] for label in labels])

    def _input(self, label: str) -> List[int]:
        special = self.pieces.tokenizer.encode('').ids
        inner = self.pieces.label(label)[:self.pieces.max_pieces - len(special)]
        return [*special[:1], *inner, *special[1:]]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.name}')"
