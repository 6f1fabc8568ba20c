r"""The command ``eega graph``."""
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

import typer

from .console import note, tell
from .extraction import Extraction
from .inputs import input_paths
from .options import (
    Detector,
    Device,
    Input,
    MinProbability,
    OptionalModel,
    Quiet,
    SampleBy,
    Unit,
    output,
)

if TYPE_CHECKING:
    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.item_files import Record
    from eega_pyg.extraction.result_file import PartialResults


class Images(str, Enum):
    attributes = 'attributes'
    nodes = 'nodes'


def graph(
    sources: Optional[List[str]] = typer.Argument(
        None, metavar='FILE', show_default=False, help='Results that "eega extract" '
        'has written as JSON, annotated texts as "eega convert" writes them, or texts '
        'as "eega extract" reads them.'),
    source: Optional[Path] = Input,
    sample_by: Unit = SampleBy,
    target: List[Path] = output(
        'A file that ends in .jsonl, .json (nodes and links), .csv (a relation a row), '
        '.graphml, .ttl, .jsonld, .cypher, .html (a page to search), .pdf, .png or '
        '.svg, or a folder for neo4j-admin\'s CSV files; may be repeated.'),
    model: Optional[str] = OptionalModel,
    detector: Optional[str] = Detector,
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
    max_mentions: Optional[int] = typer.Option(
        None, min=1, show_default=False, help='Keep at most so many mentions of an '
        'entity and so much evidence of a relation, the most probable ones; counts and '
        'means stay those of all. Memory then grows with the graph only.'),
    device: Optional[str] = Device,
    resume: bool = typer.Option(
        False, '--resume', help='Go on where a stopped run '
        'with the same texts and --output ended.'),
    quiet: bool = Quiet,
) -> None:
    r"""Merges what was found in many texts into one graph and writes it.

    The graph does not depend on the order of the files, nor on how many there are.
    """
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
    from eega_pyg.extraction.item_files import check_unit
    check_unit(paths, sample_by.value)
    for file in paths:  # What is wrong is told before much is loaded.
        if file.suffix.lower() in ('.csv', '.tsv', '.txt'):
            for _ in _records([file], sample_by.value):
                pass
    from eega_pyg.knowledge_graph import KnowledgeGraph, ResultError, TableLinker
    linker = TableLinker.from_csv(links) if links is not None else None
    with ExitStack() as stack:
        values = _Values(_records(paths, sample_by.value), stack, target[0], resume,
                         model, device, min_probability, detector)
        try:
            found = KnowledgeGraph.from_results(values, linker, merge_names,
                                                min_probability or 0.0, streamed=True,
                                                max_mentions=max_mentions)
        except ResultError as e:
            raise ValueError(f'{values.place}: {e.reason}') from None
        if min_count > 1:
            found = found.filter(min_count=min_count)
        for path in target:
            found.write(path, images.value, image_folder)
            note(f'Wrote {path}')
        if values.part is not None:
            values.part.remove()
    note(f'{len(found.nodes)} entities and {len(found.relations)} relations in '
         f'{len(found.sentences)} texts')


class _Values:
    # The results among records, the annotated texts, and the results of all other
    # texts, one by one; they are gone through once. What was extracted stays on the
    # disk if something fails before the graph is written.
    def __init__(self, records: Iterator['Record'], stack: ExitStack, target: Path,
                 resume: bool, model: Optional[str], device: Optional[str],
                 min_probability: Optional[float], detector: Optional[str]) -> None:
        self.records = records
        self.stack = stack
        self.target = target
        self.resume = resume
        self.options = (model, device, min_probability, True)
        self.detector = detector
        self.place = ''
        self.part: Optional['PartialResults'] = None

    def __iter__(self) -> Iterator[Any]:
        from eega_pyg.extraction.item_files import as_item
        from eega_pyg.formats.native import from_dict, is_annotated, to_result
        from eega_pyg.schema import located
        items: Dict[str, 'Item'] = {}
        for self.place, value in self.records:
            if isinstance(value, dict) and 'quintuples' in value:
                yield value
            elif is_annotated(value):
                with located(self.place):
                    text = from_dict(value)
                yield to_result(text)
            else:
                items[self.place] = as_item(value, self.place)
        if not items:
            return
        from eega_pyg.extraction.result_file import PartialResults
        self.part = self.stack.enter_context(
            PartialResults(self.target, self.resume, tell))
        found = Extraction(items, *self.options,
                           detector=self.detector).values(self.part)
        for self.place, value in zip(items, found):
            yield value


def _records(paths: List[Path], sample_by: str) -> Iterator['Record']:
    r"""What the files hold, behind its place."""
    from eega_pyg.extraction.item_files import read_records
    for path in paths:
        empty = True
        for place, value in read_records(path, sample_by):
            if empty and isinstance(value,
                                    dict) and 'format' in value and 'text' not in value:
                raise ValueError(f"'{path}' is a graph already: KnowledgeGraph.load "
                                 f"reads it, and its 'filter' and 'write' make others "
                                 f"of it")
            empty = False
            yield place, value
        if empty:
            raise ValueError(f"'{path}' holds neither a result nor a text")
