r"""The commands ``eega train``, ``eega evaluate`` and ``eega shrink``."""
import json
from enum import Enum
from pathlib import Path
from typing import Dict, List, Optional

import typer
from rich.table import Table
from rich.text import Text

from .console import be_quiet, note, out, tell
from .convert import FormatName
from .data import with_tags
from .options import Device, Model, Quiet, Root, Set, Split, check_root, output
from .scoring import ViewName, score_files


class Dtype(str, Enum):
    float32 = 'float32'
    float16 = 'float16'
    bfloat16 = 'bfloat16'
    int8 = 'int8'


def train(
    root: Path = Root,
    folder: Path = output('Folder of the model.'),
    start: Optional[str] = typer.Option(
        None, '--from', metavar='MODEL', show_default=False, help='Start from a saved '
        'model: a folder that "eega train" has written, a model of the Hugging Face '
        'hub, or jmere-minilm, the checkpoint of the package.'),
    preset: Optional[str] = typer.Option(
        None, '--preset', show_default=False, help='A preset (paper, default, '
        'finetune) or a YAML file of your own \\[default: default; with --from, '
        'finetune].'),
    overrides: List[str] = Set,
    resume: bool = typer.Option(
        False, '--resume', help='Go on after the last '
        'finished epoch of the run in the folder.'),
    quiet: bool = Quiet,
) -> None:
    r"""Trains a model; the epoch that is best on the validation split is kept.

    Where there is no validation file, a share of the training texts is held out
    (data.validation).
    """
    from eega_pyg.config import Config
    from eega_pyg.device import is_first_process
    from eega_pyg.training.run import fit
    check_root(root)
    quiet = quiet or be_quiet(not is_first_process())
    if preset is None:
        preset = 'default' if start is None else 'finetune'
    if start is not None:
        overrides = [*overrides, f'train.start={json.dumps(start)}']
    config = with_tags(Config.load(preset, overrides), root, not quiet)
    try:
        result = fit(config, root, folder, resume=resume, progress=not quiet)
    except KeyboardInterrupt:
        if is_first_process():
            tell(f"Stopped: the same command with --resume goes on after the last "
                 f"finished epoch in '{folder}'")
        raise
    if not is_first_process():  # The first one says how it ended.
        return
    _print_scores(result.scores, f'best epoch: {result.epoch + 1}, validation split')
    if result.caveat:
        tell(result.caveat)
    out.print(f'The model is in {result.folder}', highlight=False, markup=False)
    state = result.folder / 'training'
    size = sum(path.stat().st_size for path in state.iterdir() if path.is_file())
    tell(f"'{state}' holds {size / 1e6:,.0f} MB, with which --resume goes on to more "
         f"epochs (train.epochs); the model does not need it")


def evaluate(
    data: Path = typer.Argument(
        show_default=False, help='Folder of the data set; its raw files are in '
        'DATA/raw. With --predictions also a file in any format of "eega convert".'),
    model: Optional[str] = Model,
    predictions: List[Path] = typer.Option(
        [], '--predictions', metavar='FILE', show_default=False, help='Score what '
        'stands in this file, whoever made it; no model is needed. A second one is '
        'compared with the first.'),
    split: Split = typer.Option(Split.val, help='Split to score.'),
    target: Optional[Path] = output('Also write the scores to this file, as JSON.',
                                    None),
    save: Optional[Path] = typer.Option(
        None, '--save-predictions', metavar='FILE', show_default=False, help='Write '
        'what the model found to this file, as JSON lines that --predictions reads.'),
    page: Optional[Path] = typer.Option(
        None, metavar='FILE', show_default=False, help='With --predictions: also write '
        'a page (.html) with all tables and texts.'),
    view: Optional[ViewName] = typer.Option(
        None, show_default=False, help='With --predictions: the view that is shown by '
        'relation, distance and length, and in texts \\[default: quintuple].'),
    examples: Optional[int] = typer.Option(
        None, min=0, show_default=False, help='With --predictions: print so many texts '
        'with errors, or with differences \\[default: 5].'),
    draws: Optional[int] = typer.Option(
        None, min=1, show_default=False, help='With --predictions: samples of the '
        'texts for intervals and tests \\[default: 2000].'),
    seed: Optional[int] = typer.Option(
        None, min=0, show_default=False,
        help='With --predictions: of these samples \\[default: 0].'),
    form: Optional[FormatName] = typer.Option(
        None, '--from', show_default=False, help='The format of the predictions '
        '\\[default: what it looks like].'),
    gold_form: Optional[FormatName] = typer.Option(
        None, '--gold-from', show_default=False, help='With --predictions: the format '
        'of DATA, if it is a file \\[default: what it looks like].'),
    device: Optional[str] = Device,
    quiet: bool = Quiet,
) -> None:
    r"""Scores a model, or anybody's predictions, against what a data set states."""
    if predictions:
        if model is not None or save is not None:
            raise ValueError('Give either --model or --predictions; '
                             '--save-predictions belongs to a model')
        score_files(data, split.value, predictions, target, page,
                    (view or ViewName.quintuple).value,
                    5 if examples is None else examples, draws or 2000, seed or 0, form
                    and form.value, gold_form and gold_form.value)
        return
    if model is None:
        raise ValueError('Give a model (--model) or a file of predictions '
                         '(--predictions)')
    of_predictions = {
        '--page': page,
        '--from': form,
        '--gold-from': gold_form,
        '--view': view,
        '--examples': examples,
        '--draws': draws,
        '--seed': seed
    }
    for option, value in of_predictions.items():
        if value is not None:
            raise ValueError(f'{option} belongs to --predictions: --save-predictions '
                             f'writes those of a model')
    from eega_pyg.datasets import open_dataset
    from eega_pyg.device import find_device
    from eega_pyg.files import check_apart, check_ending, check_file, write_text
    from eega_pyg.saving.saved_model import load_model
    from eega_pyg.training.evaluation import collect_scores, predicted_texts
    for path, ending in ((save, '.jsonl'), (target, '.json')):
        if path is not None:
            check_ending(path, ending)
    check_root(data)
    for path in filter(None, (target, save)):
        check_apart(data / 'raw', path)
        check_file(path)
    place = find_device(device)  # Before a model is downloaded.
    saved = load_model(model)
    dataset = open_dataset(data, split.value, saved.data, saved.model.tag_set,
                           saved.vocabularies, not quiet)
    found = collect_scores(saved.model.to(place), dataset, saved.signatures)
    scores = found.compute()
    _print_scores(scores, f'{data}, {split.value} split')
    if save is not None:
        from eega_pyg.formats import write_texts
        texts = predicted_texts(saved.model, dataset, found, saved.signatures)
        write_texts(texts, save, 'jsonl')
        note(f'Wrote {save}')
    if target is not None:
        write_text(target, json.dumps(scores, indent=2) + '\n')


