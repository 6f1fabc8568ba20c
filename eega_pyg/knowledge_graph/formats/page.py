r"""A page to look at a knowledge graph and to search it."""
from pathlib import Path
from typing import Union

import networkx as nx

from eega_pyg.files import write_text
from eega_pyg.visualize.layout import packed_layout
from eega_pyg.visualize.page import render

from ..records import GraphData


def write_graph_page(graph: GraphData, path: Union[str, Path],
                     title: str = 'Knowledge graph') -> None:
    r"""Writes one HTML page, which needs no network and no other file. It shows the
    graph with search, filters by type, relation, probability and count, and the
    sentences that each entity and relation comes from.

    Args:
        graph (GraphData): The graph. With a few thousand entities the page is fluent.
        path (str or Path): The file.
        title (str, optional): The title of the page.
    """
    write_text(path, graph_page(graph, title))


def graph_page(graph: GraphData, title: str = 'Knowledge graph') -> str:
    r"""The page of :func:`write_graph_page`."""
    net: nx.Graph = nx.Graph()
    net.add_nodes_from(graph.nodes)
    net.add_edges_from((r.head, r.tail) for r in graph.relations)
    place = packed_layout(net)
    number = {id: i for i, id in enumerate(graph.nodes)}
    nodes = [{
        'id':
        n.id,
        'name':
        n.name,
        'type':
        n.type,
        'names':
        n.names,
        'wikidata':
        n.wikidata,
        'best':
        round(n.best, 4),
        'x':
        round(place[n.id][0], 2),
        'y':
        round(place[n.id][1], 2),
        'mentions': [[m.sentence, m.start, m.end,
                      round(m.probability, 4)] for m in n.mentions],
    } for n in graph.nodes.values()]
    edges = [{
        'head':
        number[r.head],
        'tail':
        number[r.tail],
        'relation':
        r.relation,
        'directed':
        r.directed,
        'best':
        round(r.best, 4),
        'mean':
        round(r.mean, 4),
        'evidence': [[e.sentence, *e.head, *e.tail,
                      round(e.probability, 4)] for e in r.evidence],
    } for r in graph.relations]
    sentences = [[s.text, s.image_id] for s in graph.sentences]
    return render(
        'graph', title, {
            'title': title,
            'nodes': nodes,
            'edges': edges,
            'sentences': sentences,
            'types': sorted({n.type
                             for n in graph.nodes.values()}),
            'relations': sorted({r.relation
                                 for r in graph.relations}),
        })
