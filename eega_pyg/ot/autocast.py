r"""Transport keeps the precision it is given: half of it has no room for a plan."""
from contextlib import ExitStack, contextmanager
from typing import Iterator

import torch
from torch import Tensor


@contextmanager
def no_autocast() -> Iterator[None]:
    r"""Turns :class:`torch.autocast` off, on the CPU and on the accelerator, for a
    block or (as a decorator) for a function."""
    kinds = ['cpu']
    if torch.accelerator.is_available():
        kinds.append(str(torch.accelerator.current_accelerator()))
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def at_least_single(x: Tensor) -> Tensor:
    r"""Numbers of half a precision, as autocast makes them, in single precision."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
