r"""Knowledge graphs as JSON lines."""
import dataclasses
from pathlib import Path
from typing import Any, Dict, List, Literal, Sequence, Union

from typing_extensions import TypedDict

from eega_pyg.files import write_text
from eega_pyg.json_yaml import json_text, read_lines
from eega_pyg.schema import located, short, validated

from ..records import Characters, GraphData, Node, Relation, Sentence, check_span

# The second has totals, which a reader of the first would leave out.
_FORMATS = (1, 2)
# What may be missing in a line.
_OPTIONAL = ('metadata', 'total')
_KINDS: Dict[str, Any] = {'sentence': Sentence, 'entity': Node, 'relation': Relation}


class _Line(TypedDict):
    kind: Literal['sentence', 'entity', 'relation']


def write(graph: GraphData, path: Union[str, Path]) -> None:
    r"""Writes a line ``{"format": 1}`` and a line for each sentence, entity and
    relation; entities and relations also have ``count``, ``best`` and ``mean``. Where
    not all mentions or evidence are kept, the format is 2, and ``total`` says what all
    of them say."""
    capped = any(x.total for x in (*graph.nodes.values(), *graph.relations))
    lines: List[Dict[str, Any]] = [{'format': _FORMATS[capped]}]
    lines += [{'kind': 'sentence', **dataclasses.asdict(s)} for s in graph.sentences]
    for kind, found in (('entity', graph.nodes.values()), ('relation',
                                                           graph.relations)):
        lines += [{
            'kind': kind,
            **_fields(x), 'count': x.count,
            'best': x.best,
            'mean': x.mean
        } for x in found]
    text = '\n'.join(json_text(line) for line in lines)
    write_text(path, text + '\n')


def read(path: Union[str, Path]) -> GraphData:
    r"""The inverse of :func:`write`.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: Naming file and line, if it is not what :func:`write` writes.
    """
    lines = read_lines(path)
    if next(lines, (0, None))[1] not in [{'format': form} for form in _FORMATS]:
        raise ValueError(f'{path}:1: no knowledge graph: expected {{"format": '
                         f'{_FORMATS[0]}}}')
    sentences: List[Sentence] = []
    nodes: Dict[str, Node] = {}
    relations: List[Relation] = []
    for number, value in lines:
        with located(f'{path}:{number}'):
            kind = _KINDS[validated(_Line, value)['kind']]
            for field in dataclasses.fields(kind):
                if field.name not in value and field.name not in _OPTIONAL:
                    raise ValueError(f"missing '{field.name}'")
            record = validated(kind, value)
            if not isinstance(record, Sentence):
                kept, total = len(record.probabilities), record.total
                if total is not None and total.count <= kept:
                    raise ValueError(f"total.count: expected more than the {kept} that "
                                     f"are kept (got {total.count})")
            if isinstance(record, Sentence):
                sentences.append(record)
            elif isinstance(record, Node):
                if record.id in nodes:
                    raise ValueError(f"id: there is an entity {short(record.id)} "
                                     f"before it")
                for i, m in enumerate(record.mentions):
                    _check(m.sentence, {'start': (m.start, m.end)}, sentences,
                           f'mentions[{i}]')
                nodes[record.id] = record
            else:
                for i, e in enumerate(record.evidence):
                    _check(e.sentence, {
                        'head': e.head,
                        'tail': e.tail
                    }, sentences, f'evidence[{i}]')
                for side in (record.head, record.tail):
                    if side not in nodes:
                        raise ValueError(f"there is no entity {short(side)} before it")
                relations.append(record)
    return GraphData(tuple(sentences), nodes, relations)


def _fields(record: Union[Node, Relation]) -> Dict[str, Any]:
    fields = dataclasses.asdict(record)
    if record.total is None:
        del fields['total']
    elif isinstance(record, Relation):
        del fields['total']['names']
    return fields


def _check(index: int, spans: Dict[str, Characters], sentences: Sequence[Sentence],
           where: str) -> None:
    if index >= len(sentences):
        raise ValueError(f"{where}.sentence: there is no sentence {short(index)} "
                         f"before it")
    for name, span in spans.items():
        check_span(*span, sentences[index].text, f'{where}.{name}')
