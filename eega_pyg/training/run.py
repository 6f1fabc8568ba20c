r"""A training run, from the configuration to the saved model."""
import signal
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Union

import lightning as L
from filelock import FileLock, Timeout
from lightning.fabric.utilities.exceptions import MisconfigurationException

from eega_pyg.config import Config, TrainConfig
from eega_pyg.datasets.opening import resolved
from eega_pyg.device import find_device
from eega_pyg.files import short_reason
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.saving.saved_model import save_model
from eega_pyg.schema import Signatures
from eega_pyg.training.calibration import FEWEST, Known, fit_scales, score_and_calibrate
from eega_pyg.training.callbacks import Checkpoint, EpochLog, ResumableEarlyStopping
from eega_pyg.training.checkpoints import (
    BEST,
    LAST,
    SafeCheckpointIO,
    finish,
    read_checkpoint,
)
from eega_pyg.training.devices import device_options, losses_named, meet
from eega_pyg.training.evaluation import SentenceScores, collect_scores
from eega_pyg.training.loaders import loaders
from eega_pyg.training.module import KEPT, MONITOR
from eega_pyg.training.pair_tagging import PairTagging
from eega_pyg.training.prepare import Prepared, prepare
from eega_pyg.training.progress import EpochProgressBar
from eega_pyg.training.settings import settings_restored
from eega_pyg.training.start import mix_with_start


class RunResult(NamedTuple):
    r"""What a training run ended with: the folder of the saved model, the validation
    scores of the best epoch, that epoch's number (from 0), what was extracted from each
    validation sentence, and what is to be said of scores on few or held-out ones."""
    folder: Path
    scores: Dict[str, float]
    epoch: int
    sentences: SentenceScores
    caveat: str = ''


def fit(config: Config, root: Union[str, Path], folder: Union[str, Path],
        resume: bool = False, progress: bool = True, conv: Optional[OwnConv] = None,
        fusion: Optional[OwnFusion] = None) -> RunResult:
    r"""Trains on a data set's training split, keeps the epoch that is best on its
    validation split, and saves that model.

    ``folder/training`` holds what a stopped run needs to go on: the predictions of the
    teachers (``teachers.safetensors``) and the pretrained weights
    (``encoder.safetensors``), if there are any, the last epoch (``last.ckpt``) and the
    one before it, which is taken where the last one is damaged. It also holds the best
    epoch (``best.ckpt``), the configuration, and the losses and scores of every epoch
    (``metrics.csv``). When the run has ended, the pretrained weights, the epoch before
    the last and the state of the optimiser are removed.

    With ``train.start_share`` the epoch is chosen before its weights are mixed with
    those of ``train.start``, and the scores are those of the mixture. To try another
    share, resume the run with it.

    A run goes on to more epochs if it is resumed with a larger ``train.epochs`` (and
    ``train.patience``, if it stopped early). The learning rates are then those that a
    run of so many epochs has at that step. Of a run that had ended, the moments of the
    optimiser begin at zero.

    The random state and the settings of the process are afterwards as they were before.

    On several devices (``train.devices``, ``train.nodes``, or under ``torchrun``) each
    has a process, which calls this function with the same arguments; where nobody else
    has started them, the first one does, by its own command. The first one alone
    writes. All return the same.

    Args:
        config (Config): The configuration. Where it names no tags, those of the data
            set are taken.
        root (str or Path): The data set's folder, see
            :func:`~eega_pyg.datasets.open_dataset`.
        folder (str or Path): Where the model goes.
        resume (bool, optional): If set to :obj:`True`, goes on after the last finished
            epoch of the run in :obj:`folder`; without one the run begins anew.
            (default: :obj:`False`)
        progress (bool, optional): If set to :obj:`False`, shows no progress bar.
            (default: :obj:`True`)
        conv (torch.nn.Module or callable, optional): A graph layer of one's own in
            place of the configuration's, see :class:`~eega_pyg.nn.models.EEGA`. The
            saved model is loaded with it again. (default: :obj:`None`)
        fusion (torch.nn.Module or callable, optional): Likewise a fusion of text and
            image of one's own. (default: :obj:`None`)

    Raises:
        ValueError: If the run to resume was of another configuration or of other
            data, if none of its checkpoints is whole, if :obj:`folder` holds a run and
            :obj:`resume` is not set, if another process trains there, or if there are
            fewer devices than are asked for.
        OSError: If a checkpoint cannot be written, *e.g.*, because the disk is full, or
            if another process of the run has ended. The last checkpoint stays.
    """
    config = resolved(config, root)  # Before anything is written.
    handler = signal.getsignal(signal.SIGINT)
    try:
        with settings_restored():
            trainer = make_trainer(config.train, Path(folder) / 'training', progress)
            with alone(folder) if trainer.is_global_zero else nullcontext():
                with losses_named(trainer, folder):
                    return _fit(config, root, folder, resume, progress, conv, fusion,
                                trainer)
    except SystemExit:
        # When it is interrupted, Lightning ignores further interrupts and exits.
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt(f"The run in '{folder}' was stopped: resumed, it goes "
                                f"on after its last finished epoch") from None


