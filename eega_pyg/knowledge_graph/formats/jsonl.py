r"""Knowledge graphs as JSON lines."""
import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

from eega_pyg.files import read_lines, write_text

from ..checks import box, characters, field, share
from ..records import Evidence, GraphData, Mention, Node, Relation, SeenObject, Sentence

_FORMAT = 1


def write(graph: GraphData, path: Union[str, Path]) -> None:
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


def read(path: Union[str, Path]) -> GraphData:
    r"""The inverse of :func:`write`.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: Naming file and line, if it is not what :func:`write` writes.
    """
    graph = GraphData((), {}, [])
    sentences: List[Sentence] = []
    lines = read_lines(path)
    if next(lines, (0, None))[1] != {'format': _FORMAT}:
        raise ValueError(f'{path}:1: no knowledge graph: expected {{"format": '
                         f'{_FORMAT}}}')
    for number, value in lines:
        try:
            kind = field(value, '', 'kind', str)
            if kind == 'sentence':
                sentences.append(
                    Sentence(*(field(value, '', k, str) for k in ('text', 'image_id'))))
            elif kind == 'entity':
                node = _node(value, sentences)
                if node.id in graph.nodes:
                    raise ValueError(f"id: there is an entity '{node.id}' before it")
                graph.nodes[node.id] = node
            elif kind == 'relation':
                graph.relations.append(_relation(value, graph, sentences))
            else:
                raise ValueError(f"kind: expected sentence, entity or relation (got "
                                 f"'{kind}')")
        except ValueError as e:
            raise ValueError(f"{path}:{number}: {e}") from None
    return dataclasses.replace(graph, sentences=tuple(sentences))


def _node(value: Any, sentences: Sequence[Sentence]) -> Node:
    mentions = []
    for i, item in enumerate(_some(value, 'mentions')):
        where = f'mentions[{i}].'
        index, size = _sentence(item, where, sentences)
        span = characters(item.get('start'), item.get('end'), f'{where}start', size)
        seen = item.get('object')
        if seen is not None:
            inner = f'{where}object.'
            seen = SeenObject(field(seen, inner, 'label', str),
                              share(seen, inner, 'strength'),
                              box(seen.get('box'), inner))
        mentions.append(
            Mention(index, *span, field(item, where, 'name', str),
                    share(item, where, 'probability'), seen))
    wikidata = value.get('wikidata')
    if wikidata is not None:
        wikidata = field(value, '', 'wikidata', str)
    link, name, kind = (field(value, '', k, str) for k in ('id', 'name', 'type'))
    return Node(link, name, kind, tuple(mentions), wikidata)


def _relation(value: Any, graph: GraphData, sentences: Sequence[Sentence]) -> Relation:
    evidence = []
    for i, item in enumerate(_some(value, 'evidence')):
        where = f'evidence[{i}].'
        index, size = _sentence(item, where, sentences)
        head, tail = (_pair(item, where, side, size) for side in ('head', 'tail'))
        evidence.append(Evidence(index, head, tail, share(item, where, 'probability')))
    head, relation, tail = (field(value, '', k, str)
                            for k in ('head', 'relation', 'tail'))
    for side in (head, tail):
        if side not in graph.nodes:
            raise ValueError(f"there is no entity '{side}' before it")
    return Relation(head, relation, tail, tuple(evidence),
                    field(value, '', 'directed', bool))


def _some(value: Any, name: str) -> List[Any]:
    found = field(value, '', name, list)
    if not found:
        raise ValueError(f"{name}: expected at least one")
    return found


def _sentence(item: Any, where: str, sentences: Sequence[Sentence]) -> Tuple[int, int]:
    # Which one it is, and its number of characters.
    index = field(item, where, 'sentence', int)
    if not 0 <= index < len(sentences):
        raise ValueError(f"{where}sentence: there is no sentence {index} before it")
    return index, len(sentences[index].text)


def _pair(item: Any, where: str, name: str, size: int) -> Tuple[int, int]:
    found = field(item, where, name, list)
    if len(found) != 2:
        raise ValueError(f"{where}{name}: expected two numbers (got {found!r})")
    return characters(found[0], found[1], f'{where}{name}', size)
