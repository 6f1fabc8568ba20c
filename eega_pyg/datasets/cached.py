r"""Parsers and tokenizers that are loaded once, however many splits are opened."""
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
    r"""Tells tokenizers by their content: a saved model brings the same one under
    another name."""
    pieces = cached_pieces(encoder)
    return digest([json.loads(pieces.tokenizer.to_str()), pieces.max_pieces])
