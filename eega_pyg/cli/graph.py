r"""The command ``eega graph``."""
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer

from .console import note, tell
from .extraction import Extraction
from .inputs import input_paths
from .options import Device, Input, MinProbability, OptionalModel, Quiet, output


class Images(str, Enum):
    attributes = 'attributes'
    nodes = 'nodes'


def graph(
    sources: Optional[List[str]] = typer.Argument(
        None, metavar='FILE', show_default=False, help='Results that "eega extract" '
        'has written as JSON, or texts as it reads them.'),
    source: Optional[Path] = Input,
    target: List[Path] = output(
        'A file that ends in .jsonl, .json (nodes and links), .csv (a relation a row), '
        '.graphml, .ttl, .jsonld, .cypher, .html (a page to search), .pdf, .png or '
        '.svg, or a folder for neo4j-admin\'s CSV files; may be repeated.'),
    model: Optional[str] = OptionalModel,
    images: Images = typer.Option(Images.attributes, help='Whether images become '
                                  'nodes.'),
    image_folder: Optional[Path] = typer.Option(
        None, show_default=False, help='Where the images are found by their names: a '
        'page then shows small copies of them.'),
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
    resume: bool = typer.Option(
        False, '--resume', help='Go on where a stopped run '
        'with the same texts and --output ended.'),
    quiet: bool = Quiet,
) -> None:
    r"""Merges what was found in many texts into one graph and writes it."""
    paths = input_paths(sources or [], source)
    if not paths:
        raise FileNotFoundError(f"There is no file or folder '{(sources or [''])[0]}'")
    from eega_pyg.files import check_apart, check_folder
    from eega_pyg.knowledge_graph.formats.write import check_target
    if image_folder is not None and not image_folder.is_dir():
        raise FileNotFoundError(f"There is no folder '{image_folder}'")
    for path in target:
        if check_target(path) == '':
            check_folder(path)
        for file in paths:
            check_apart(file, path)
    records = _records(paths)
    items = _items(records)
    from eega_pyg.extraction.result_file import PartialResults
    from eega_pyg.knowledge_graph import KnowledgeGraph, ResultError, TableLinker
    linker = TableLinker.from_csv(links) if links is not None else None
    # What was extracted stays if something fails before the graph is written.
    with PartialResults(target[0], resume, tell) if items else nullcontext() as part:
        if part is not None:
            extraction = Extraction(items, model, device, min_probability, True)
            records.update(zip(items, extraction.values(part)))
        try:
            found = KnowledgeGraph.from_results(records.values(), linker, merge_names,
                                                min_probability or 0.0)
        except ResultError as e:
            raise ValueError(f'{list(records)[e.index]}: {e.reason}') from None
        if min_count > 1:
            found = found.filter(min_count=min_count)
        for path in target:
            found.write(path, images.value, image_folder)
            note(f'Wrote {path}')
        if part is not None:
            part.remove()
    note(f'{len(found.nodes)} entities and {len(found.relations)} relations in '
         f'{len(found.sentences)} texts')


def _records(paths: List[Path]) -> Dict[str, Any]:
    r"""What the files hold, by its place."""
    from eega_pyg.extraction.item_files import read_records
    records: Dict[str, Any] = {}
    for path in paths:
        read = dict(read_records(path))
        if not read:
            raise ValueError(f"'{path}' holds neither a result nor a text")
        first = next(iter(read.values()))
        if isinstance(first, dict) and 'format' in first and 'text' not in first:
            raise ValueError(f"'{path}' is a graph already: KnowledgeGraph.load reads "
                             f"it, and its 'filter' and 'write' make others of it")
        records.update(read)
    return records


def _items(records: Dict[str, Any]) -> Dict[str, Any]:
    r"""The items among the records; the others are results."""
    from eega_pyg.extraction.item_files import as_item
    return {
        place: as_item(value, place)
        for place, value in records.items()
        if not isinstance(value, dict) or 'quintuples' not in value
    }
