r"""What tells one function or object from another, the same in every process."""
import json
import re
from dis import get_instructions
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any, Callable, List, Optional, Set, Tuple

import numpy as np
from torch import Tensor
from torch_geometric.transforms import BaseTransform

from eega_pyg.identity import sha256, tensors_sha256

#: The place of an object in memory.
_ADDRESS = re.compile(r' at 0x[0-9a-fA-F]+')
# The constants of a class that are part of the identity of a function.
_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)


def function_identity(function: Optional[Callable]) -> List[Any]:
    r"""Tells functions by name, code and default arguments, by what they close over,
    and by the globals that they name (of other modules' functions and classes the name
    alone counts, of own classes their constants); transforms of PyG by their
    attributes; and other objects by what their method ``identity`` gives, or without
    one by their :func:`repr`.

    Raises:
        ValueError: If a :func:`repr` is another one in each process.
    """
    found = _identity(function, [])
    return found if isinstance(found, list) else [found]


def _identity(value: Any, seen: List[Any], strict: bool = True) -> Any:
    r"""The identity of anything; with :obj:`strict` that of an object without one is an
    error, else it is that of its class. Functions that were :obj:`seen` are named."""
    def of(other: Any) -> Any:
        return _identity(other, seen, strict)

    if isinstance(value, (list, tuple)):
        return [type(value).__qualname__, *map(of, value)]
    if isinstance(value, (set, frozenset)):
        return [type(value).__qualname__, *sorted(json.dumps(of(v)) for v in value)]
    if isinstance(value, dict):
        return [type(value).__qualname__, *([of(k), of(v)] for k, v in value.items())]
    if isinstance(value, (type, ModuleType, BuiltinFunctionType)):
        return getattr(value, '__qualname__', value.__name__)
    if isinstance(value, partial):
        return ['partial', of(value.func), of(value.args), of(value.keywords)]
    if isinstance(value, MethodType):
        return [of(value.__func__), of(value.__self__)]
    if isinstance(value, FunctionType):
        return _of_function(value, seen)
    if callable(getattr(value, 'identity', None)):
        return [type(value).__qualname__, *value.identity()]
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return [str(value.dtype), list(value.shape), sha256(value.tobytes())]
    if isinstance(value, Tensor):
        return tensors_sha256({'': value})
    if isinstance(value, BaseTransform):  # Most have a `repr` without arguments.
        return [type(value).__qualname__, of(vars(value))]
    text = repr(value)
    if _ADDRESS.search(text) is None:
        return text
    if not strict:
        return type(value).__qualname__
    raise ValueError(f"What is built with {text} could not be found again, for that "
                     f"is another one in each process: give it a method 'identity' "
                     f"or a '__repr__' that states its arguments")


def _of_function(function: FunctionType, seen: List[Any]) -> List[Any]:
    name = [function.__module__, function.__qualname__]
    if function in seen:
        return name
    seen.append(function)
    own = getattr(function, 'identity', None)
    if own is not None:
        return [*name, *own()]
    cells = [_cell(cell) for cell in function.__closure__ or ()]
    constants, loaded = _of_code(function.__code__)
    named = function.__globals__
    used = {
        n: _constants(named[n]) if isinstance(named[n], type) else named[n]
        for n in sorted(loaded & named.keys()) if _counts(named[n], function.__module__)
    }
    return [
        *name, constants,
        _identity([function.__defaults__, function.__kwdefaults__], seen),
        _identity([cells, used], seen, strict=False)
    ]


def _counts(value: Any, module: str) -> bool:
    r"""Whether a global that a function names says what the function does. What another
    module defines is known by its name alone."""
    if isinstance(value, (type, FunctionType)):
        return value.__module__ == module
    return not isinstance(value, (ModuleType, BuiltinFunctionType))


def _constants(kind: type) -> Any:
    r"""The constants of a class."""
    return {
        name: value
        for name, value in sorted(vars(kind).items())
        if isinstance(value, _PLAIN) and not name.startswith('__')
    }


def _cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # What it closes over is not there yet.
        return None


def _of_code(code: CodeType) -> Tuple[List[Any], Set[str]]:
    r"""What tells one code from another, with that of functions within it, and the
    global names that it loads."""
    found: List[Any] = [code.co_code.hex(), *code.co_names]
    loaded = {i.argval for i in get_instructions(code) if i.opname == 'LOAD_GLOBAL'}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner, names = _of_code(constant)
            loaded |= names
        else:
            inner = _identity(constant, [])
        found.append(inner)
    return found, loaded
