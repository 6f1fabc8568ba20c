r"""Results to the file of a graph."""
import importlib.util
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, NamedTuple, Sequence

from eega_pyg.knowledge_graph import KnowledgeGraph, ResultError
from eega_pyg.knowledge_graph.formats.write import FORMATS

from .asked import GraphRequest
from .refusal import Refusal

#: Of neo4j-admin, a folder of CSV files, which is sent in one.
NEO4J = 'neo4j'
#: What the formats are called in HTTP.
MEDIA_TYPES = {
    'jsonl': 'application/jsonl',
    'json': 'application/json',
    'csv': 'text/csv; charset=utf-8',
    'graphml': 'application/graphml+xml',
    'ttl': 'text/turtle; charset=utf-8',
    'jsonld': 'application/ld+json',
    'cypher': 'text/plain; charset=utf-8',
    'html': 'text/html; charset=utf-8',
    'pdf': 'application/pdf',
    'png': 'image/png',
    'svg': 'image/svg+xml',
    NEO4J: 'application/zip',
}


class GraphFile(NamedTuple):
    r"""A graph in some format."""
    content: bytes
    media_type: str
    name: str


def formats() -> List[str]:
    r"""The formats whose libraries are installed."""
    found = [
        ending[1:] for ending, needed in FORMATS.items()
        if not needed or importlib.util.find_spec(needed[0])
    ]
    return [*found, NEO4J]


def check_format(asked: GraphRequest) -> None:
    r"""Raises a :class:`Refusal` if the format cannot be written here."""
    if asked.format not in formats():
        raise Refusal(
            422, f"format: expected one of {', '.join(formats())} (got "
            f"'{asked.format[:80]}')")


def graph_file(asked: GraphRequest, found: Sequence[Dict[str, Any]]) -> GraphFile:
    r"""Merges results into a graph, as ``eega graph`` does.

    Args:
        asked (GraphRequest): How, and what other results there are.
        found (sequence of dict): What was found in the items.

    Raises:
        Refusal: Naming the result and the field, if one is wrong; or if there is
            nothing to draw.
    """
    try:
        graph = KnowledgeGraph.from_results([*found, *asked.results],
                                            merge_names=asked.merge_names,
                                            min_probability=asked.min_probability or 0)
    except ResultError as e:
        raise Refusal(422, f'results[{e.index - len(found)}]: {e.reason}') from None
    if asked.min_count > 1:
        graph = graph.filter(min_count=asked.min_count)
    neo4j = asked.format == NEO4J
    with TemporaryDirectory() as folder:
        path = Path(folder, 'graph' if neo4j else f'graph.{asked.format}')
        try:
            graph.write(path, asked.images)
        except ValueError as e:  # No relation, or too many for a figure.
            raise Refusal(422, f'format: {e}') from None
        if neo4j:
            path = Path(shutil.make_archive(str(path), 'zip', path))
        return GraphFile(path.read_bytes(), MEDIA_TYPES[asked.format], path.name)
