r"""The commands ``eega extract`` and ``eega explain``."""
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

import typer

from .bulk import (
    Address,
    BlockSize,
    Cpus,
    Engine,
    EngineOption,
    Gpus,
    Key,
    RetryErrors,
    Workers,
    check_without_ray,
    extract_in_bulk,
)
from .console import note, results, tell
from .extraction import Extraction
from .inputs import input_paths, tell_of_typing
from .options import (
    Caption,
    Detector,
    Device,
    Input,
    MinProbability,
    OptionalModel,
    Quiet,
    SampleBy,
    SceneGraphFile,
    Unit,
    one_item,
    output,
)
from .result_table import print_result

if TYPE_CHECKING:
    from eega_pyg.extraction.item import Item

_FIGURES = ('.pdf', '.png', '.svg')


class Format(str, Enum):
    table = 'table'
    jsonl = 'jsonl'
    json = 'json'
    csv = 'csv'
    tsv = 'tsv'
    parquet = 'parquet'
    html = 'html'
    label_studio = 'label-studio'


class Order(str, Enum):
    input = 'input'
    uncertainty = 'uncertainty'


def extract(
    texts: Optional[List[str]] = typer.Argument(
        None, metavar='TEXT|FILE', help='A text in quotes, or what --input takes; '
        'several files may be named.', show_default=False),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image. The model looks at it only without a caption or a '
        'scene graph.'),
    detector: Optional[str] = Detector,
    source: Optional[Path] = Input,
    sample_by: Unit = SampleBy,
    align: bool = typer.Option(
        False, '--align', help='Also say which objects of '
        'the image each entity is aligned with (JSON and pages only).'),
    min_probability: Optional[float] = MinProbability,
    device: Optional[str] = Device,
    target: Optional[Path] = output(
        'A file that ends in .jsonl, .json, .csv or .tsv, or for one TEXT a page '
        '(.html); by default results are printed.', None),
    style: Optional[Format] = typer.Option(
        None, '--format', show_default=False,
        help='How results are printed \\[default: a table for TEXT, JSON lines for '
        'files]; label-studio, tasks with predictions to correct, is written to a file '
        'that ends in .json too; parquet is written by --engine ray.'),
    order: Order = typer.Option(
        Order.input, help='With "uncertainty", texts come first in which the least '
        'certain entity or relation is, found or left out.'),
    resume: bool = typer.Option(
        False, '--resume', help='Go on where a stopped run '
        'with the same input and --output ended.'),
    engine: Engine = EngineOption,
    workers: Optional[int] = Workers,
    cpus: Optional[float] = Cpus,
    gpus: Optional[float] = Gpus,
    block_size: Optional[int] = BlockSize,
    key: Optional[str] = Key,
    address: Optional[str] = Address,
    retry_errors: Optional[bool] = RetryErrors,
    quiet: bool = Quiet,
) -> None:
    r"""Extracts entities and quintuples from a text or from files of texts.

    Beside "text" or "words", a record of CSV or JSON may have "caption" or
    "scene_graph", "image_id" (or "img_id") and "image" (a path); all else in it is
    passed on to its result.
    """
    of_ray = {
        'workers': workers,
        'cpus': cpus,
        'gpus': gpus,
        'block_size': block_size,
        'key': key,
        'address': address,
        'retry_errors': retry_errors
    }
    if engine is Engine.ray:
        if (caption, scene_graph, image, order) != (None, None, None, Order.input):
            raise ValueError('--engine ray reads files, in their order: captions, '
                             'scene graphs and images stand in them')
        if sample_by is not Unit.line:
            raise ValueError('--engine ray reads JSON lines and Parquet, which say '
                             'themselves what a text is: leave out --sample-by')
        extract_in_bulk([*(texts or []), *([str(source)] if source else [])], target,
                        style and style.value, of_ray, model=model, device=device,
                        threshold=min_probability, align=align, detector=detector)
        return
    check_without_ray(of_ray)
    paths = input_paths(texts or [], source)
    if paths and (caption, scene_graph, image) != (None, None, None):
        raise ValueError('Of files, captions, scene graphs and images stand in the '
                         'files')
    if not paths and sample_by is not Unit.line:
        raise ValueError('--sample-by is of files: TEXT is read as one text')
    if resume and target is None:
        raise ValueError('--resume needs --output FILE')
    if paths and resume and '-' in map(str, paths):
        raise ValueError('What came through the standard input is not there again: '
                         'write it to a file for --resume')
    form = _form(target, style, bool(paths))
    if align and form not in ('json', 'jsonl', 'html'):
        raise ValueError(
            f'--align is shown in JSON and on pages only (got {form}): add '
            f'--format jsonl, or name an output that ends in .jsonl, .json '
            f'or .html')
    if form == Format.html.value:
        _check_page(paths, resume)
    from eega_pyg.files import check_apart, check_file
    if target is not None:
        check_file(target)
        for path in paths:
            check_apart(path, target)
    from eega_pyg.extraction.item_files import items_of
    tell_of_typing(paths)
    items = items_of(paths, sample_by.value) if paths else {
        '': one_item((texts or [''])[0], caption, scene_graph, image)
    }
    if form == Format.label_studio.value:
        _check_metadata(items)
    by_certainty = order is Order.uncertainty
    extraction = Extraction(items, model, device, min_probability, align, by_certainty
                            or form == 'label-studio', by_certainty, detector)
    if form == Format.html.value:
        _write_page(extraction, target)
        return
    if target is None:
        _print(extraction, form)
        return
    from eega_pyg.extraction.result_file import PartialResults
    with PartialResults(target, resume, tell) as part:
        for path in extraction.write(part, target, form):
            note(f'Wrote {path}')


