r"""What a training run keeps, when it stops, and what it logs."""
import os
import time
from pathlib import Path
from typing import Any, Dict

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from eega_pyg.files import atomic


class Checkpoint(ModelCheckpoint):
    r"""A :class:`~lightning.pytorch.callbacks.ModelCheckpoint` that finds its best
    epoch again after the folder of the run was moved or copied."""
    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        def here(path: str) -> str:
            return os.path.join(str(self.dirpath), os.path.basename(path))

        state = {**state_dict, 'dirpath': self.dirpath}
        for name in ('best_model_path', 'kth_best_model_path', 'last_model_path'):
            if state[name]:
                state[name] = here(state[name])
        state['best_k_models'] = {here(p): v for p, v in state['best_k_models'].items()}
        super().load_state_dict(state)
        self.current_score = state['current_score']  # It is stored, but not read.


class ResumableEarlyStopping(EarlyStopping):
    r"""An :class:`~lightning.pytorch.callbacks.EarlyStopping` that stops a resumed run
    at once if it had stopped it before, unless it has more patience now."""
    #: Whether the run had been stopped before.
    stopped_before = False

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, 'patience': self.patience})

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.wait_count >= self.patience:
            self.stopped_before = trainer.should_stop = True


class EpochLog(L.Callback):
    r"""Writes the losses, scores and seconds of each epoch as a row of a CSV file. A
    resumed run keeps the rows of the epochs before it.

    Args:
        path (Path): The file.
    """
    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer,
                             module: L.LightningModule) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        row = {
            'epoch': trainer.current_epoch + 1,  # The first is 1, as for people.
            'seconds': round(time.perf_counter() - self._start, 2),
            **{
                k: float(v)
                for k, v in trainer.callback_metrics.items() if '/' in k
            }
        }
        table = pd.DataFrame([row])
        if trainer.current_epoch > 0 and self.path.is_file():
            earlier = pd.read_csv(self.path)
            table = pd.concat([earlier[earlier['epoch'] < row['epoch']], table])
        with atomic(self.path) as temporary:
            table.to_csv(temporary, index=False)
