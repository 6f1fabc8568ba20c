r"""What of a computation is differentiated: backwards, forwards, and mapped over."""
from contextlib import contextmanager
from typing import Iterator, List

import numpy as np
import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd import forward_ad


@contextmanager
def tracking(on: bool) -> Iterator[None]:
    r"""As :class:`torch.set_grad_enabled`, and the same for the slopes of forward mode,
    which that leaves as they are: half of a plan's change would be worse than none."""
    forward = on and torch._C._is_fwd_grad_enabled()
    with torch.set_grad_enabled(on), forward_ad._set_fwd_grad_enabled(forward):
        yield


def is_tracked(*tensors: Tensor) -> bool:
    r"""Whether any of them has a slope, in backward or in forward mode."""
    if not torch.is_grad_enabled():
        return False
    if any(x.requires_grad for x in tensors):
        return True
    return forward_ad._current_level >= 0 and any(
        forward_ad.unpack_dual(x).tangent is not None for x in tensors)


def refuse_vmap(*tensors: Tensor) -> None:
    r"""Refuses tensors that :func:`torch.func.vmap` maps over: a pair stops by its own
    error, of which that knows nothing."""
    if torch.compiler.is_compiling():
        return
    for x in tensors:
        while torch._C._functorch.is_functorch_wrapped_tensor(x):
            if torch._C._functorch.is_batchedtensor(x):
                raise RuntimeError(
                    "Expected tensors without a dimension of torch.func.vmap: solvers "
                    "take a batch of pairs of shape [B, n, m] and stop each by its own "
                    "error, so give the mapped dimension as that of the batch")
            x = torch._C._functorch.get_unwrapped(x)


@torch.compiler.disable
def as_numpy(x: Tensor) -> np.ndarray:
    r"""Values alone, in double precision, of what a transform of :mod:`torch.func` has
    wrapped too."""
    refuse_vmap(x)
    while torch._C._functorch.is_functorch_wrapped_tensor(x):
        x = torch._C._functorch.get_unwrapped(x)
    with temporarily_clear_interpreter_stack():
        return x.detach().cpu().double().numpy()


def as_integers(x: Tensor) -> List[int]:
    r"""The same as whole numbers; :meth:`torch.Tensor.tolist` does not read what is
    wrapped in PyTorch 2.6."""
    return as_numpy(x).astype(int).tolist()
