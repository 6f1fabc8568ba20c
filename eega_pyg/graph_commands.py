r"""The commands ``eega explain``, ``eega graph`` and ``eega shrink``."""
import json
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

import typer
from rich.console import Console

if TYPE_CHECKING:
    from eega_pyg.extractor import Extractor
    from eega_pyg.item import Item

OptionalModel = typer.Option(
    None, '--model', '-m', help='Folder that "eega train" has written, or a model of '
    'the Hugging Face hub \\[default: the checkpoint of the package].',
    show_default=False)

Caption = typer.Option(None, help='What the image shows, in a sentence.')
SceneGraphFile = typer.Option(
    None, '--scene-graph', help='What the image shows, as the JSON file of a scene '
    'graph.')


class Images(str, Enum):
    attributes = 'attributes'
    nodes = 'nodes'


class Dtype(str, Enum):
    float32 = 'float32'
    float16 = 'float16'
    bfloat16 = 'bfloat16'
    int8 = 'int8'


def explain(
    text: str = typer.Argument(..., help='The text.', show_default=False),
    target: List[Path] = typer.Option(
        ..., '--out', '-o', show_default=False, help='The page (.html) or a figure '
        '(.pdf, .png, .svg); may be repeated.'),
    model: Optional[str] = OptionalModel,
    caption: Optional[str] = Caption,
    scene_graph: Optional[Path] = SceneGraphFile,
    image: Optional[Path] = typer.Option(
        None, help='The image, for the page; looked at '
        'by the model only without a caption or a scene graph.'),
) -> None:
    r"""Writes a page that shows how a text and its image are read: entities, relations,
    what the words are aligned with in the image, and all word pairs."""
    from eega_pyg.atomic import check_file
    from eega_pyg.extractor import Extractor
    from eega_pyg.extras import require
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
    extractor = Extractor.from_pretrained(model)
    result = extractor.batch([item], align=True, pairs=True)[0]
    for path in target:
        if path.suffix.lower() == '.html':
            write_explain_page(result, path)
        else:
            save_figure(draw_explanation(result), path)
        _tell(f'Wrote {path}')


def graph(
    source: Path = typer.Argument(
        ..., show_default=False, help='JSON lines: results that "eega extract" has '
        'written, or texts as it reads them with --input.'),
    target: List[Path] = typer.Option(
        ..., '--out', '-o', show_default=False, help='A file that ends in .jsonl, '
        '.graphml, .ttl, .jsonld, .cypher, .html (a page to search), .pdf, .png or '
        '.svg, or a folder for neo4j-admin\'s CSV files; may be repeated.'),
    model: Optional[str] = OptionalModel,
    images: Images = typer.Option(Images.attributes, help='Whether images become '
                                  'nodes.'),
    links: Optional[Path] = typer.Option(
        None, help='CSV file with the columns name, type and id, e.g. of Wikidata '
        '(Q90): names with one id become one entity.'),
    merge_names: bool = typer.Option(
        False, '--merge-names', help='Join entities '
        'that are said to be other names of each other.'),
    min_probability: float = typer.Option(
        0.0, min=0, max=1, help='Leave out relations that are less probable, '
        'and entities that are and stand in none that stays.'),
    min_count: int = typer.Option(
        1, min=1, help='Leave out relations that are stated '
        'less often, and entities without any.'),
) -> None:
    r"""Merges what was found in many texts into one graph and writes it."""
    from eega_pyg.atomic import check_apart
    from eega_pyg.item import read_lines
    from eega_pyg.knowledge_graph import (
        KnowledgeGraph,
        ResultError,
        TableLinker,
        check_target,
    )
    for path in target:
        check_target(path)
        check_apart(source, path)
    linker = TableLinker.from_csv(links) if links is not None else None
    lines = dict(read_lines(source))
    if not lines:
        raise ValueError(f"{source}: holds neither a result nor a text")
    first = next(iter(lines.values()))
    if isinstance(first, dict) and 'format' in first:
        raise ValueError(f"'{source}' is a graph already: KnowledgeGraph.load reads "
                         f"it, and its 'filter' and 'write' make others of it")
    with _kept(lines, target[0].with_name(target[0].name + '.results.jsonl')):
        _extract(lines, source, model)
        try:
            found = KnowledgeGraph.from_results(lines.values(), linker, merge_names,
                                                min_probability)
        except ResultError as e:
            raise ValueError(f'{source}:{list(lines)[e.index]}: {e.reason}') from None
        if min_count > 1:
            found = found.filter(min_count=min_count)
        for path in target:
            found.write(path, images.value)
            _tell(f'Wrote {path}')
    _tell(f'{len(found.nodes)} entities and {len(found.relations)} relations in '
          f'{len(found.sentences)} texts')


