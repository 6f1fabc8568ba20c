r"""A knowledge graph as a graph of networkx."""
import dataclasses
from typing import Any, Dict, List, Tuple

import networkx as nx

from .excerpt import Excerpt, excerpt
from .records import GraphData, Mention, Relation

#: The relation between an entity and the images of the sentences that name it.
IMAGE_RELATION = 'mentioned_with'


def to_networkx(graph: GraphData, images: str = 'attributes') -> nx.MultiDiGraph:
    r"""A node for each entity and an edge for each relation, whose key is the relation.

    - Nodes have ``kind`` (``'entity'``), ``name``, ``type``, ``names`` (with how often
      each occurs), ``wikidata`` (``''`` where unknown), ``count``, ``best``, ``mean``
      and ``mentions``.
    - Edges have ``relation``, ``directed``, ``count``, ``best``, ``mean`` and
      ``evidence``.
    - Mentions and evidence are dicts with the sentence, its image, its metadata if
      there is any, the characters, the probability and, if known, the aligned object
      with its box. Of a text of more than 1,000 characters, the sentence is what is
      around, with its place in the text as ``offset``; the characters are of it.
    - If images are nodes, each has the id ``'image:NAME'`` (``'image:image:NAME'`` if
      there is an entity whose id begins like this), ``kind`` (``'image'``) and
      ``name``. Each entity of its sentences has an edge ``mentioned_with`` to it, with
      ``count`` and, for the strongest alignment, ``object``, ``strength`` and ``box``.

    Args:
        graph (GraphData): The graph.
        images (str, optional): :obj:`'attributes'` or :obj:`'nodes'`.
    """
    if images not in ('attributes', 'nodes'):
        raise ValueError(f"Expected images as attributes or nodes (got '{images}')")
    out: nx.MultiDiGraph = nx.MultiDiGraph()
    for node in graph.nodes.values():
        out.add_node(node.id, kind='entity', name=node.name, type=node.type,
                     names=node.names, wikidata=node.wikidata or '', count=node.count,
                     best=node.best, mean=node.mean,
                     mentions=[mention_dict(graph, m) for m in node.mentions])
    for relation in graph.relations:
        out.add_edge(relation.head, relation.tail, key=relation.relation,
                     relation=relation.relation, directed=relation.directed,
                     count=relation.count, best=relation.best, mean=relation.mean,
                     evidence=evidence_dicts(graph, relation))
    if images == 'nodes':
        prefix = 'image:'
        while any(node.startswith(prefix) for node in graph.nodes):
            prefix = f'image:{prefix}'
        for (entity, image), mentions in _by_image(graph).items():
            target = f'{prefix}{image}'
            out.add_node(target, kind='image', name=image)
            out.add_edge(entity, target, key=IMAGE_RELATION, relation=IMAGE_RELATION,
                         count=len(mentions), **_strongest(mentions))
    return out


def mention_dict(graph: GraphData, mention: Mention) -> Dict[str, Any]:
    r"""A mention in plain values."""
    part = excerpt(graph.sentences[mention.sentence].text, mention.start, mention.end)
    value = {
        **_source(graph, mention.sentence, part),
        'start': mention.start - part.offset,
        'end': mention.end - part.offset,
        'name': mention.name,
        'probability': mention.probability,
    }
    if mention.object is not None:
        value['object'] = _object(mention)
    return value


def evidence_dicts(graph: GraphData, relation: Relation) -> List[Dict[str, Any]]:
    r"""The evidence of a relation in plain values."""
    out = []
    for e in relation.evidence:
        places = (*e.head, *e.tail)
        part = excerpt(graph.sentences[e.sentence].text, min(places), max(places))
        out.append({
            **_source(graph, e.sentence, part),
            'head': [place - part.offset for place in e.head],
            'tail': [place - part.offset for place in e.tail],
            'probability':
            e.probability,
        })
    return out


def _source(graph: GraphData, index: int, part: Excerpt) -> Dict[str, Any]:
    r"""Where something was read."""
    sentence = graph.sentences[index]
    value: Dict[str, Any] = {'sentence': part.text, 'image': sentence.image_id}
    if part.offset:
        value['offset'] = part.offset
    if sentence.metadata:
        value['metadata'] = sentence.metadata
    return value


def _by_image(graph: GraphData) -> Dict[Tuple[str, str], List[Mention]]:
    found: Dict[Tuple[str, str], List[Mention]] = {}
    for node in graph.nodes.values():
        for mention in node.mentions:
            image = graph.sentences[mention.sentence].image_id
            if image:
                found.setdefault((node.id, image), []).append(mention)
    return found


def _strongest(mentions: List[Mention]) -> Dict[str, Any]:
    seen = [m for m in mentions if m.object is not None]
    if not seen:
        return {}
    best = _object(max(seen, key=lambda m: m.object.strength if m.object else 0.0))
    return {'object': best.pop('label'), **best}


def _object(mention: Mention) -> Dict[str, Any]:
    assert mention.object is not None
    value = dataclasses.asdict(mention.object)
    box = value.pop('box')
    return value if box is None else {**value, 'box': list(box)}
