r"""Knowledge graphs as one JSON object of nodes and links."""
from pathlib import Path
from typing import Union

import networkx as nx

from eega_pyg.files import write_text
from eega_pyg.json_yaml import json_text


def write(graph: nx.MultiDiGraph, path: Union[str, Path]) -> None:
    r"""Writes ``{"nodes": [{"id", …}], "links": [{"source", "target", "key", …}]}``,
    which ``networkx.node_link_graph(…, edges='links')`` and D3 read; the attributes are
    those of :func:`~eega_pyg.knowledge_graph.network.to_networkx`."""
    value = {
        'directed':
        True,
        'multigraph':
        True,
        'graph': {},
        'nodes': [{
            **data, 'id': node
        } for node, data in graph.nodes(data=True)],
        'links': [{
            **data, 'source': head,
            'target': tail,
            'key': key
        } for head, tail, key, data in graph.edges(keys=True, data=True)],
    }
    write_text(path, json_text(value) + '\n')
