r"""The command ``eega graph``."""
import json
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import typer

from .console import tell
from .options import Device, MinProbability, OptionalModel, check_items


class Images(str, Enum):
    attributes = 'attributes'
    nodes = 'nodes'


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
        'that a relation says are names of one another.'),
    min_probability: Optional[float] = MinProbability,
    min_count: int = typer.Option(
        1, min=1, help='Leave out relations that are stated '
        'less often, and entities without any.'),
    device: Optional[str] = Device,
) -> None:
    r"""Merges what was found in many texts into one graph and writes it."""
    from eega_pyg.files import check_apart, read_lines
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
        _extract(lines, source, model, device, min_probability)
        try:
            found = KnowledgeGraph.from_results(lines.values(), linker, merge_names,
                                                min_probability or 0.0)
        except ResultError as e:
            raise ValueError(f'{source}:{list(lines)[e.index]}: {e.reason}') from None
        if min_count > 1:
            found = found.filter(min_count=min_count)
        for path in target:
            found.write(path, images.value)
            tell(f'Wrote {path}')
    tell(f'{len(found.nodes)} entities and {len(found.relations)} relations in '
         f'{len(found.sentences)} texts')


def _extract(lines: Dict[int, Any], source: Path, model: Optional[str],
             device: Optional[str], threshold: Optional[float]) -> None:
    r"""Replaces the lines that hold texts by results; those that hold results stay."""
    from eega_pyg.extraction.item import Item
    from eega_pyg.schema import validated
    items: Dict[int, Item] = {}
    for number, value in lines.items():
        if not isinstance(value, dict) or 'quintuples' not in value:
            items[number] = validated(Item, value, f'{source}:{number}')
    if not items:
        return
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.parsing import tracked
    extractor = Extractor.from_pretrained(model, device, threshold=threshold)
    check_items(extractor, items, source)
    numbers = list(items)
    stream = extractor.stream(items.values(), align=True)
    for i, result in tracked(stream, len(items), len(items) >= 64, 'Extracting'):
        lines[numbers[i]] = result


@contextmanager
def _kept(lines: Dict[int, Any], path: Path) -> Iterator[None]:
    r"""If the block fails, writes the lines to a file, so that the results among them
    are not lost."""
    from eega_pyg.extraction.result import Result
    from eega_pyg.files import write_text
    try:
        yield
    except BaseException:
        found = [x for x in lines.values() if isinstance(x, Result)]
        if found:
            write_text(
                path, ''.join(
                    (x.to_json() if isinstance(x, Result) else json.dumps(x)) + '\n'
                    for x in lines.values()))
            tell(f"{len(found)} results are in '{path}': with that file as its source "
                 f"'eega graph' goes on")
        raise