def _check_page(paths: Sequence[Path], resume: bool) -> None:
    if paths:
        raise ValueError('A page shows one text, given in quotes: write JSON lines, of '
                         'which "eega graph" makes a page')
    if resume:
        raise ValueError('A page is written at once: leave out --resume')


def _write_page(extraction: Extraction, target: Optional[Path]) -> None:
    from eega_pyg.visualize.explain_page import explain_page, write_explain_page
    result, = extraction.in_order()
    if target is None:
        results().write(explain_page(result))
        return
    write_explain_page(result, target)
    note(f'Wrote {target}')


def _check_metadata(items: Dict[str, 'Item']) -> None:
    r"""Raises a :class:`ValueError` where a task cannot hold what is known of a
    text."""
    from eega_pyg.formats import AnnotatedText
    from eega_pyg.schema import located
    for place, item in items.items():
        with located(place):
            AnnotatedText(item.text, metadata=item.metadata)


def _form(target: Optional[Path], style: Optional[Format], files: bool) -> str:
    r"""The form of the results."""
    from eega_pyg.extraction.result_formats import FORMATS
    if style is Format.parquet:
        raise ValueError('--format parquet needs --engine ray')
    if target is None:
        return style.value if style else 'jsonl' if files else 'table'
    suffix = target.suffix.lower()
    named = Format.html.value if suffix == '.html' else FORMATS.get(suffix)
    if named is None and str(target).startswith('/dev/'):
        named = style.value if style else 'jsonl'
    if named is None:
        raise ValueError(f"'{target}' ends in no known format: expected "
                         f"{', '.join(FORMATS)}, .html")
    if style is Format.table:
        raise ValueError('A table is printed, not written: leave out --output, or '
                         '--format table')
    if style is Format.label_studio and named in ('json', style.value):
        return style.value
    if style and style.value != named:
        raise ValueError(f"'{target}' ends in {suffix}, which is not --format "
                         f"{style.value}: leave out one of the two")
    return named


def _print(extraction: Extraction, form: str) -> None:
    found, numbers = extraction.rated(r.to_dict() for r in extraction.in_order())
    if form == 'table':
        for value, _ in found:
            print_result(value)
    else:
        from eega_pyg.extraction.result_formats import write_values
        write_values(found, results(), form, extraction.metadata_names(), numbers)


def explain(
    text: str = typer.Argument(..., help='The text.', show_default=False),
    target: List[Path] = output('The page (.html) or a figure (.pdf, .png, .svg); may '
                                'be repeated.'),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image, for the page. The model looks at it only without a '
        'caption or a scene graph.'),
    detector: Optional[str] = Detector,
    min_probability: Optional[float] = MinProbability,
    device: Optional[str] = Device,
    quiet: bool = Quiet,
) -> None:
    r"""Writes a page that shows what the model makes of a text and its image: entities,
    relations, the alignment of words and objects, and all word pairs."""
    from eega_pyg.files import check_file
    from eega_pyg.resolve import require
    for path in target:
        check_file(path)
        if path.suffix.lower() not in ('.html', *_FIGURES):
            raise ValueError(f"'{path}' ends in no known format: expected .html, "
                             f"{', '.join(_FIGURES)}")
        if path.suffix.lower() in _FIGURES:
            require('matplotlib', 'plot')
    item = one_item(text, caption, scene_graph, image)
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.visualize.explain_page import write_explain_page
    from eega_pyg.visualize.figures import draw_explanation, save_figure
    extractor = Extractor.from_pretrained(model, device, threshold=min_probability)
    if detector is not None:
        from eega_pyg.vision.detectors.named import named_parser
        extractor.image_parser = named_parser(detector, extractor.device)
    result = extractor.batch([item], align=True, pairs=True)[0]
    for path in target:
        if path.suffix.lower() == '.html':
            write_explain_page(result, path)
        else:
            save_figure(draw_explanation(result), path)
        note(f'Wrote {path}')
