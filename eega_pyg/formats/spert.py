r"""JSON of SpERT, and the form of CoNLL04 with plain lists."""
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Dict, Iterable, Iterator, List, Optional, Tuple

from pydantic import Field
from typing_extensions import TypedDict

from eega_pyg.schema import Index, Name, Span, Text, located, split_fields, validated

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import FIELDS, WITH_WORDS
from .json_array import read_array
from .native import other_fields, read_other_fields, write_array
from .words import from_word_spans, word_spans

HOLDS = FIELDS | {WITH_WORDS, 'relations', 'lone', 'bare', 'words', 'overlaps'}
_OWN = ('tokens', 'entities', 'relations')
_Words = Annotated[List[Name], Field(min_length=1)]


class _Lists(TypedDict):
    tokens: _Words
    entities: List[Tuple[Index, Index, Text]]
    relations: List[Tuple[Index, Index, Index, Index, Text]]


class _Entity(TypedDict):
    start: Index
    end: Index
    type: Name


class _Relation(TypedDict):
    head: Index
    tail: Index
    type: Name


class _Objects(TypedDict):
    tokens: _Words
    entities: List[_Entity]
    relations: List[_Relation]


def read(path: Path,
         left_out: 'Optional[Counter[str]]' = None) -> Iterator[AnnotatedText]:
    r"""Yields the sentences of a JSON list of ``{"tokens": [...], "entities":
    [{"start": 0, "end": 2, "type": "Loc"}], "relations": [{"head": 0, "tail": 1,
    "type": "Live_In"}]}`` with half-open spans of tokens, or with ``[start, end,
    type]`` and ``[head start, head end, tail start, tail end, type]`` in their place.
    """
    for i, value in enumerate(read_array(path)):
        with located(place := f'{path}: sentence {i}'):
            yield _text(value, place)


def _text(value: Any, place: str) -> AnnotatedText:
    with_objects = isinstance(value, dict) and any(
        isinstance(value.get(name), list) and any(
            isinstance(x, dict) for x in value[name])
        for name in ('entities', 'relations'))
    sentence = validated(_Objects if with_objects else _Lists, value)
    words = tuple(sentence['tokens'])
    if with_objects:
        found = [((e['start'], e['end']), e['type']) for e in sentence['entities']]
    else:
        found = [((a, z), kind) for a, z, kind in sentence['entities']]
    spans = from_word_spans(words, [span for span, _ in found])
    if with_objects:
        relations = [(r['head'], r['tail'], r['type']) for r in sentence['relations']]
    else:
        relations = _by_span(sentence['relations'], [span for span, _ in found])
    known, metadata = split_fields(value, (*_OWN, *FIELDS))
    return AnnotatedText(
        ' '.join(words),
        tuple(AnnotatedEntity(*span, kind) for span, (_, kind) in zip(spans, found)),
        tuple(AnnotatedRelation(*r) for r in relations), words, metadata=metadata,
        place=place, **read_other_fields(known))


def _by_span(relations: List[Tuple[int, int, int, int, str]],
             spans: List[Span]) -> List[Tuple[int, int, str]]:
    index = {span: i for i, span in enumerate(spans)}
    found = []
    for a, b, c, d, name in relations:
        if (a, b) not in index or (c, d) not in index:
            raise ValueError(f"the relation {[a, b, c, d, name]} is not between "
                             f"entities")
        found.append((index[a, b], index[c, d], name))
    return found


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as SpERT's JSON."""
    write_array(map(_to_dict, texts), path)


def _to_dict(text: AnnotatedText) -> Dict[str, Any]:
    return {
        'tokens':
        list(text.words or ()),
        'entities': [{
            'type': e.type,
            'start': start,
            'end': end
        } for e, (start, end) in zip(text.entities, word_spans(text))],
        'relations': [{
            'type': r.type,
            'head': r.head,
            'tail': r.tail
        } for r in text.relations],
        **other_fields(text)
    }
