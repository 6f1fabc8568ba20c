r"""A page to look at a knowledge graph and to search it."""
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

import networkx as nx

from eega_pyg.files import write_text
from eega_pyg.visualize.layout import packed_layout
from eega_pyg.visualize.page import render
from eega_pyg.visualize.palette import type_marks
from eega_pyg.visualize.thumbnails import cutouts, thumbnails

from ..records import Box, GraphData, Mention


def write_graph_page(graph: GraphData, path: Union[str, Path],
                     title: str = 'Knowledge graph',
                     image_folder: Union[str, Path, None] = None) -> None:
    r"""Writes one HTML page, which needs no network and no other file. It shows the
    graph with search, filters by type, relation, probability and count, and the
    sentences that each entity and relation comes from.

    Args:
        graph (GraphData): The graph. With a few thousand entities the page is fluent.
        path (str or Path): The file.
        title (str, optional): The title of the page.
        image_folder (str or Path, optional): Where the images of the sentences are
            found by their names. The page then holds small copies of them, and of the
            boxes in which entities are seen, see
            :func:`~eega_pyg.visualize.thumbnails.thumbnails`. (default: :obj:`None`)
    """
    write_text(path, graph_page(graph, title, image_folder))


def graph_page(graph: GraphData, title: str = 'Knowledge graph',
               image_folder: Union[str, Path, None] = None) -> str:
    r"""The page of :func:`write_graph_page`."""
    net: nx.Graph = nx.Graph()
    net.add_nodes_from(graph.nodes)
    net.add_edges_from((r.head, r.tail) for r in graph.relations)
    place = packed_layout(net)
    number = {id: i for i, id in enumerate(graph.nodes)}
    worth = _worth(graph)
    parts = {} if image_folder is None else cutouts(_places(graph, worth), image_folder)
    index = {place: i for i, place in enumerate(parts)}
    nodes = [{
        'id': n.id,
        'name': n.name,
        'type': n.type,
        'names': n.names,
        'count': n.count,
        'wikidata': n.wikidata,
        'best': round(n.best, 4),
        'x': round(place[n.id][0], 2),
        'y': round(place[n.id][1], 2),
        'mentions': [_mention(m, graph, index) for m in n.mentions],
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
        'count':
        r.count,
        'evidence': [[e.sentence, *e.head, *e.tail,
                      round(e.probability, 4)] for e in r.evidence],
    } for r in graph.relations]
    return render(
        'graph', title, {
            'title': title,
            'nodes': nodes,
            'edges': edges,
            'sentences': [[s.text, s.image_id] for s in graph.sentences],
            'marks': type_marks(n.type for n in graph.nodes.values()),
            'relations': sorted({r.relation
                                 for r in graph.relations}),
            'images': {} if image_folder is None else thumbnails(worth, image_folder),
            'parts': list(parts.values()),
        })


def _mention(mention: Mention, graph: GraphData, parts: Mapping[Tuple[str, Box],
                                                                int]) -> List[Any]:
    value: List[Any] = [
        mention.sentence, mention.start, mention.end,
        round(mention.probability, 4)
    ]
    if (seen := mention.object) is not None:
        image = graph.sentences[mention.sentence].image_id
        part = None if seen.box is None else parts.get((image, seen.box))
        value.append([seen.label, seen.box, part])
    return value


def _worth(graph: GraphData) -> List[str]:
    r"""The images, those of entities that have relations first, then those that name
    most entities."""
    related = {i for r in graph.relations for i in (r.head, r.tail)}
    count: Dict[str, int] = {}
    for node in graph.nodes.values():
        for m in node.mentions:
            image = graph.sentences[m.sentence].image_id
            if image:
                worth = 1000 if node.id in related else 1
                count[image] = count.get(image, 0) + worth
    return sorted(count, key=lambda i: (-count[i], i))


def _places(graph: GraphData, images: Sequence[str]) -> List[Tuple[str, Box]]:
    r"""The boxes in which entities are seen, in the order of their images."""
    rank = {image: i for i, image in enumerate(images)}
    found = {
        (graph.sentences[m.sentence].image_id, m.object.box): m.object.strength
        for node in graph.nodes.values()
        for m in node.mentions if m.object is not None and m.object.box is not None
    }
    known = [(rank[image], -strength, image, box)
             for (image, box), strength in found.items() if image in rank]
    return [(image, box) for *_, image, box in sorted(known)]
