r"""The commands ``eega extract`` and ``eega explain``."""
from enum import Enum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import typer
from rich.table import Table
from rich.text import Text

from .console import out, tell
from .options import (
    Caption,
    Device,
    MinProbability,
    OptionalModel,
    SceneGraphFile,
    check_items,
    one_item,
)

if TYPE_CHECKING:
    from eega_pyg.extraction.result import Result


class Format(str, Enum):
    table = 'table'
    jsonl = 'jsonl'


def extract(
    text: Optional[str] = typer.Argument(None, help='The text.', show_default=False),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image. The model looks at it only without a caption or a '
        'scene graph.'),
    source: Optional[Path] = typer.Option(
        None, '--input',
        help='JSON lines, instead of TEXT, with "text" or "words" and, '
        'if you like, "caption" or "scene_graph", "image_id", and "image" (a path).'),
    align: bool = typer.Option(
        False, '--align', help='Also say which objects of '
        'the image each entity is aligned with (JSON lines only).'),
    min_probability: Optional[float] = MinProbability,
    device: Optional[str] = Device,
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
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.item import read_items
    from eega_pyg.extraction.result_file import run_identity, write_results
    from eega_pyg.files import check_apart, check_file
    from eega_pyg.parsing import tracked
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
    extractor = Extractor.from_pretrained(model, device, threshold=min_probability)
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
            tell(str(e))
            raise
        tell(f'Wrote {target}')
    elif style is Format.jsonl or (style is None and source is not None):
        for result in _in_order(results(range(len(items)))):
            print(result.to_json(), flush=True)
    else:
        for result in _in_order(results(range(len(items)))):
            out.print(_result_table(result))


def explain(
    text: str = typer.Argument(..., help='The text.', show_default=False),
    target: List[Path] = typer.Option(
        ..., '--out', '-o', show_default=False, help='The page (.html) or a figure '
        '(.pdf, .png, .svg); may be repeated.'),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image, for the page. The model looks at it only without a '
        'caption or a scene graph.'),
    device: Optional[str] = Device,
) -> None:
    r"""Writes a page that shows what the model makes of a text and its image: entities,
    relations, the alignment of words and objects, and all word pairs."""
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.files import check_file
    from eega_pyg.resolve import require
    from eega_pyg.visualize.explain_page import write_explain_page
    from eega_pyg.visualize.figures import FORMATS, draw_explanation, save_figure
    for path in target:
        check_file(path)
        if path.suffix.lower() not in ('.html', *FORMATS):
            raise ValueError(f"'{path}' ends in no known format: expected .html, "
                             f"{', '.join(FORMATS)}")
        if path.suffix.lower() in FORMATS:
            require('matplotlib', 'plot')
    item = one_item(text, caption, scene_graph, image)
    extractor = Extractor.from_pretrained(model, device)
    result = extractor.batch([item], align=True, pairs=True)[0]
    for path in target:
        if path.suffix.lower() == '.html':
            write_explain_page(result, path)
        else:
            save_figure(draw_explanation(result), path)
        tell(f'Wrote {path}')


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
    for q in result.quintuples:
        table.add_row(*map(Text, (q.head.text, q.head.type, q.relation, q.tail.text,
                                  q.tail.type, f'{q.probability:.2f}')))
    if not table.row_count:
        table.add_row('(no relation found)', *[''] * 5)
    return table
