r"""Where models run."""
import os
from typing import Optional, Union

import torch


def find_device(device: Optional[Union[str, torch.device]] = None) -> torch.device:
    r"""A device by its name, or without one the first accelerator, else the CPU.

    Raises:
        ValueError: If there is no such device here.
    """
    if device is None:
        if torch.accelerator.is_available():
            return torch.accelerator.current_accelerator() or torch.device('cpu')
        return torch.device('cpu')
    try:
        return torch.empty(0, device=device).device
    # Backends raise different errors for an absent device.
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        raise ValueError(f"There is no device '{device}' here, expected cpu, cuda or "
                         f"the like: {str(e).splitlines()[0]}") from None


def is_first_process() -> bool:
    r"""Whether a process is the only one of a run, or the first of several."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    # What torchrun and Lightning tell the processes that they start.
    return all(os.environ.get(name, '0') == '0' for name in ('RANK', 'LOCAL_RANK'))


def has_fast_bf16(device: torch.device) -> bool:
    r"""Whether a device has instructions for products in bfloat16. Without them such
    products are slower than in float32."""
    if device.type == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    return device.type == 'cpu' and supported()