def shrink(
    source: Path = typer.Argument(..., help='Folder that "eega train" has written.',
                                  show_default=False),
    target: Path = typer.Option(..., '--out', '-o', help='Folder of the smaller model.',
                                show_default=False),
    dtype: Dtype = typer.Option(Dtype.float16, help='How weights are stored.'),
) -> None:
    r"""Stores a model without the weights that its public text encoder has too, and the
    others in half precision or in a byte."""
    from eega_pyg.small_model import shrink as shrink_model
    size = shrink_model(source, target, dtype.value)
    _tell(f'Wrote {target}, {size / 1e6:.1f} MB')


def one_item(text: Optional[str], caption: Optional[str], scene_graph: Optional[Path],
             image: Optional[Path]) -> 'Item':
    r"""The item that the options of a command describe."""
    from eega_pyg.item import Item
    from eega_pyg.schema import SceneGraph
    found = None
    if scene_graph is not None:
        try:
            found = SceneGraph.from_json(scene_graph.read_text(encoding='utf-8-sig'))
        except ValueError as e:
            raise ValueError(f'{scene_graph}: {e}') from None
    return Item(text=text or '', caption=caption, scene_graph=found, image=image)


def check_items(extractor: 'Extractor', items: Dict[int, 'Item'],
                source: Optional[Path]) -> None:
    r"""Raises an error that names file and line, if an item cannot be read."""
    for number, item in items.items():
        try:
            extractor.check(item)
        except (ValueError, OSError) as e:
            where = f'{source}:{number}: ' if source is not None else ''
            raise ValueError(f'{where}{e}') from None


def _extract(lines: Dict[int, Any], source: Path, model: Optional[str]) -> None:
    r"""Puts results in the place of texts; lines with results stay as they are."""
    from eega_pyg.item import Item
    items: Dict[int, Item] = {}
    for number, value in lines.items():
        if not isinstance(value, dict) or 'quintuples' not in value:
            try:
                items[number] = Item.from_dict(value)
            except ValueError as e:
                raise ValueError(f'{source}:{number}: {e}') from None
    if not items:
        return
    from eega_pyg.extractor import Extractor
    from eega_pyg.parsing import tracked
    extractor = Extractor.from_pretrained(model)
    check_items(extractor, items, source)
    numbers = list(items)
    stream = extractor.stream(items.values(), align=True)
    for i, result in tracked(stream, len(items), len(items) >= 64, 'Extracting'):
        lines[numbers[i]] = result


@contextmanager
def _kept(lines: Dict[int, Any], path: Path) -> Iterator[None]:
    r"""Where the block fails, results that it has put among the lines are written to a
    file, with the other lines as they are."""
    from eega_pyg.atomic import write_text
    from eega_pyg.result import Result
    try:
        yield
    except BaseException:
        found = [x for x in lines.values() if isinstance(x, Result)]
        if found:
            write_text(
                path, ''.join(
                    (x.to_json() if isinstance(x, Result) else json.dumps(x)) + '\n'
                    for x in lines.values()))
            _tell(f"{len(found)} results are in '{path}': with that file as its source "
                  f"'eega graph' goes on")
        raise


def _tell(message: str) -> None:
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)