@contextmanager
def alone(folder: Union[str, Path]) -> Iterator[None]:
    r"""Makes the folder of a run, where no other run may train meanwhile."""
    state = Path(folder) / 'training'
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / 'lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another process trains in '{folder}': wait for it, or choose "
            f"another folder") from None
    try:
        yield
    finally:
        lock.release()


def make_trainer(config: TrainConfig, state: Path, progress: bool) -> L.Trainer:
    r"""The trainer of a :class:`~eega_pyg.training.module.TrainingModule`, with the
    files that :func:`fit` names in a folder.

    Raises:
        ValueError: If there are fewer devices than are asked for.
    """
    # A checkpoint is written after the validation of an epoch, so that a resumed run
    # starts with the next one.
    keep: Dict[str, Any] = {
        'save_on_train_epoch_end': True,
        'enable_version_counter': False
    }
    options = device_options(config)
    try:
        return L.Trainer(
            max_epochs=config.epochs,
            gradient_clip_val=config.clip,
            callbacks=[
                Checkpoint(state, filename=Path(BEST).stem, monitor=KEPT, mode='max',
                           save_weights_only=True, **keep),
                Checkpoint(state, filename=Path(LAST).stem, **keep),
                ResumableEarlyStopping(MONITOR, mode='max', patience=config.patience),
                EpochLog(state / 'metrics.csv'),
                *([EpochProgressBar()] if progress else []),
            ],
            plugins=[SafeCheckpointIO()],
            logger=False,
            num_sanity_val_steps=0,
            enable_progress_bar=progress,
            enable_model_summary=False,
            deterministic=True,
            **options,
        )
    except MisconfigurationException as e:
        raise ValueError(f"train.devices={options['devices']}: "
                         f"{short_reason(e, 200)}") from e


def _fit(config: Config, root: Union[str, Path], folder: Union[str, Path], resume: bool,
         progress: bool, conv: Optional[OwnConv], fusion: Optional[OwnFusion],
         trainer: L.Trainer) -> RunResult:
    first = trainer.is_global_zero
    if not first:
        meet(trainer)  # When the first one has prepared everything.
    task = prepare(config, root, folder, resume, progress and first, conv, fusion,
                   first)
    if first:
        meet(trainer)
    options, last = task.config.train, task.last
    tags = task.model.tag_set
    given = sum(
        len(data.quintuples if tags.relations else data.entities) for data in task.val)
    module = PairTagging(task.model, options, _signatures(task),
                         0.5 * options.tolerance / max(given, 1)**0.5)
    batches = loaders(task.examples, task.val, options, trainer.global_rank,
                      trainer.world_size)
    try:
        trainer.fit(module, *batches, ckpt_path=last, weights_only=True)
    except Exception as e:
        if last is None or module.started:
            raise
        raise ValueError(f"'{last}' does not fit to this run: {type(e).__name__}: "
                         f"{short_reason(e)}") from e
    result = _finished(task, module, folder, trainer) if first else None
    found = trainer.strategy.broadcast(result)
    assert found is not None
    return found


def _signatures(task: Prepared) -> Optional[Signatures]:
    return task.train.vocabularies.signatures if task.config.train.signatures else None


def _finished(task: Prepared, module: PairTagging, folder: Union[str, Path],
              trainer: L.Trainer) -> RunResult:
    r"""Scores, calibrates and saves the model of the best epoch."""
    config, model, val = task.config, task.model, task.val
    stopping: Any = trainer.early_stopping_callback
    if task.more and stopping.stopped_before:
        warnings.warn(f"The run in '{folder}' had stopped early, after "
                      f"{config.train.patience} epochs without a better score: it goes "
                      f"on with a larger train.patience")
    best: Any = trainer.checkpoint_callback  # The first of the two.
    checkpoint = read_checkpoint(Path(best.best_model_path), whole=False)
    module.load_state_dict(checkpoint['state_dict'])
    share = config.train.start_share
    if share > 0 and task.start is not None:
        mix_with_start(model, task.start, share)
    model.to(find_device())  # The trainer leaves it on the CPU.
    signatures, size = _signatures(task), config.train.batch_size
    sentences, calibration, scaled = score_and_calibrate(model, val, signatures, size)
    scores, caveat = sentences.compute(), sentences.caveat(val.held_out)
    start = None if task.start is None else task.start.saved
    known = None if start is None else Known(start.scales, start.thresholds)
    temperature, related = calibration.temperature, scaled
    if sum(len(x.quintuples) for x in sentences.extractions()) < FEWEST:
        temperature = 1.0 if start is None else start.temperature
    if temperature != calibration.temperature:
        related = collect_scores(model, val, signatures, size, temperature)
    fitted = fit_scales(model, val, signatures, temperature, task.held_out,
                        config.train.min_precision, size, related, known)
    save_model(folder, model, task.train.vocabularies, config, {
        **scores, 'calibration_error': fitted.error
    }, temperature, fitted.scales, fitted.thresholds,
               None if task.start is None else task.start.note(share), caveat)
    finish(Path(folder) / 'training')
    return RunResult(Path(folder), scores, int(checkpoint['epoch']), sentences, caveat)
