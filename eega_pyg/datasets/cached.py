r"""Parsers and tokenizers, loaded once for all splits."""
import json
from functools import lru_cache

from eega_pyg.identity import digest
from eega_pyg.parsing import Parser
from eega_pyg.resolve import load_tokenizer
from eega_pyg.transforms import WordPieces


@lru_cache(maxsize=2)
def cached_parser(name: str, vectors: bool = False) -> Parser:
    r"""A parser, see :class:`~eega_pyg.parsing.Parser`."""
    return Parser(name, vectors=vectors)


@lru_cache(maxsize=2)
def cached_pieces(encoder: str) -> WordPieces:
    r"""The word pieces of an encoder."""
    return WordPieces(load_tokenizer(encoder))


@lru_cache(maxsize=2)
def encoder_identity(encoder: str) -> str:
    r"""A digest of the content of an encoder's tokenizer. A saved model has the same
    tokenizer under another name, and so the same digest."""
    pieces = cached_pieces(encoder)
    content = json.loads(pieces.tokenizer.to_str())
    return digest([content, pieces.max_pieces, pieces.blank])
