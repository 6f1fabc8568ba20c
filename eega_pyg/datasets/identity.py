r"""What tells one input of a data set from another, the same in every process."""
import hashlib
import json
from functools import lru_cache
from typing import Any, Callable, List, Optional

from eega_pyg.resolve import load_tokenizer
from eega_pyg.transforms import WordPieces


@lru_cache(maxsize=2)
def cached_pieces(encoder: str) -> WordPieces:
    r"""The word pieces of an encoder, loaded once."""
    return WordPieces(load_tokenizer(encoder))


@lru_cache(maxsize=2)
def encoder_identity(encoder: str) -> str:
    r"""Tells tokenizers by their content: a saved model brings the same one under
    another name."""
    pieces = cached_pieces(encoder)
    return digest([json.loads(pieces.tokenizer.to_str()), pieces.max_pieces])


def function_identity(function: Optional[Callable]) -> List[str]:
    r"""Tells functions by name and code, objects by their :func:`repr`, as that of a
    transform states its arguments. What a function closes over is not seen."""
    code = getattr(function, '__code__', None)
    if code is None:
        return [repr(function)]
    names = [
        getattr(function, '__module__'),
        getattr(function, '__qualname__'), *code.co_names
    ]
    constants = [repr(c) for c in code.co_consts if not hasattr(c, 'co_code')]
    return [*names, *constants, code.co_code.hex()]


def digest(value: Any) -> str:
    r"""A short SHA-256 of anything that JSON can hold."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
