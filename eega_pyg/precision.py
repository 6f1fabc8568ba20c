r"""Where matrix products in bfloat16 pay."""
import torch

from eega_pyg.config import TrainConfig


def use_bf16(config: TrainConfig, device: torch.device = torch.device('cpu')) -> bool:
    r"""Whether the products of the training steps are in bfloat16."""
    return config.precision == 'bf16' or (config.precision == 'auto'
                                          and has_fast_bf16(device))


def has_fast_bf16(device: torch.device) -> bool:
    r"""Whether a device has instructions of its own for products in bfloat16; without
    them they are slower than in float32."""
    if device.type == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    return device.type == 'cpu' and supported()
