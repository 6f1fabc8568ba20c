r"""The command line ``eega``."""
import json
import os
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from eega_pyg.graph_commands import (
    Caption,
    OptionalModel,
    SceneGraphFile,
    check_items,
    explain,
    graph,
    one_item,
    shrink,
)

if TYPE_CHECKING:
    from eega_pyg.result import Result

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode='rich',
    help='Quintuples (entity, type, entity, type, relation) from text with pictures.',
)
out = Console()
err = Console(stderr=True)

Root = typer.Argument(help='Folder of the data set; its raw files are in ROOT/raw.',
                      show_default=False)
Preset = typer.Option('default', '--preset', help='A preset (paper, default) or a YAML '
                      'file of your own.')
Set = typer.Option([], '--set', metavar='SECTION.FIELD=VALUE', show_default=False,
                   help='Replaces one field of the preset, e.g. train.lr=3e-5; may be '
                   'repeated.')
Model = typer.Option(
    ..., '--model', '-m', help='Folder that "eega train" has written, '
    'or a model of the Hugging Face hub.', show_default=False)


class Split(str, Enum):
    train = 'train'
    val = 'val'
    test = 'test'


class Format(str, Enum):
    table = 'table'
    jsonl = 'jsonl'


class Detector(str, Enum):
    mask_rcnn = 'mask-rcnn'
    ssdlite = 'ssdlite'


@app.command()
def build(
    root: Path = Root,
    split: List[Split] = typer.Option([Split.train, Split.val], '--split',
                                      help='Split to build; may be repeated.'),
    preset: str = Preset,
    overrides: List[str] = Set,
) -> None:
    r"""Turns the raw files into graphs and prints what they hold."""
    from eega_pyg.config import Config
    from eega_pyg.datasets import JMERE
    config = Config.load(preset, overrides)
    table = Table('', title=f'{root} ({config.data.version})')
    columns = []
    for name in split:
        table.add_column(name.value, justify='right')
        dataset = JMERE(str(root), split=name.value, tags=config.tags.tag_set(),
                        **config.data.arguments())
        columns.append(dataset.statistics())
    for row in columns[0]:
        table.add_row(row, *(_number(column[row]) for column in columns))
    out.print(table)


@app.command()
def train(
    root: Path = Root,
    folder: Path = typer.Option(..., '--out', '-o', help='Folder of the model.',
                                show_default=False),
    preset: str = Preset,
    overrides: List[str] = Set,
    resume: bool = typer.Option(
        False, '--resume', help='Go on after the last '
        'finished epoch of the run in the folder.'),
) -> None:
    r"""Trains a model; the epoch that is best on the validation split is kept."""
    from eega_pyg.config import Config
    from eega_pyg.training import fit
    _check_root(root)
    try:
        result = fit(Config.load(preset, overrides), root, folder, resume=resume)
    except KeyboardInterrupt:
        err.print(
            f"Stopped: the same command with --resume goes on after the last "
            f"finished epoch in '{folder}'", markup=False, highlight=False,
            soft_wrap=True)
        raise
    _print_scores(result.scores, f'best epoch: {result.epoch + 1}, validation split')
    out.print(f'The model is in {result.folder}', highlight=False)


@app.command()
def evaluate(
    root: Path = Root,
    model: str = Model,
    split: Split = typer.Option(Split.val, help='Split to score.'),
    output: Optional[Path] = typer.Option(None, '--json', help='Also write the '
                                          'scores to this file.'),
) -> None:
    r"""Scores a model against the given quintuples."""
    from eega_pyg.atomic import check_file, write_text
    from eega_pyg.datasets import JMERE
    from eega_pyg.device import find_device
    from eega_pyg.evaluation import evaluate as evaluate_model
    from eega_pyg.saved_model import load_model
    _check_root(root)
    if output is not None:
        check_file(output)
    saved = load_model(model)
    dataset = JMERE(str(root), split=split.value, vocabularies=saved.vocabularies,
                    tags=saved.model.tag_set, **saved.data.arguments())
    scores = evaluate_model(saved.model.to(find_device()), dataset, saved.signatures)
    _print_scores(scores, f'{root}, {split.value} split')
    if output is not None:
        write_text(output, json.dumps(scores, indent=2) + '\n')


