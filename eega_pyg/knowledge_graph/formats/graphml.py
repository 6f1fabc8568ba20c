r"""Knowledge graphs in GraphML."""
import json
from pathlib import Path
from typing import Any, Dict, Union

import networkx as nx

from eega_pyg.files import atomic


def write(graph: nx.MultiDiGraph, path: Union[str, Path]) -> None:
    r"""Writes a graph; attributes that are lists or dicts become JSON. The keys of its
    edges are numbers, for they are the ids of the file, of which programs keep one edge
    each."""
    plain: nx.MultiDiGraph = nx.MultiDiGraph()
    for node, attributes in graph.nodes(data=True):
        plain.add_node(node, **scalars(attributes))
    for i, (head, tail, attributes) in enumerate(graph.edges(data=True)):
        plain.add_edge(head, tail, key=f'e{i}', **scalars(attributes))
    with atomic(path) as temporary:
        nx.write_graphml(plain, temporary, encoding='utf-8')


def scalars(attributes: Dict[str, Any]) -> Dict[str, Any]:
    r"""The attributes with lists and dicts as JSON. It is in ASCII, which every format
    can hold."""
    return {
        name: json.dumps(value) if isinstance(value, (list, dict)) else value
        for name, value in attributes.items()
    }
