r"""All that comes before the first step of a run: what it goes on from, its data, and
its model."""
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Tuple, Union

import lightning as L
import yaml
from rich.console import Console

from eega_pyg.config import Config
from eega_pyg.datasets import PairDataset, Record
from eega_pyg.datasets.further import further_file, read_held_out, with_further
from eega_pyg.datasets.opening import check_annotated, open_dataset
from eega_pyg.datasets.statistics import told_of_left_out
from eega_pyg.files import remove_leftovers, write_text
from eega_pyg.identity import file_sha256
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA
from eega_pyg.resolve import load_encoder_config
from eega_pyg.saving.folder import PIPELINE
from eega_pyg.schema import OBJECT, TOKEN
from eega_pyg.training.checkpoints import BEFORE, BEST, LAST, find_last, read_checkpoint
from eega_pyg.training.distillation import distillation_data
from eega_pyg.training.loaders import Examples
from eega_pyg.training.pretraining import pretrain
from eega_pyg.training.resume import check_same, goes_further
from eega_pyg.training.start import Start, read_start, started_from, take_over

Place = Union[str, Path]


def build_model(config: Config, train: PairDataset, conv: Optional[OwnConv] = None,
                start: Optional[Start] = None,
                fusion: Optional[OwnFusion] = None) -> EEGA:
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
        fusion (torch.nn.Module or callable, optional): Likewise a fusion of one's own.
            (default: :obj:`None`)
    """
    own = {'conv': conv, 'fusion': fusion}
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
            **{
                k: v
                for k, v in own.items() if v is not None
            }
        },
    )
    if start is None:
        model.text_encoder.load_pretrained(config.data.encoder)
    else:
        take_over(model, start)
    return model


class Prepared(NamedTuple):
    r"""What a run trains, and on what.

    Args:
        config (Config): The configuration, with what the model to start from says.
        start (Start, optional): That model.
        train, val (PairDataset): The two splits.
        examples (Examples): The training split with all that is trained on beside it.
        held_out (list of Record): On what the probabilities of entities are fitted.
        model (EEGA): The model.
        last (Path, optional): The checkpoint to go on with.
        more (bool): Whether the run goes on to more epochs than it was to have.
    """
    config: Config
    start: Optional[Start]
    train: PairDataset
    val: PairDataset
    examples: Examples
    held_out: List[Record]
    model: EEGA
    last: Optional[Path]
    more: bool


def prepare(config: Config, root: Place, folder: Place, resume: bool, progress: bool,
            conv: Optional[OwnConv], fusion: Optional[OwnFusion],
            first: bool) -> Prepared:
    r"""Prepares a run, see :func:`~eega_pyg.training.run.fit`.

    Args:
        first (bool): If set to :obj:`False`, another process has prepared the run
            already: all is read that it has written, and nothing is checked or written.
    """
    state = Path(folder) / 'training'
    if first:
        for place in (state, state.parent):
            remove_leftovers(place)
    start = None
    if config.train.start:
        start = read_start(config, conv, fusion)
        if Path(start.saved.data.encoder).resolve() == Path(folder).resolve():
            raise ValueError(f"'{folder}' is the model to start from: choose another "
                             f"folder")
        config = started_from(config, start)
    started = more = False
    if first:
        started, more = _enter(state, config, resume, progress)
    last = find_last(state)
    if first:
        if last is not None:  # Now, and not after all the work.
            read_checkpoint(state / BEST, whole=False)
        if start is not None:
            check_same(state / 'start.json', start.digests, started,
                       'started from another model than is there now')
    if start is not None and progress:
        Console(stderr=True).print(start.rows.table(f"From '{start.name}'"))
    files = [path for path in map(further_file, config.train.also) if path is not None]
    train, val = _open(config, root, start, progress)
    if first and progress:
        for split, dataset in (('train', train), ('val', val)):
            # Counting those on the disk would bring all of them into memory.
            if dataset.stored is None and (sentence := told_of_left_out(
                    dataset.statistics(), split)):
                Console(stderr=True).print(sentence, markup=False, highlight=False)
    if first:
        # The name of a processed file holds a digest of all that it depends on.
        names: List[Any] = [d.processed_file_names for d in (train, val)]
        names += [[path, file_sha256(path)] for path in files]
        check_same(state / 'data.json', names, started, 'was of other data')
        # Behind all that may refuse to go on.
        write_text(state / 'config.yaml',
                   yaml.safe_dump(config.to_dict(), sort_keys=False))
    held_out = read_held_out(config.train.held_out, train)
    examples: Examples
    if config.train.teachers:  # Before anything else, so that a wrong one fails early.
        examples = distillation_data(config, train, state / 'teachers.safetensors',
                                     progress)
    else:
        examples = with_further(config.train, train)
    L.seed_everything(config.train.seed, verbose=False)
    model = build_model(config, train, conv, start, fusion)
    if config.train.pretrain_epochs > 0 and last is None:
        pretrain(model, config, train, examples, state / 'encoder.safetensors',
                 progress)
        # The run goes on alike whether the weights were trained or read.
        L.seed_everything(config.train.seed, verbose=False)
    return Prepared(config, start, train, val, examples, held_out, model, last, more)


def _enter(state: Path, config: Config, resume: bool,
           progress: bool) -> Tuple[bool, bool]:
    r"""Whether the folder of a run holds one that was started, and whether that goes on
    to more epochs."""
    names = (LAST, BEFORE, 'encoder.safetensors', 'teachers.safetensors')
    if any((state / name).is_file() for name in names):
        if not resume:
            raise ValueError(f"'{state.parent}' already holds a run: resume it, or "
                             f"choose another folder")
        return True, goes_further(state / 'config.yaml', config)
    if (state.parent / PIPELINE).is_file():
        raise ValueError(f"'{state.parent}' already holds a model, and no run to "
                         f"resume: choose another folder")
    if resume and progress:
        Console(stderr=True).print(
            f"There is nothing to resume in '{state.parent}': the run "
            f"begins with its first epoch", markup=False)
    return False, False


def _open(config: Config, root: Place, start: Optional[Start],
          progress: bool) -> Tuple[PairDataset, PairDataset]:
    r"""The training split and the validation split."""
    tags = config.tags.tag_set()
    train = open_dataset(root, 'train', config.data, tags, None, progress,
                         extends=None if start is None else start.saved.vocabularies)
    val = open_dataset(root, 'val', config.data, tags, train.vocabularies, progress)
    if val.held_out and progress:
        Console(stderr=True).print(
            f"There is no validation file: {len(val)} of the {len(train) + len(val)} "
            f"pairs of the training file are held out as the validation split "
            f"(data.validation={config.data.validation:g})", markup=False,
            highlight=False)
    if len(train) == 0 or len(val) == 0:
        raise ValueError(f"The {'train' if len(train) == 0 else 'val'} split in "
                         f"'{root}' holds no sentence with a relation")
    check_annotated(val, root)
    return train, val
