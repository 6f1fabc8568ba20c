r"""Splits words and labels into the word pieces of a text encoder."""
import json
from typing import TYPE_CHECKING, Any, List, NamedTuple, Protocol, Sequence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# The number of positions if the tokenizer states none.
_MAX_PIECES = 512


class Pieces(NamedTuple):
    r"""The pieces of a list of words.

    Args:
        input_ids (list of int): The piece ids, with the encoder's special pieces.
        words (list of int): The word of each piece; :obj:`-1` for a special piece.
    """
    input_ids: List[int]
    words: List[int]


class WordPieceTokenizer(Protocol):
    r"""Splits words and labels into the ids of word pieces, as :class:`WordPieces`
    does."""
    def words(self, words: Sequence[str]) -> Pieces:
        ...

    def label(self, label: str) -> List[int]:
        ...


class WordPieces:
    r"""Splits each word into the pieces of a text encoder.

    Tokenizers of RoBERTa's kind cut a word in another way behind a blank; all words and
    labels are cut as if there were one. A word without any piece (*e.g.*, a zero-width
    character) gets the unknown piece. If
    there are more pieces than the encoder has positions, the longest words lose their
    last pieces.

    Args:
        tokenizer (transformers.PreTrainedTokenizerBase): A fast tokenizer, see
            :func:`~eega_pyg.resolve.load_tokenizer`.

    Raises:
        ValueError: If the tokenizer is not a fast one or has no unknown piece.
    """
    def __init__(self, tokenizer: 'PreTrainedTokenizerBase') -> None:
        if not tokenizer.is_fast:
            raise ValueError(f"Expected a fast tokenizer (got "
                             f"'{type(tokenizer).__name__}')")
        # Not `unk_token_id`, which looks for it for ever where it is not a piece.
        unknown = tokenizer.backend_tokenizer.token_to_id(str(tokenizer.unk_token))
        if unknown is None:
            raise ValueError(f"Expected a tokenizer with an unknown piece (got "
                             f"'{type(tokenizer).__name__}')")
        self.name = tokenizer.name_or_path
        self.unknown: int = unknown
        # A copy, because other callers may change how the original truncates and pads.
        backend = tokenizer.backend_tokenizer
        content = backend.to_str()
        self.tokenizer = type(backend).from_str(content)
        self.blank = ' ' if _needs_blank(json.loads(content)['pre_tokenizer']) else ''
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        # A tokenizer without a limit states a number like 1e30.
        limit = tokenizer.model_max_length
        self.max_pieces = int(limit) if limit < 1e6 else _MAX_PIECES

    def words(self, words: Sequence[str]) -> Pieces:
        r"""The pieces of a sentence, special pieces included.

        Raises:
            ValueError: If there are more words than the encoder has positions.
        """
        encoding = self.tokenizer.encode([self.blank + word for word in words],
                                         is_pretokenized=True)
        ids, of_word = encoding.ids, encoding.word_ids
        pieces: List[List[int]] = [[] for _ in words]
        for piece, word in zip(ids, of_word):
            if word is not None:
                pieces[word].append(piece)
        pieces = [p or [self.unknown] for p in pieces]

        inner = [i for i, word in enumerate(of_word) if word is not None]
        # If no word has a piece, there is only one special piece on each side.
        first, last = (inner[0], inner[-1] + 1) if inner else (1, 1)
        before, after = ids[:first], ids[last:]
        room = self.max_pieces - len(before) - len(after)
        if len(words) > room:
            raise ValueError(f"A text of {len(words)} words does not fit into the "
                             f"encoder's {self.max_pieces} pieces: use a smaller "
                             f"'max_words'")
        most = max(len(p) for p in pieces)
        while sum(min(len(p), most) for p in pieces) > room:
            most -= 1
        pieces = [p[:most] for p in pieces]

        return Pieces(
            [*before, *(i for p in pieces for i in p), *after],
            [
                *(-1 for _ in before), *(word for word, p in enumerate(pieces)
                                         for _ in p), *(-1 for _ in after)
            ],
        )

    def label(self, label: str) -> List[int]:
        r"""The pieces of an object's label, at least one, without special pieces."""
        ids = self.tokenizer.encode(self.blank + label, add_special_tokens=False).ids
        return ids or [self.unknown]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.name}')"


def _needs_blank(spec: Any) -> bool:
    r"""Whether a part of a tokenizer works on bytes and adds no blank by itself."""
    parts = (spec or {}).get('pretokenizers', [spec])
    return any(part is not None and part['type'] == 'ByteLevel'
               and not part['add_prefix_space'] for part in parts)
