r"""JSON lines of doccano, with relations."""
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple, Union

from typing_extensions import TypedDict

from eega_pyg.schema import Index, Name, Text, located, short, split_fields, validated

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import FIELDS
from .json_array import read_values
from .native import other_fields, read_other_fields, write_lines

HOLDS = FIELDS | {'relations', 'lone', 'bare', 'empty', 'blanks', 'spacing', 'overlaps'}
_OWN = ('id', 'text', 'entities', 'relations', 'label', 'labels', 'Comments')
_Id = Union[int, str]


class _Entity(TypedDict):
    id: _Id
    label: Name
    start_offset: Index
    end_offset: Index


class _Relation(TypedDict):
    from_id: _Id
    to_id: _Id
    type: Name


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of an export of doccano: ``text``, ``entities`` with ``id``,
    ``label``, ``start_offset`` and ``end_offset``, ``relations`` with ``from_id``,
    ``to_id`` and ``type``. Projects without relations have ``label`` or ``labels``, a
    list of ``[start, end, label]``. Comments become metadata."""
    for place, value in read_values(path):
        with located(place):
            yield _text(validated(Dict[str, Any], value), place, left_out)


def _text(fields: Dict[str, Any], place: str,
          left_out: 'Counter[str]') -> AnnotatedText:
    known, metadata = split_fields(fields, (*_OWN, *FIELDS))
    if 'text' not in known:
        raise ValueError("missing 'text'")
    left_out['numbers that doccano gave to texts'] += 'id' in known
    if known.get('Comments'):
        metadata['Comments'] = known['Comments']
    spans = known.get('label', known.get('labels', []))
    if spans and known.get('entities'):
        raise ValueError("expected either 'entities' or 'label'")
    entities = [
        AnnotatedEntity(a, z, kind)
        for a, z, kind in validated(List[Tuple[Index, Index, Name]], spans, 'label')
    ]
    index: Dict[_Id, int] = {}
    for i, value in enumerate(
            validated(List[Any], known.get('entities', []), 'entities')):
        e = validated(_Entity, value, f'entities[{i}]')
        if index.setdefault(e['id'], i) != i:
            raise ValueError(f"entities[{i}].id: {short(e['id'])} is taken already")
        with located(f'entities[{i}]'):
            entities.append(
                AnnotatedEntity(e['start_offset'], e['end_offset'], e['label']))
    relations = []
    for i, value in enumerate(
            validated(List[Any], known.get('relations', []), 'relations')):
        r = validated(_Relation, value, f'relations[{i}]')
        for side in ('from_id', 'to_id'):
            if r[side] not in index:
                raise ValueError(f"relations[{i}].{side}: no entity has the id "
                                 f"{short(r[side])}")
        with located(f'relations[{i}]'):
            relations.append(
                AnnotatedRelation(index[r['from_id']], index[r['to_id']], r['type']))
    return AnnotatedText(validated(Text, known['text'], 'text'), tuple(entities),
                         tuple(relations), metadata=metadata, place=place,
                         **read_other_fields(known))


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as doccano imports them."""
    write_lines(_values(texts), path)


def _values(texts: Iterable[AnnotatedText]) -> Iterator[Dict[str, Any]]:
    entities = relations = 0  # Their ids are those of the whole file.
    for text in texts:
        yield {
            'text':
            text.text,
            'entities': [{
                'id': entities + i,
                'label': e.type,
                'start_offset': e.start,
                'end_offset': e.end
            } for i, e in enumerate(text.entities)],
            'relations': [{
                'id': relations + i,
                'from_id': entities + r.head,
                'to_id': entities + r.tail,
                'type': r.type
            } for i, r in enumerate(text.relations)],
            **other_fields(text)
        }
        entities += len(text.entities)
        relations += len(text.relations)