def calibrate(
    root: Path = Root,
    folder: Path = typer.Option(
        ..., '--model', '-m', help='Folder of the model, in '
        'which the result is written.', show_default=False),
    held_out: List[str] = typer.Option(
        [], '--held-out', metavar='KIND:FILE', show_default=False, help='A set with '
        'all its entities, jsonl:FILE, conll04:FILE or gmner:FILE, for the '
        'probabilities of entities; may be repeated \\[default: the validation split, '
        'where in JMERE an entity of no relation counts as wrong].'),
    min_precision: float = typer.Option(
        0.0, min=0, max=1,
        help='The threshold of relations is the one of the best F1 among those '
        'with at least this precision.'),
    device: Optional[str] = Device,
    quiet: bool = Quiet,
) -> None:
    r"""Fits a model's probabilities and its thresholds on the validation file."""
    from eega_pyg.device import find_device
    from eega_pyg.saving.folder import CHECKPOINTS
    from eega_pyg.training.calibration import calibrate as calibrate_model
    check_root(root)
    if not folder.is_dir():
        if (CHECKPOINTS / folder).is_dir():
            raise ValueError(f"'{folder}' comes with the package and is not changed: "
                             f"write it into a folder of yours first, by Extractor"
                             f".from_pretrained('{folder}').save_pretrained(FOLDER)")
        raise FileNotFoundError(f"There is no folder '{folder}'")
    fitted = calibrate_model(folder, root, held_out, min_precision, find_device(device))
    relations, entities = fitted.thresholds
    note(f"Wrote {folder}: relations from a probability of {relations:.2f} on, other "
         f"entities from {entities:.2f} on; expected calibration error "
         f"{100 * fitted.error:.1f} %")


def shrink(
    source: Path = typer.Argument(..., help='Folder that "eega train" has written.',
                                  show_default=False),
    target: Path = output('Folder of the smaller model.'),
    dtype: Dtype = typer.Option(Dtype.float16, help='How weights are stored.'),
    quiet: bool = Quiet,
) -> None:
    r"""Stores a model without the weights that its public text encoder has too, and the
    others in half precision or in a byte."""
    from eega_pyg.saving.shrink import shrink as shrink_model
    size = shrink_model(source, target, dtype.value)
    note(f'Wrote {target}, {size / 1e6:.1f} MB')


def _print_scores(scores: Dict[str, float], title: str) -> None:
    views: Dict[str, Dict[str, float]] = {}
    for name, value in scores.items():
        view, _, measure = name.rpartition('_')
        views.setdefault(view, {})[measure] = value
    table = Table('score (%)', title=Text(title))
    for measure in ('precision', 'recall', 'f1'):
        table.add_column(measure, justify='right')
    for view, values in views.items():
        table.add_row(
            view.replace('_', ' '),
            *(f'{100 * values[m]:.2f}' for m in ('precision', 'recall', 'f1')))
    out.print(table)
