r"""A page that shows how one pair of text and image was read."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import networkx as nx
import numpy as np

from eega_pyg.extraction.result import Result
from eega_pyg.files import write_text
from eega_pyg.schema import JMERE_SYMMETRIC, SceneGraph

from .page import render
from .palette import type_marks
from .thumbnails import data_uri

#: The tables of a longer text show the words of its entities, at most so many.
MAX_WORDS = 100
# Pixels of the longer side of the image in the page.
_MAX_SIDE = 900


def write_explain_page(result: Result, path: Union[str, Path]) -> None:
    r"""Writes one HTML page, which needs no network and no other file: the sentence
    with its entities and relations, the image with its boxes and the scene graph, the
    two transport plans, and the word-pair table.

    Args:
        result (Result): What ``extractor(..., align=True, pairs=True)`` returned; the
            plans and the table are left out where they were not asked for. A box in
            which an entity is seen has the colour of the entity.
        path (str or Path): The file.

    Raises:
        OSError: If the result's image cannot be read.
    """
    write_text(path, explain_page(result))


def explain_page(result: Result) -> str:
    r"""The page of :func:`write_explain_page`."""
    extraction = result.extraction
    number = {e: i for i, e in enumerate(extraction.entities)}
    value = result.to_dict()
    shown = _shown_words(result)
    types = {e.type for e in extraction.entities}
    if result.pairs is not None:
        types.update(result.pairs.tags.types)
    data: Dict[str, Any] = {
        'text':
        result.text,
        'offsets':
        result.offsets,
        'marks':
        type_marks(types),
        'entities': [{
            **item, 'start': e.start,
            'end': e.end
        } for item, e in zip(value['entities'], extraction.entities)],
        'quintuples': [{
            **item, 'head':
            number[q.head],
            'tail':
            number[q.tail],
            'directed':
            item['directed'] and q.relation not in JMERE_SYMMETRIC
        } for item, q in zip(value['quintuples'], extraction.quintuples)],
        'image':
        None if result.image is None else data_uri(result.image, _MAX_SIDE),
        'imageId':
        result.image_id,
        'objects':
        _objects(result.scene_graph),
        'predicates':
        value['scene_graph']['predicates'],
        'shown':
        shown,
        'plans':
        _plans(result, shown),
        'pairs':
        _pairs(result, shown),
    }
    title = result.text if len(result.text) <= 80 else result.text[:79] + '…'
    return render('explain', title, data)


def _shown_words(result: Result) -> List[int]:
    if len(result.offsets) <= MAX_WORDS:
        return list(range(len(result.offsets)))
    inside = [w for e in result.extraction.entities for w in range(e.start, e.end)]
    return inside[:MAX_WORDS]


def _objects(graph: SceneGraph) -> List[Dict[str, Any]]:
    net: nx.Graph = nx.Graph()
    net.add_nodes_from(range(len(graph.objects)))
    net.add_edges_from((p.subject, p.object) for p in graph.predicates)
    place = nx.circular_layout(net)
    if net.number_of_edges():
        place = nx.kamada_kawai_layout(net, pos=place)
    return [{
        'label': item.label,
        'score': item.score,
        'box': item.box,
        'x': round(float(place[i][0]), 4),
        'y': round(float(place[i][1]), 4),
    } for i, item in enumerate(graph.objects)]


def _plans(result: Result, shown: List[int]) -> Optional[Dict[str, Any]]:
    if result.alignment is None:
        return None
    return {
        name: np.round(plan[:, shown], 4).tolist()
        for name, plan in result.alignment._asdict().items()
    }


def _pairs(result: Result, shown: List[int]) -> Optional[Dict[str, Any]]:
    if result.pairs is None or not shown:
        return None
    table = result.pairs.table(shown)  # [m, m, T]
    unseen = np.isnan(table[..., 0])
    best = np.argsort(-np.nan_to_num(table), axis=-1, kind='stable')[..., :4]
    top = np.round(np.take_along_axis(np.nan_to_num(table), best, -1), 4)
    cells = [[
        None if unseen[i, j] else [best[i, j].tolist(), top[i, j].tolist()]
        for j in range(len(shown))
    ] for i in range(len(shown))]
    tags = result.pairs.tags
    return {'tags': tags.names, 'numTypes': len(tags.types), 'cells': cells}
