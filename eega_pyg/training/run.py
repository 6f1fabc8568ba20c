r"""A training run, from the configuration to the saved model."""
import signal
import warnings
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Union

import lightning as L
import yaml
from filelock import FileLock, Timeout
from rich.console import Console

from eega_pyg.config import Config
from eega_pyg.datasets import PairDataset
from eega_pyg.datasets.further import further_file, read_held_out, with_further
from eega_pyg.datasets.opening import open_dataset, resolved
from eega_pyg.device import find_device
from eega_pyg.files import remove_leftovers, short_reason, write_text
from eega_pyg.identity import file_sha256
from eega_pyg.nn import OwnConv
from eega_pyg.nn.models import EEGA
from eega_pyg.resolve import load_encoder_config
from eega_pyg.saving.saved_model import save_model
from eega_pyg.schema import OBJECT, TOKEN
from eega_pyg.training.calibration import fit_scales, score_and_calibrate
from eega_pyg.training.callbacks import Checkpoint, EpochLog, ResumableEarlyStopping
from eega_pyg.training.checkpoints import (
    BEFORE,
    LAST,
    SafeCheckpointIO,
    find_last,
    finish,
    read_checkpoint,
)
from eega_pyg.training.distillation import distillation_data
from eega_pyg.training.evaluation import SentenceScores
from eega_pyg.training.loaders import Examples, loaders
from eega_pyg.training.pair_tagging import KEPT, MONITOR, PairTagging
from eega_pyg.training.pretraining import pretrain
from eega_pyg.training.progress import EpochProgressBar
from eega_pyg.training.resume import check_same, goes_further
from eega_pyg.training.settings import settings_restored
from eega_pyg.training.start import Start, read_start, started_from, take_over

BEST = 'best.ckpt'


def build_model(config: Config, train: PairDataset, conv: Optional[OwnConv] = None,
                start: Optional[Start] = None) -> EEGA:
    r"""A model for a data set, with the public weights of its text encoder, or with all
    that fits of the weights of a saved model.

    Args:
        config (Config): The configuration.
        train (PairDataset): The training split.
        conv (torch.nn.Module or callable, optional): A graph layer of one's own in
            place of the configuration's, see :class:`~eega_pyg.nn.models.EEGA`.
            (default: :obj:`None`)
        start (Start, optional): The saved model to start from, whose vocabularies those
            of the training split extend. (default: :obj:`None`)
    """
    model = EEGA(
        encoder=(load_encoder_config(config.data.encoder)
                 if start is None else start.encoder),
        tag_set=config.tags.tag_set().to_dict(),
        sizes=train.vocabularies.sizes,
        table=config.data.table,
        feature_dim=train[0][OBJECT].feat.size(1),
        vector_dim=train[0][TOKEN].vector.size(1),
        **{
            **config.to_dict()['model'],
            **({} if conv is None else {
                   'conv': conv
               })
        },
    )
    if start is None:
        model.text_encoder.load_pretrained(config.data.encoder)
    else:
        take_over(model, start)
    return model


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
        resume: bool = False, progress: bool = True,
        conv: Optional[OwnConv] = None) -> RunResult:
    r"""Trains on a data set's training split, keeps the epoch that is best on its
    validation split, and saves that model.

    ``folder/training`` holds what a stopped run needs to go on: the predictions of the
    teachers (``teachers.safetensors``) and the pretrained weights
    (``encoder.safetensors``), if there are any, the last epoch (``last.ckpt``) and the
    one before it, which is taken where the last one is damaged. It also holds the best
    epoch (``best.ckpt``), the configuration, and the losses and scores of every epoch
    (``metrics.csv``). When the run has ended, the pretrained weights, the epoch before
    the last and the state of the optimiser are removed.

    A run goes on to more epochs if it is resumed with a larger ``train.epochs`` (and
    ``train.patience``, if it stopped early). The learning rates are then those that a
    run of so many epochs has at that step. Of a run that had ended, the moments of the
    optimiser begin at zero.

    The random state and the settings of the process are afterwards as they were before.

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

    Raises:
        ValueError: If the run to resume was of another configuration or of other
            data, if none of its checkpoints is whole, if :obj:`folder` holds a run and
            :obj:`resume` is not set, or if another process trains there.
        OSError: If a checkpoint cannot be written, *e.g.*, because the disk is full.
            The one before it stays.
    """
    config = resolved(config, root)  # Before anything is written.
    state = Path(folder) / 'training'
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / 'lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another process trains in '{folder}': wait for it, or choose "
            f"another folder") from None
    handler = signal.getsignal(signal.SIGINT)
    try:
        with settings_restored():
            return _fit(config, root, folder, resume, progress, conv)
    except SystemExit:
        # When it is interrupted, Lightning ignores further interrupts and exits.
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt(f"The run in '{folder}' was stopped: resumed, it goes "
                                f"on after its last finished epoch") from None
    finally:
        lock.release()


