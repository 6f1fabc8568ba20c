r"""The settings of the process, which a run changes."""
import logging
import os
import warnings
from contextlib import contextmanager
from typing import Iterator

import torch
from lightning.pytorch.utilities.seed import isolate_rng

# What Lightning sets for the whole process.
_VARIABLES = ('PL_GLOBAL_SEED', 'PL_SEED_WORKERS', 'CUBLAS_WORKSPACE_CONFIG')


@contextmanager
def settings_restored() -> Iterator[None]:
    r"""Puts the random state, the level of Lightning's log, deterministic algorithms
    and environment variables back as they were before the block."""
    logger = logging.getLogger('lightning.pytorch')
    level = logger.level
    deterministic = (torch.are_deterministic_algorithms_enabled(),
                     torch.is_deterministic_algorithms_warn_only_enabled())
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    logger.setLevel(logging.WARNING)  # Without its notes on devices and settings.
    try:
        with isolate_rng(), warnings.catch_warnings():
            # Scores are the same in all processes, which Lightning cannot know.
            warnings.filterwarnings('ignore', '.*sync_dist=True')
            yield
    finally:
        logger.setLevel(level)
        torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
