r"""Transport keeps the precision it is given: half of it has no room for a plan."""
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Iterator, Tuple

import torch
from torch import Tensor


@contextmanager
def no_autocast() -> Iterator[None]:
    r"""Turns :class:`torch.autocast` off, on the CPU and on the accelerator, for a
    block or (as a decorator) for a function."""
    on = [kind for kind in _kinds() if torch.is_autocast_enabled(kind)]
    with ExitStack() as stack:
        for kind in on:
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@cache
def _kinds() -> Tuple[str, ...]:
    if not torch.accelerator.is_available():
        return ('cpu', )
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None
    return 'cpu', accelerator.type


def at_least_single(x: Tensor) -> Tensor:
    r"""Numbers of half a precision, as autocast makes them, in single precision."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