def _fit(config: Config, root: Union[str, Path], folder: Union[str, Path], resume: bool,
         progress: bool, conv: Optional[OwnConv]) -> RunResult:
    state = Path(folder) / 'training'
    for place in (state, state.parent):
        remove_leftovers(place)
    pretrained, teachers = state / 'encoder.safetensors', state / 'teachers.safetensors'
    start = None
    if config.train.start:
        start = read_start(config, conv)
        if Path(start.saved.data.encoder).resolve() == Path(folder).resolve():
            raise ValueError(f"'{folder}' is the model to start from: choose another "
                             f"folder")
        config = started_from(config, start)
    started = any(path.is_file()
                  for path in (state / LAST, state / BEFORE, pretrained, teachers))
    more = False
    if started:
        if not resume:
            raise ValueError(f"'{folder}' already holds a run: resume it, or choose "
                             f"another folder")
        more = goes_further(state / 'config.yaml', config)
    elif resume and progress:
        Console(stderr=True).print(
            f"There is nothing to resume in '{folder}': the run "
            f"begins with its first epoch", markup=False)
    last = find_last(state) if started else None
    if last is not None:
        read_checkpoint(state / BEST, whole=False)  # Now, and not after all the work.
    write_text(state / 'config.yaml', yaml.safe_dump(config.to_dict(), sort_keys=False))

    if start is not None:
        check_same(state / 'start.json', start.digests, started,
                   'started from another model than is there now')
        if progress:
            Console(stderr=True).print(start.rows.table(f"From '{start.name}'"))
    files = [path for path in map(further_file, config.train.also) if path is not None]
    tags = config.tags.tag_set()
    train = open_dataset(root, 'train', config.data, tags, None, progress,
                         extends=None if start is None else start.saved.vocabularies)
    val = open_dataset(root, 'val', config.data, tags, train.vocabularies, progress)
    names = [d.processed_file_names for d in (train, val)]
    names += [[path, file_sha256(path)] for path in files]
    # The name of a processed file holds a digest of all that it depends on.
    check_same(state / 'data.json', names, started, 'was of other data')
    if val.held_out and progress:
        Console(stderr=True).print(
            f"There is no validation file: {len(val)} of the {len(train) + len(val)} "
            f"pairs of the training file are held out as the validation split "
            f"(data.validation={config.data.validation:g})", markup=False,
            highlight=False)
    if len(train) == 0 or len(val) == 0:
        raise ValueError(f"The {'train' if len(train) == 0 else 'val'} split in "
                         f"'{root}' holds no sentence with a relation")
    held_out = read_held_out(config.train.held_out, train)
    examples: Examples
    if config.train.teachers:  # Before anything else, so that a wrong one fails early.
        examples = distillation_data(config, train, teachers, progress)
    else:
        examples = with_further(config.train, train)
    L.seed_everything(config.train.seed, verbose=False)
    model = build_model(config, train, conv, start)
    if config.train.pretrain_epochs > 0 and last is None:
        pretrain(model, config, train, examples, pretrained, progress)
        # The run goes on alike whether the weights were trained or read.
        L.seed_everything(config.train.seed, verbose=False)
    signatures = train.vocabularies.signatures if config.train.signatures else None
    given = sum(
        len(data.quintuples if tags.relations else data.entities) for data in val)
    module = PairTagging(model, config.train, signatures,
                         0.5 * config.train.tolerance / max(given, 1)**0.5)

    # A checkpoint is written after the validation of an epoch, so that a resumed run
    # starts with the next one.
    keep: Dict[str, Any] = {
        'save_on_train_epoch_end': True,
        'enable_version_counter': False
    }
    best = Checkpoint(state, filename=Path(BEST).stem, monitor=KEPT, mode='max',
                      save_weights_only=True, **keep)
    stopping = ResumableEarlyStopping(MONITOR, mode='max',
                                      patience=config.train.patience)
    trainer = L.Trainer(
        max_epochs=config.train.epochs,
        gradient_clip_val=config.train.clip,
        callbacks=[
            best,
            Checkpoint(state, filename=Path(LAST).stem, **keep),
            stopping,
            EpochLog(state / 'metrics.csv'),
            *([EpochProgressBar()] if progress else []),
        ],
        plugins=[SafeCheckpointIO()],
        logger=False,
        accelerator='auto',
        devices=1,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        deterministic=True,
    )
    try:
        trainer.fit(module, *loaders(examples, val, config.train), ckpt_path=last,
                    weights_only=True)
    except Exception as e:
        if last is None or module.started:
            raise
        raise ValueError(f"'{last}' does not fit to this run: {type(e).__name__}: "
                         f"{short_reason(e)}") from e
    if more and stopping.stopped_before:
        warnings.warn(f"The run in '{folder}' had stopped early, after "
                      f"{config.train.patience} epochs without a better score: it goes "
                      f"on with a larger train.patience")

    checkpoint = read_checkpoint(Path(best.best_model_path), whole=False)
    module.load_state_dict(checkpoint['state_dict'])
    model.to(find_device())  # The trainer leaves it on the CPU.
    sentences, calibration, scaled = score_and_calibrate(model, val, signatures,
                                                         config.train.batch_size)
    scores, caveat = sentences.compute(), sentences.caveat(val.held_out)
    fitted = fit_scales(model, val, signatures, calibration.temperature, held_out,
                        config.train.min_precision, config.train.batch_size, scaled)
    save_model(folder, model, train.vocabularies, config, {
        **scores, 'calibration_error': fitted.error
    }, calibration.temperature, fitted.scales, fitted.threshold,
               None if start is None else start.note(), caveat)
    finish(state)
    return RunResult(Path(folder), scores, int(checkpoint['epoch']), sentences, caveat)
