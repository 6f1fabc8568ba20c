r"""What tells one input, file or network from another, the same in every process."""
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Optional, Union

if TYPE_CHECKING:
    from torch import Tensor

#: The place of an object in memory.
_ADDRESS = re.compile(r' at 0x[0-9a-fA-F]+')


def sha256(content: Union[str, bytes]) -> str:
    r"""The SHA-256 of a text (as UTF-8) or of bytes."""
    if isinstance(content, str):
        content = content.encode('utf-8', 'surrogatepass')
    return hashlib.sha256(content).hexdigest()


def digest(value: Any) -> str:
    r"""A short SHA-256 of anything that JSON can hold."""
    return sha256(json.dumps(value, sort_keys=True))[:12]


def file_sha256(path: Union[str, Path]) -> str:
    r"""The SHA-256 of a file's content."""
    with open(path, 'rb') as f:
        total = hashlib.sha256()
        while block := f.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def tensors_sha256(tensors: Mapping[str, 'Tensor']) -> str:
    r"""A SHA-256 of names, types, shapes and values of tensors, *e.g.*, of a network's
    state; their order does not matter."""
    import torch
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f'{name} {tensor.dtype} {list(tensor.shape)}\n'.encode())
        # As bytes: not every type has one in NumPy.
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


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
