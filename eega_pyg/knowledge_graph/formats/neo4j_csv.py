r"""Knowledge graphs as the CSV files that Neo4j imports."""
import re
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence, Tuple, Union

import networkx as nx

from eega_pyg.files import atomic
from eega_pyg.formats.rows import RowWriter

from .graphml import scalars

#: Column of the file, and attribute of the node or edge.
_ENTITY = [('id:ID', 'id'), ('name', 'name'), ('type', 'type'), ('names', 'names'),
           ('wikidata', 'wikidata'), ('count:long', 'count'), ('best:double', 'best'),
           ('mean:double', 'mean'), ('mentions', 'mentions'), (':LABEL', 'label')]
_IMAGE = [('id:ID', 'id'), ('name', 'name'), (':LABEL', 'label')]
_RELATION = [(':START_ID', 'start'), (':END_ID', 'end'),
             ('directed:boolean', 'directed'), ('count:long', 'count'),
             ('best:double', 'best'), ('mean:double', 'mean'), ('evidence', 'evidence'),
             ('object', 'object'), ('strength:double', 'strength'), ('box', 'box'),
             (':TYPE', 'relation')]


def write(graph: nx.MultiDiGraph, folder: Union[str, Path]) -> None:
    r"""Writes ``entities.csv``, ``relations.csv`` and, if images are nodes,
    ``images.csv``, each in one step. They are read by

    .. code-block:: bash

        neo4j-admin database import full --nodes=entities.csv --nodes=images.csv \
            --relationships=relations.csv --read-buffer-size=64m

    Lists and dicts are JSON. No field holds a line break. The buffer has to hold the
    longest field, *e.g.*, all mentions of an entity.
    """
    entities, images = [], []
    for node, attributes in graph.nodes(data=True):
        row = {'id': node, **attributes}
        if attributes['kind'] == 'image':
            images.append({**row, 'label': 'Image'})
        else:
            entities.append({**row, 'label': f"Entity;{_label(attributes['type'])}"})
    relations = [{
        **attributes, 'start': head,
        'end': tail
    } for head, tail, attributes in graph.edges(data=True)]
    target = Path(folder)
    _write(target / 'entities.csv', _ENTITY, entities)
    _write(target / 'relations.csv', _RELATION, relations)
    if images:
        _write(target / 'images.csv', _IMAGE, images)
    else:  # Of a graph that was written here before.
        (target / 'images.csv').unlink(missing_ok=True)


def check_own(folder: Path) -> None:
    r"""Raises an :class:`OSError` if a folder holds anything but a graph that was
    written before."""
    parts = (('entities.csv', _ENTITY), ('relations.csv', _RELATION), ('images.csv',
                                                                       _IMAGE))
    headers = {name: ','.join(column for column, _ in part) for name, part in parts}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.name[0] == '.':
            continue
        start = b''
        if file.name in headers and file.is_file():
            with file.open('rb') as f:
                start = f.readline().strip()
        if start.decode('utf-8', 'replace') != headers.get(file.name):
            raise FileExistsError(f"'{folder}' holds other files ('{file.name}'): name "
                                  f"an empty folder, or one that is not there yet")


def _write(path: Path, columns: Sequence[Tuple[str, str]],
           rows: Iterable[Dict[str, Any]]) -> None:
    with atomic(path) as temporary:
        with open(temporary, 'w', encoding='utf-8', newline='') as f:
            writer = RowWriter(f)
            writer.writerow([column for column, _ in columns])
            for row in rows:
                values = scalars(row)
                writer.writerow(_cells([values.get(name, '') for _, name in columns]))


def _cells(values: List[Any]) -> List[Any]:
    return [str(v).lower() if isinstance(v, bool) else v for v in values]


def _label(name: str) -> str:
    # ';' separates labels, and other marks would need quotes in every query.
    return re.sub(r'\W', '_', name)
