r"""On which devices a run trains, and how its processes meet.

A step has the same examples however many devices there are: each process has its part
of every batch, and the gradients are those of the whole (`"PyTorch Distributed:
Experiences on Accelerating Data Parallel Training"
<https://arxiv.org/abs/2006.15704>`_). One process, the first, prepares and writes
everything.
"""
import os
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Dict, Iterator, Tuple

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.distributed import is_torchelastic_launched

from eega_pyg.config import TrainConfig
from eega_pyg.files import short_reason

# The others wait while the first builds data, asks teachers and pretrains. Whoever has
# started the processes ends all if one of them dies.
_PATIENCE = timedelta(days=7)
# What is in the message when the connection to another process is lost.
_LOST = ('Connection closed', 'Connection reset', 'Connection refused', 'Broken pipe',
         'NCCL', 'gloo')


def world(config: TrainConfig) -> Tuple[int, int]:
    r"""The number of devices of each node and that of nodes: what ``torchrun`` says, if
    it has started the process, otherwise what the options of a run say.

    Raises:
        ValueError: Naming the option, if it says something else than ``torchrun``.
    """
    if not is_torchelastic_launched():
        return config.devices, config.nodes
    devices = int(os.environ['LOCAL_WORLD_SIZE'])
    nodes = int(os.environ['WORLD_SIZE']) // devices
    for name, asked, there in (('devices', config.devices, devices),
                               ('nodes', config.nodes, nodes)):
        if asked not in (1, there):
            raise ValueError(f"train.{name}: torchrun has started {there} (got "
                             f"{asked}): leave the option out")
    return devices, nodes


def device_options(config: TrainConfig) -> Dict[str, Any]:
    r"""What Lightning's trainer has to know of the devices.

    Raises:
        ValueError: As :func:`world`; or if a batch has too few pairs for all devices.
    """
    devices, nodes = world(config)
    if config.batch_size < devices * nodes:
        raise ValueError(f"train.batch_size: a step of {config.batch_size} pairs is "
                         f"too small for {devices * nodes} devices, of which each "
                         f"needs one")
    strategy: Any = 'auto'
    if devices * nodes > 1:
        strategy = DDPStrategy(
            find_unused_parameters=config.strategy == 'ddp_find_unused_parameters_true',
            timeout=_PATIENCE)
    return {
        'accelerator': 'auto',
        'devices': devices,
        'num_nodes': nodes,
        'strategy': strategy,
        'use_distributed_sampler': False,  # The loaders know which part they have.
    }


def num_processes() -> int:
    r"""How many processes have met."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    return 1


def meet(trainer: L.Trainer) -> None:
    r"""Waits for the other processes of a run. The first process starts them, if nobody
    else has: with its own command, as Lightning does."""
    strategy = trainer.strategy
    if strategy.launcher is not None:
        strategy.launcher.launch(strategy.setup_environment)
        strategy.barrier()


@contextmanager
def losses_named(trainer: L.Trainer, folder: object) -> Iterator[None]:
    r"""Says what it means that the connection to another process was lost.

    Raises:
        ConnectionError: In the place of the library's error.
    """
    try:
        yield
    except RuntimeError as e:
        if trainer.world_size == 1 or not any(sign in str(e) for sign in _LOST):
            raise
        raise ConnectionError(
            f"Another process of the run in '{folder}' has ended: what it says tells "
            f"why. Resumed, the run goes on after its last finished epoch "
            f"({short_reason(e)})") from e
