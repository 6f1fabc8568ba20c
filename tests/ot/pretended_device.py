r"""A second device that any machine has: its tensors are the processor's, but they say
that they are elsewhere, may not meet tensors that are not, and count how often the host
waits for a value of them, as it does for an accelerator's."""
import sys
from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

import eega_pyg

#: A device type of PyTorch for which no backend is needed to differentiate.
DEVICE = torch.device('lazy:0')

aten = torch.ops.aten
#: What has a size that depends on values, or is a value, on the host.
_READS = {
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.bincount,
    aten._unique2, aten.unique_dim, aten.unique_consecutive,
    aten.unique_dim_consecutive, aten.equal
}


class Elsewhere(Tensor):
    r"""A tensor of :obj:`DEVICE`."""
    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> 'Elsewhere':
        out = Tensor._make_wrapper_subclass(cls, here.size(), strides=here.stride(),
                                            storage_offset=here.storage_offset(),
                                            dtype=here.dtype, device=DEVICE)
        out.here = here
        return out

    def __repr__(self) -> str:
        return f'Elsewhere({self.here})'

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class Device(TorchDispatchMode):
    r"""Makes what is asked for on :obj:`DEVICE`, and counts reads.

    Args:
        reads (Counter): How often the host waited at each place of the package.
    """
    def __init__(self) -> None:
        super().__init__()
        self.reads: 'Counter[str]' = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if _is_read(func, args, kwargs):
            self.reads[_place()] += 1
        return _run(func, args, kwargs)


class _FromValues(TorchFunctionMode):
    r"""Tensors of Python's values are made below the level of :class:`Device`."""
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is Tensor.new_tensor:
            kwargs = {'dtype': args[0].dtype, 'device': args[0].device, **kwargs}
            func, args = torch.tensor, args[1:]
        if func is Tensor.tolist and isinstance(args[0], Elsewhere):
            return args[0].cpu().tolist()
        if func is Tensor.__getitem__ and isinstance(args[0], Elsewhere):
            index = args[1] if isinstance(args[1], tuple) else (args[1], )
            args = args[0], tuple(
                Elsewhere(torch.tensor(i)) if isinstance(i, list) else i for i in index)
        device = kwargs.get('device')
        if func in (torch.tensor, torch.as_tensor) and device is not None:
            if torch.device(device).type == DEVICE.type:
                x = func(*args, **{**kwargs, 'device': None})
                return x if isinstance(x, Elsewhere) else Elsewhere(x)
        return func(*args, **kwargs)


@contextmanager
def pretended_device() -> Iterator[Device]:
    r"""Where there is :obj:`DEVICE`. What is differentiated is so by one thread."""
    autocast = torch.autocast

    def known(device_type: str, *args: Any, **kwargs: Any) -> Any:
        device_type = 'cpu' if device_type == DEVICE.type else device_type
        return autocast(device_type, *args, **kwargs)

    with (torch.autograd.set_multithreading_enabled(False), _FromValues(),
          mock.patch.object(torch, 'autocast', known), Device() as device):
        yield device


def send(x: Any) -> Any:
    r"""A tensor, a module or data, on :obj:`DEVICE`."""
    if isinstance(x, torch.nn.Module):
        for module in x.modules():
            for values in (module._parameters, module._buffers):
                for name, value in values.items():
                    if value is not None:
                        there = Elsewhere(value.detach())
                        if isinstance(value, torch.nn.Parameter):
                            there = torch.nn.Parameter(there, value.requires_grad)
                        values[name] = there
        return x
    if hasattr(x, 'apply'):
        return x.apply(Elsewhere)
    return tree_map(lambda t: Elsewhere(t) if isinstance(t, Tensor) else t, x)


def fetch(x: Any) -> Any:
    r"""The same on the processor."""
    return tree_map(lambda t: t.here if isinstance(t, Elsewhere) else t, x)


def send_to_cuda(x: Any) -> Any:
    r"""What :func:`send` does, to the device that is there."""
    if hasattr(x, 'to'):
        return x.to('cuda')
    return tree_map(lambda t: t.to('cuda') if isinstance(t, Tensor) else t, x)


#: What moves things, and where they then are: where there is CUDA, also to it.
DEVICES = {
    'pretended': (send, pretended_device),
    **({
        'cuda': (send_to_cuda, nullcontext)
    } if torch.cuda.is_available() else {})
}


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    device = kwargs.get('device')
    device = None if device is None else torch.device(device)
    flat, _ = tree_flatten((args, kwargs))
    there = [t for t in flat if isinstance(t, Elsewhere)]
    packet = func.overloadpacket
    if there and packet not in (aten._to_copy, aten.copy_):
        for t in flat:
            if isinstance(t, Tensor) and not isinstance(t, Elsewhere) and t.dim() > 0:
                raise RuntimeError(f'{func}: expected all tensors to be on the same '
                                   f'device, found {DEVICE} and {t.device}')
    if device is not None and device.type == DEVICE.type:
        out = func(*fetch(args), **{**fetch(kwargs), 'device': 'cpu'})
        return tree_map(_send, out)
    out = func(*fetch(args), **fetch(kwargs))
    if not there or (packet is aten._to_copy and device is not None):
        return out
    if packet is aten.copy_:
        return args[0]
    return return_and_correct_aliasing(func, args, kwargs, tree_map(_send, out))


def _send(x: Any) -> Any:
    return Elsewhere(x) if isinstance(x, Tensor) else x


def _is_read(func: Any, args: Any, kwargs: Any) -> bool:
    flat, _ = tree_flatten((args, kwargs))
    if not any(isinstance(t, Elsewhere) for t in flat):
        return False
    packet = func.overloadpacket
    if packet is aten._to_copy:
        return kwargs.get('device') is not None and torch.device(
            kwargs['device']).type == 'cpu'
    if packet is aten.copy_:
        return not isinstance(args[0], Elsewhere)
    if packet is aten.repeat_interleave:
        return kwargs.get('output_size') is None and len(args) < 2
    if packet in (aten.index, aten.index_put, aten.index_put_):
        return any(t is not None and t.dtype == torch.bool for t in args[1])
    return packet in _READS


def _place() -> str:
    root = eega_pyg.__path__[0]
    frame: Any = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.startswith(root):
        frame = frame.f_back
    if frame is None:
        return 'elsewhere'
    return f'{frame.f_code.co_filename[len(root) + 1:]}:{frame.f_lineno}'
