r"""What the trainings of a run have in common: how an epoch is chosen, the learning
rates, and what a checkpoint holds."""
import math
from typing import Any, Collection, Dict

import lightning as L
import torch
from torch_geometric.data import HeteroData

from eega_pyg.config import TrainConfig
from eega_pyg.training.optimizer import configure_optimizer

#: The score by which epochs are compared.
MONITOR = 'choice'
#: The number of the epoch if it is to be kept, else -1.
KEPT = 'kept'


class TrainingModule(L.LightningModule):
    r"""A training of which the best epoch is kept, and which goes on after a stop as if
    there had been none.

    Args:
        config (TrainConfig): Optimiser and schedule.
        slack (float, optional): How far below the best epoch before it one may be that
            is kept in its place. (default: :obj:`0.0`)
    """
    def __init__(self, config: TrainConfig, slack: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.slack = slack
        self._best = -math.inf
        #: Whether everything is set up, a resumed run's state included.
        self.started = False

    def transfer_batch_to_device(self, batch: HeteroData, device: torch.device,
                                 dataloader_idx: int) -> HeteroData:
        return batch.to(device, non_blocking=True)

    def log_validation(self, found: Dict[str, float], choice: float,
                       shown: Collection[str]) -> None:
        r"""Logs the scores of an epoch.

        Args:
            found (dict): The scores.
            choice (float): The one by which epochs are compared.
            shown (collection of str): Which of :obj:`found` a progress bar shows.
        """
        good = choice > self._best - self.slack
        self._best = max(self._best, choice)
        bar = {f'val/{k}': v for k, v in found.items() if k in shown}
        self.log_dict(bar, prog_bar=True)
        self.log_dict({
            **{
                f'val/{k}': v
                for k, v in found.items() if k not in shown
            },
            MONITOR: choice,
            KEPT: float(self.current_epoch if good else -1),
        })

    def configure_optimizers(self) -> Any:
        return configure_optimizer(self, self.config,
                                   int(self.trainer.estimated_stepping_batches))

    def on_save_checkpoint(self, checkpoint: Dict[str, Any]) -> None:
        checkpoint['best_choice'] = self._best
        checkpoint['rng'] = {'cpu': torch.get_rng_state()}
        if torch.cuda.is_available():
            checkpoint['rng']['cuda'] = [torch.cuda.get_rng_state()]

    def on_load_checkpoint(self, checkpoint: Dict[str, Any]) -> None:
        self._rng = checkpoint['rng']
        # Callbacks are found by the name of what they monitor, which was another one in
        # an earlier version.
        names = {'Checkpoint': KEPT, 'ResumableEarlyStopping': MONITOR}
        checkpoint['callbacks'] = {
            key.replace("'val/quintuple_f1'", repr(names.get(key.split('{')[0]))): state
            for key, state in checkpoint['callbacks'].items()
        }
        # The callbacks round it to single precision, by which a later epoch that is
        # only as good would seem better.
        best = checkpoint.get('best_choice')
        self._best = best if best is not None else max(
            (float(state.get('best_score', -math.inf))
             for state in checkpoint['callbacks'].values()), default=-math.inf)

    def on_train_start(self) -> None:
        self.started = True
        # A resumed run may have more epochs than it had, and so other learning rates.
        for config in self.trainer.lr_scheduler_configs:
            scheduler: Any = config.scheduler
            for group, rate, factor in zip(scheduler.optimizer.param_groups,
                                           scheduler.base_lrs, scheduler.lr_lambdas):
                group['lr'] = rate * factor(scheduler.last_epoch)
        # Not earlier: Lightning draws random numbers itself while it sets the run up.
        rng = self.__dict__.pop('_rng', None)
        if rng is not None:
            torch.set_rng_state(rng['cpu'].cpu())
            if 'cuda' in rng and torch.cuda.is_available():
                torch.cuda.set_rng_state(rng['cuda'][0].cpu())