@app.command()
def extract(
    text: Optional[str] = typer.Argument(None, help='The text.', show_default=False),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image; looked at only without a '
        'caption or a scene graph.'),
    source: Optional[Path] = typer.Option(
        None, '--input', help='JSON lines with "text" or "words", and optionally '
        '"caption" or "scene_graph", "image_id" and "image" (a path), instead of '
        'TEXT.'),
    align: bool = typer.Option(
        False, '--align', help='Also say which objects of '
        'the image each entity is aligned with (JSON lines only).'),
    target: Optional[Path] = typer.Option(None, '--output', help='File for the JSON '
                                          'lines.'),
    style: Optional[Format] = typer.Option(
        None, '--format', help='A table, or one '
        'JSON object a line \\[default: a table '
        'for TEXT, JSON lines for --input].'),
    resume: bool = typer.Option(
        False, '--resume', help='Go on where a stopped run '
        'with the same --input and --output ended.'),
) -> None:
    r"""Extracts entities and quintuples from a text or a file of texts."""
    from eega_pyg.atomic import check_apart, check_file
    from eega_pyg.extractor import Extractor
    from eega_pyg.item import read_items
    from eega_pyg.parsing import tracked
    from eega_pyg.result_file import run_identity, write_results
    if (text is None) == (source is None):
        raise ValueError('Give either TEXT or --input FILE')
    if source is not None and (caption, scene_graph, image) != (None, None, None):
        raise ValueError('With --input, captions, scene graphs and images stand in the '
                         'file')
    if resume and target is None:
        raise ValueError('--resume needs --output FILE')
    if target is not None:
        check_file(target)
        if source is not None:
            check_apart(source, target)
    numbered = (read_items(source) if source is not None else {
        0: one_item(text, caption, scene_graph, image)
    })
    extractor = Extractor.from_pretrained(model)
    check_items(extractor, numbered, source)
    items = list(numbered.values())

    def results(positions: Sequence[int]) -> Iterator[Tuple[int, 'Result']]:
        left = [items[i] for i in positions]
        for i, result in tracked(extractor.stream(left, align=align), len(left),
                                 len(items) >= 64, 'Extracting'):
            yield positions[i], result

    if target is not None:
        try:
            write_results(target, results, len(items),
                          run_identity(extractor, items, align), resume)
        except KeyboardInterrupt as e:
            err.print(str(e), markup=False, highlight=False, soft_wrap=True)
            raise
        err.print(f'Wrote {target}', highlight=False)
    elif style is Format.jsonl or (style is None and source is not None):
        for result in _in_order(results(range(len(items)))):
            print(result.to_json(), flush=True)
    else:
        for result in _in_order(results(range(len(items)))):
            out.print(_result_table(result))


