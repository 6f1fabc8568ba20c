r"""What tells one input of a data set from another, the same in every process."""
import hashlib
import json
import re
from functools import lru_cache
from typing import Any, Callable, List, Optional

from eega_pyg.resolve import load_tokenizer
from eega_pyg.transforms import WordPieces

#: The place of an object in memory.
_ADDRESS = re.compile(r' at 0x[0-9a-fA-F]+')


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


def function_identity(function: Optional[Callable]) -> List[Any]:
    r"""Tells functions by name, code and default arguments; objects by what their
    method ``identity`` gives, or without one by their :func:`repr`, as that of a
    transform states its arguments. What a function closes over is not seen.

    Raises:
        ValueError: If a :func:`repr` is another one in each process.
    """
    identity = getattr(function, 'identity', None)
    if identity is not None:
        return [type(function).__qualname__, *identity()]
    code = getattr(function, '__code__', None)
    if code is None:
        return [_lasting(function)]
    names = [
        getattr(function, '__module__'),
        getattr(function, '__qualname__'), *code.co_names
    ]
    constants = [repr(c) for c in code.co_consts if not hasattr(c, 'co_code')]
    defaults = [
        _lasting(getattr(function, name, None))
        for name in ('__defaults__', '__kwdefaults__')
    ]
    return [*names, *constants, *defaults, code.co_code.hex()]


def _lasting(value: Any) -> str:
    text = repr(value)
    if _ADDRESS.search(text):
        raise ValueError(
            f"What is built with {text} could not be found again, for that "
            f"is another one in each process: give it a method 'identity' "
            f"or a '__repr__' that states its arguments")
    return text


def digest(value: Any) -> str:
    r"""A short SHA-256 of anything that JSON can hold."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
