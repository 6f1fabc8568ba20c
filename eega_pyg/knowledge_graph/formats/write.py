r"""Writing a graph in the format of a path's ending."""
from pathlib import Path
from typing import Dict, Tuple, Union

from eega_pyg.files import check_file, is_stream
from eega_pyg.resolve import require

from ..records import GraphData

#: The endings, with the library and the extra that each needs, if it needs one.
FORMATS: Dict[str, Tuple[str, ...]] = {
    '.jsonl': (),
    '.json': (),
    '.csv': (),
    '.graphml': (),
    '.ttl': ('rdflib', 'rdf'),
    '.jsonld': ('rdflib', 'rdf'),
    '.cypher': (),
    '.html': (),
    '.pdf': ('matplotlib', 'plot'),
    '.png': ('matplotlib', 'plot'),
    '.svg': ('matplotlib', 'plot'),
}


def check_target(path: Union[str, Path]) -> str:
    r"""The ending of a path in lower case. It raises the errors of :func:`write`, so
    that they come before any work is done."""
    suffix = Path(path).suffix.lower()
    if suffix == '':
        if str(path) == '-' or is_stream(path):
            raise ValueError(f"'{path}' has no ending, which would say the format: "
                             f"name a file that ends in {', '.join(FORMATS)}")
        if Path(path).is_file():
            raise NotADirectoryError(f"'{path}' is a file: name a folder, or a file "
                                     f"with an ending")
        from .neo4j_csv import check_own
        check_own(Path(path))
        return suffix
    if suffix not in FORMATS:
        raise ValueError(f"'{path}' ends in no known format: expected "
                         f"{', '.join(FORMATS)} or, for a folder of CSV files, none")
    if needed := FORMATS[suffix]:
        require(*needed)
    check_file(path)
    return suffix


def write(graph: GraphData, path: Union[str, Path], images: str = 'attributes',
          image_folder: Union[str, Path, None] = None) -> None:
    r"""Writes a graph, see :meth:`eega_pyg.knowledge_graph.KnowledgeGraph.write`."""
    suffix = check_target(path)
    if images not in ('attributes', 'nodes'):
        raise ValueError(f"Expected images as attributes or nodes (got '{images}')")
    from ..network import to_networkx
    from . import cypher, figure, graphml, jsonl, neo4j_csv, node_link, page, rdf, table
    if suffix == '.jsonl':
        jsonl.write(graph, path)
    elif suffix == '.json':
        node_link.write(to_networkx(graph, images), path)
    elif suffix == '.csv':
        table.write(graph, path)
    elif suffix == '.html':
        page.write_graph_page(graph, path, image_folder=image_folder)
    elif suffix in ('.pdf', '.png', '.svg'):
        figure.write(graph, path)
    elif suffix in ('.ttl', '.jsonld'):
        rdf.write(graph, path, images)
    elif suffix == '.graphml':
        graphml.write(to_networkx(graph, images), path)
    elif suffix == '.cypher':
        cypher.write(to_networkx(graph, images), path)
    else:
        neo4j_csv.write(to_networkx(graph, images), path)