@app.command()
def scene(
    sources: List[Path] = typer.Argument(
        ..., metavar='IMAGE|FOLDER|CAPTIONS.jsonl...', show_default=False,
        help='Images, folders of images, and JSON lines with "img_id" and "caption".'),
    folder: Path = typer.Option(..., '--out', '-o', show_default=False,
                                help='Folder of the scene graphs, a JSON file each.'),
    detector: Detector = typer.Option(Detector.mask_rcnn, help='The detector.'),
    weights: str = typer.Option(
        'COCO_V1', help='Weights of the detector: a name of torchvision\'s, a file, or '
        '"random", whose objects mean nothing.'),
    top_k: int = typer.Option(10, min=1, help='Objects kept of an image.'),
    score: float = typer.Option(0.3, min=0, max=1,
                                help='The least score of an object.'),
    device: str = typer.Option('cpu', help='Where the detector runs, e.g. cuda.'),
    features: bool = typer.Option(False, '--features', help='Also write the objects\' '
                                  'feature vectors.'),
    draw: bool = typer.Option(
        False, '--draw', help='Also draw each graph on its image '
        '(needs matplotlib).'),
) -> None:
    r"""Turns images and captions into scene graphs.

    What was done before is not done again. An image that cannot be read is reported,
    and makes the exit code 1 at the end.
    """
    from eega_pyg.scene_command import scene_run
    run = scene_run(folder, detector.value, weights, top_k, score, device, features,
                    draw)
    if weights == 'random':
        err.print('The detector has random weights: its objects mean nothing.')
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task('Parsing', total=None)
        summary = run.run(
            sources,
            lambda done, total: progress.update(task, completed=done, total=total))
    for name, why in summary.failed.items():
        err.print(f'{name}: {why}', style='red', markup=False, highlight=False,
                  soft_wrap=True)
    out.print(
        f'{len(summary.written)} scene graphs in {folder} ({summary.cached} '
        f'from the cache), {len(summary.failed)} failed', highlight=False,
        soft_wrap=True)
    if summary.failed:
        raise typer.Exit(1)


for command in (explain, graph, shrink):
    app.command()(command)


def _check_root(root: Path) -> None:
    # JMERE itself would download MNRE's text to wherever it is told.
    if not (root / 'raw').is_dir():
        raise FileNotFoundError(f"There is no data set in '{root}' (no folder "
                                f"'{root / 'raw'}'): 'eega build {root}' makes one")


def _in_order(results: Iterable[Tuple[int, 'Result']]) -> Iterator['Result']:
    r"""Each result as soon as all before it are there."""
    waiting: Dict[int, 'Result'] = {}
    following = 0
    for i, result in results:
        waiting[i] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _result_table(result: 'Result') -> Table:
    table = Table(title=Text(result.text))
    for name in ('head', 'type', 'relation', 'tail', 'type', 'probability'):
        table.add_column(name, overflow='fold')
    for q in result.to_dict()['quintuples']:
        head, tail = q['head'], q['tail']
        cells = (head['text'], head['type'], q['relation'], tail['text'], tail['type'],
                 f"{q['probability']:.2f}")
        table.add_row(*map(Text, cells))
    if not table.row_count:
        table.add_row('(no relation found)', *[''] * 5)
    return table


def _print_scores(scores: Dict[str, float], title: str) -> None:
    views: Dict[str, Dict[str, float]] = {}
    for name, value in scores.items():
        view, _, measure = name.rpartition('_')
        views.setdefault(view, {})[measure] = value
    table = Table('score (%)', title=title)
    for measure in ('precision', 'recall', 'f1'):
        table.add_column(measure, justify='right')
    for view, values in views.items():
        table.add_row(
            view.replace('_', ' '),
            *(f'{100 * values[m]:.2f}' for m in ('precision', 'recall', 'f1')))
    out.print(table)


def _number(value: float) -> str:
    return f'{value:,}' if isinstance(value, int) else f'{value:,.2f}'


def main() -> None:
    r"""Runs the command line; an error is one line and a non-zero exit."""
    warnings.filterwarnings('ignore')
    warnings.filterwarnings('default', module=r'eega_pyg\.datasets')
    warnings.showwarning = _show_warning
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
    try:
        app()
    except (ValueError, OSError, ImportError) as e:
        _tell('[red]error:[/red] ', e)
        sys.exit(1)


def _show_warning(message: Union[Warning, str], *args: Any, **kwargs: Any) -> None:
    _tell('[yellow]warning:[/yellow] ', message)


def _tell(kind: str, message: Any) -> None:
    err.print(kind, end='')
    err.print(' '.join(str(message).split()), markup=False, highlight=False,
              soft_wrap=True)
