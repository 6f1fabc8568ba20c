r"""Knowledge graphs as JSON lines."""
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Union

from eega_pyg.atomic import write_text

from .records import Evidence, Mention, Node, Relation, SeenObject, Sentence

if TYPE_CHECKING:
    from .graph import KnowledgeGraph

_FORMAT = 1


def write(graph: 'KnowledgeGraph', path: Union[str, Path]) -> None:
    r"""Writes a line ``{"format": 1}`` and one for each sentence, entity and relation,
    with counts and probabilities beside what they are counted from."""
    lines: List[Dict[str, Any]] = [{'format': _FORMAT}]
    lines += [{'kind': 'sentence', **dataclasses.asdict(s)} for s in graph.sentences]
    lines += [{
        'kind': 'entity',
        **dataclasses.asdict(n), 'count': n.count,
        'best': n.best,
        'mean': n.mean
    } for n in graph.nodes.values()]
    lines += [{
        'kind': 'relation',
        **dataclasses.asdict(r), 'count': r.count,
        'best': r.best,
        'mean': r.mean
    } for r in graph.relations]
    text = '\n'.join(json.dumps(line, ensure_ascii=False) for line in lines)
    write_text(path, text + '\n')


def read(path: Union[str, Path]) -> 'KnowledgeGraph':
    r"""The inverse of :func:`write`.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: Naming file and line, if it is not what :func:`write` writes.
    """
    from .graph import KnowledgeGraph
    graph = KnowledgeGraph((), {}, [])
    sentences: List[Sentence] = []
    with open(path, 'rb') as f:
        for number, line in enumerate(f, 1):
            try:
                value = json.loads(line.decode('utf-8'))
                if number == 1:
                    if value != {'format': _FORMAT}:
                        raise ValueError(f'expected {{"format": {_FORMAT}}}')
                    continue
                kind = value['kind']
                if kind == 'sentence':
                    sentences.append(Sentence(value['text'], value['image_id']))
                elif kind == 'entity':
                    node = _node(value, len(sentences))
                    graph.nodes[node.id] = node
                elif kind == 'relation':
                    graph.relations.append(_relation(value, graph, len(sentences)))
                else:
                    raise ValueError(f"unknown kind '{kind}'")
            except KeyError as e:
                raise ValueError(f"{path}:{number}: missing {e}") from None
            except (ValueError, TypeError, AttributeError, RecursionError) as e:
                raise ValueError(f"{path}:{number}: not a line of a "
                                 f"knowledge graph: {e}") from None
    return dataclasses.replace(graph, sentences=tuple(sentences))


def _node(value: Dict[str, Any], num_sentences: int) -> Node:
    mentions = []
    for item in value['mentions']:
        seen = item.pop('object')
        if seen is not None:
            box = seen.pop('box')
            seen = SeenObject(**seen, box=None if box is None else tuple(box))
        mentions.append(Mention(**item, object=seen))
        _check_sentence(mentions[-1].sentence, num_sentences)
    if not mentions:
        raise ValueError("an entity without a mention")
    return Node(value['id'], value['name'], value['type'], tuple(mentions),
                value['wikidata'])


def _relation(value: Dict[str, Any], graph: 'KnowledgeGraph',
              num_sentences: int) -> Relation:
    evidence = tuple(
        Evidence(e['sentence'], tuple(e['head']), tuple(e['tail']), e['probability'])
        for e in value['evidence'])
    for item in evidence:
        _check_sentence(item.sentence, num_sentences)
    for side in ('head', 'tail'):
        if value[side] not in graph.nodes:
            raise ValueError(f"there is no entity '{value[side]}' before it")
    if not evidence:
        raise ValueError("a relation without evidence")
    return Relation(value['head'], value['relation'], value['tail'], evidence,
                    value['directed'])


def _check_sentence(index: int, num_sentences: int) -> None:
    if not 0 <= index < num_sentences:
        raise ValueError(f"there is no sentence {index} before it")
