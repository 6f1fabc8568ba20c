r"""The optimiser and the learning rates of a run."""
from typing import Any, Dict, List, Tuple

import torch

from eega_pyg.config import TrainConfig
from eega_pyg.device import has_fast_bf16

_ENCODER = {'text_encoder', 'word_features'}


def configure_optimizer(module: torch.nn.Module, config: TrainConfig, total: int,
                        epochs: int) -> Dict[str, Any]:
    r"""AdamW with its schedule, in Lightning's form.

    Args:
        module (torch.nn.Module): What is trained; parameters of its ``text_encoder``,
            and of the ``word_features`` that it reads, have a learning rate of their
            own.
        config (TrainConfig): Learning rates, weight decay and schedule.
        total (int): Number of steps.
        epochs (int): Number of epochs.
    """
    groups: Dict[Tuple[bool, bool], List[torch.nn.Parameter]] = {}
    for name, param in module.named_parameters():
        if param.requires_grad:
            encoder = not _ENCODER.isdisjoint(name.split('.'))
            key = (encoder, param.dim() > 1)
            groups.setdefault(key, []).append(param)
    optimizer = torch.optim.AdamW(
        [{
            'params': params,
            'lr': config.lr_encoder if encoder else config.lr,
            'weight_decay': config.weight_decay if matrix else 0.0,
        } for (encoder, matrix), params in groups.items()], fused=True)

    warmup = max(int(config.warmup * total), 1)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return max(total - step, 0) / max(total - warmup, 1)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {
        'optimizer': optimizer,
        'lr_scheduler': {
            'scheduler': scheduler,
            'interval': 'step'
        },
    }


def use_bf16(config: TrainConfig, device: torch.device = torch.device('cpu')) -> bool:
    r"""Whether the products of the training steps are in bfloat16."""
    return config.precision == 'bf16' or (config.precision == 'auto'
                                          and has_fast_bf16(device))
