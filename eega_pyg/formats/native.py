r"""The format of this package: a text a line, as an object of JSON."""
import json
from collections import Counter
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from pydantic import Field
from typing_extensions import Annotated, NotRequired, TypedDict

from eega_pyg.schema import (
    Flag,
    Index,
    Name,
    SceneGraph,
    Share,
    Text,
    located,
    short,
    split_fields,
    validated,
)

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText, Box
from .held import FEATURES
from .json_array import read_values
from .offsets import check_names
from .words import from_word_spans, word_spans

HOLDS = frozenset(FEATURES)
_NAMES = ('text', 'words', 'entities', 'relations', 'image_id', 'image', 'caption',
          'scene_graph')
_Words = Annotated[List[Name], Field(min_length=1)]


class _Entity(TypedDict):
    start: Index
    end: Index
    type: Name
    id: NotRequired[Optional[Text]]
    box: NotRequired[Optional[Box]]
    other_boxes: NotRequired[Optional[List[Box]]]
    probability: NotRequired[Optional[Share]]
    text: NotRequired[Optional[Text]]
    object: NotRequired[Any]
    object_score: NotRequired[Any]
    objects: NotRequired[Any]


class _Relation(TypedDict):
    head: Any
    tail: Any
    type: Name
    probability: NotRequired[Optional[Share]]
    directed: NotRequired[Flag]


class _Side(TypedDict):
    start: Index
    end: Index
    type: NotRequired[Optional[Text]]
    text: NotRequired[Optional[Text]]


class _Quintuple(TypedDict):
    head: _Side
    tail: _Side
    relation: Name
    probability: NotRequired[Optional[Share]]
    directed: NotRequired[Flag]


_ENTITY = tuple(_Entity.__annotations__)
#: What a result says of an entity, and an annotation does not.
_OF_RESULTS = {
    'object_score': 'scores of the boxes of entities',
    'objects': 'lists of objects that an entity is aligned with'
}
_RELATION = tuple(_Relation.__annotations__)


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of a file of JSON lines or of an array of JSON, one after the
    other. What ``eega extract`` writes as either is read as well."""
    for place, value in read_values(path):
        with located(place):
            yield from_dict(value, place, left_out)


def from_dict(value: Any, place: str = '',
              left_out: 'Optional[Counter[str]]' = None) -> AnnotatedText:
    r"""The text that an object of JSON describes, or a result of
    :meth:`Result.to_dict <eega_pyg.extraction.Result.to_dict>`.

    Args:
        value (dict): The object, see :func:`to_dict`.
        place (str, optional): Where it stands. (default: :obj:`''`)
        left_out (Counter, optional): Counts what is not taken over.
            (default: :obj:`None`)

    Raises:
        ValueError: Naming the field that is wrong.
    """
    value = validated(Dict[str, Any], value)
    known, metadata = split_fields(value, (*_NAMES, 'quintuples'), ('text', 'words'))
    words = known.get('words')
    if words is not None:
        words = tuple(validated(_Words, words, 'words'))
    base = AnnotatedText(known.get('text', ''), words=words)
    given = [
        _checked(_Entity, e, f'entities[{i}]', _ENTITY) for i, e in enumerate(
            validated(List[Any], known.get('entities', []), 'entities'))
    ]
    spans = [(e['start'], e['end']) for e in given]
    if base.words is not None and 'quintuples' not in known:
        from_word_spans(base.words, spans)
        offsets = base.offsets
        spans = [(offsets[a][0], offsets[z - 1][1]) for a, z in spans]
    check_names(base.text, spans, [e.get('text') for e in given])
    entities = []
    for i, (span, e) in enumerate(zip(spans, given)):
        with located(f'entities[{i}]'):
            entities.append(
                AnnotatedEntity(*span, e['type'],
                                e.get('id') or '', e.get('box'), e.get('probability'),
                                tuple(e.get('other_boxes') or ())))
    if left_out is not None:
        for name, what in _OF_RESULTS.items():
            if number := sum(name in e for e in given):
                left_out[what] += number
    if 'quintuples' in known:
        if 'relations' in known:
            raise ValueError("gives both 'quintuples' and 'relations': give either")
        relations = _of_quintuples(known['quintuples'], entities, base.text)
    else:
        relations = _relations(known.get('relations', []), entities)
    return AnnotatedText(base.text, tuple(entities), relations, base.words,
                         metadata=metadata, place=place, **read_other_fields(known))


def to_dict(text: AnnotatedText) -> Dict[str, Any]:
    r"""A text as an object of JSON: ``text`` (and ``words``, where these are known),
    ``entities`` with ``start``, ``end`` (in characters, half-open; in words where these
    are known), ``type`` and, where they are known, ``id``, ``box``, ``other_boxes`` and
    ``probability``, ``relations`` with ``head`` and ``tail`` (positions among the
    entities) and ``type``, and the fields of :func:`other_fields`."""
    spans = [(e.start, e.end) for e in text.entities]
    value: Dict[str, Any] = {'text': text.text}
    if text.words is not None:
        spans = word_spans(text)
        value = {'words': list(text.words)}
        if text.text != ' '.join(text.words):
            value['text'] = text.text
    value['entities'] = [{
        'start':
        start,
        'end':
        end,
        'type':
        e.type,
        **({
            'id': e.id
        } if e.id else {}),
        **({
            'box': list(e.box)
        } if e.box is not None else {}),
        **({
            'other_boxes': [list(box) for box in e.other_boxes]
        } if e.other_boxes else {}),
        **_probability(e.probability)
    } for e, (start, end) in zip(text.entities, spans)]
    value['relations'] = [{
        'head': r.head,
        'tail': r.tail,
        'type': r.type,
        **_probability(r.probability),
        **({} if r.directed else {
               'directed': False
           })
    } for r in text.relations]
    return {**value, **other_fields(text)}


def is_annotated(value: Any) -> bool:
    r"""Whether a value is a text with a list of annotated entities, as :func:`to_dict`
    makes it."""
    if not isinstance(value, dict) or not isinstance(value.get('entities'), list):
        return False
    return 'relations' in value or any(
        isinstance(e, dict) and {'start', 'end', 'type'} <= e.keys()
        for e in value['entities'])


def to_result(text: AnnotatedText) -> Dict[str, Any]:
    r"""A text as an object of :meth:`Result.to_dict
    <eega_pyg.extraction.Result.to_dict>`. What has no probability is certain."""
    entities = [{
        'text': text.text[e.start:e.end],
        'type': e.type,
        'start': e.start,
        'end': e.end,
        'probability': 1.0 if e.probability is None else e.probability,
        **({} if e.box is None else {
               'box': list(e.box)
           })
    } for e in text.entities]
    fields = other_fields(text)
    fields.pop('caption', None)
    return {
        'text':
        text.text,
        **fields, 'entities':
        entities,
        'quintuples': [{
            'head': entities[r.head],
            'relation': r.type,
            'tail': entities[r.tail],
            'probability': 1.0 if r.probability is None else r.probability,
            'directed': r.directed
        } for r in text.relations]
    }


def other_fields(text: AnnotatedText) -> Dict[str, Any]:
    r"""``image_id``, ``image``, ``caption``, ``scene_graph`` and ``metadata`` of a
    text, each only where there is any."""
    graph = text.scene_graph
    fields = {
        'image_id': text.image_id or None,
        'image': text.image or None,
        'caption': text.caption,
        'scene_graph': None if graph is None else graph.to_dict(),
        'metadata': text.metadata or None
    }
    return {name: value for name, value in fields.items() if value is not None}


def read_other_fields(known: Mapping[str, Any]) -> Dict[str, Any]:
    r"""The inverse of :func:`other_fields`, but for the metadata."""
    graph = known.get('scene_graph')
    return {
        'image_id':
        known.get('image_id', ''),
        'image':
        known.get('image', ''),
        'caption':
        known.get('caption'),
        'scene_graph':
        None if graph is None else validated(SceneGraph, graph, 'scene_graph')
    }


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as JSON lines."""
    write_lines(map(to_dict, texts), path)


def write_lines(values: Iterable[Any], path: Path) -> None:
    r"""Writes values as lines of JSON."""
    with open(path, 'w', encoding='utf-8', newline='\n') as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + '\n')


def write_array(values: Iterable[Any], path: Path) -> None:
    r"""Writes values as an array of JSON, each in a line."""
    with open(path, 'w', encoding='utf-8', newline='\n') as file:
        separator = '[\n'
        for value in values:
            file.write(separator + json.dumps(value, ensure_ascii=False))
            separator = ',\n'
        file.write('[]\n' if separator == '[\n' else '\n]\n')


def _probability(value: Optional[float]) -> Dict[str, float]:
    return {} if value is None else {'probability': value}


def _checked(kind: Any, value: Any, where: str, names: Tuple[str, ...]) -> Any:
    if isinstance(value, dict) and (unknown := value.keys() - set(names)):
        raise ValueError(f"{where}: unknown field {short(min(unknown))} (known: "
                         f"{', '.join(names)})")
    return validated(kind, value, where)


def _relations(values: Any,
               entities: Sequence[AnnotatedEntity]) -> Tuple[AnnotatedRelation, ...]:
    ids = {e.id: i for i, e in enumerate(entities) if e.id}
    found = []
    for i, value in enumerate(validated(List[Any], values, 'relations')):
        r = _checked(_Relation, value, f'relations[{i}]', _RELATION)
        for side in ('head', 'tail'):
            if isinstance(r[side], str):
                if r[side] not in ids:
                    raise ValueError(f"relations[{i}].{side}: no entity has the id "
                                     f"{short(r[side])}")
                r = {**r, side: ids[r[side]]}
        with located(f'relations[{i}]'):
            found.append(
                AnnotatedRelation(r['head'], r['tail'], r['type'], r.get('probability'),
                                  r.get('directed', True)))
    return tuple(found)


def _of_quintuples(values: Any, entities: Sequence[AnnotatedEntity],
                   text: str) -> Tuple[AnnotatedRelation, ...]:
    places = {(e.start, e.end): i for i, e in enumerate(entities)}
    found = []
    for i, value in enumerate(validated(List[Any], values, 'quintuples')):
        q = validated(_Quintuple, value, f'quintuples[{i}]')
        ends = []
        for side in ('head', 'tail'):
            start, end = span = (q[side]['start'], q[side]['end'])
            if span not in places:
                raise ValueError(f"quintuples[{i}].{side}: no entity stands at "
                                 f"[{start}, {end})")
            # It stands twice in a result, and may have been corrected once.
            for name, there in (('type', entities[places[span]].type),
                                ('text', text[start:end])):
                if q[side].get(name) not in (None, there):
                    raise ValueError(
                        f"quintuples[{i}].{side}.{name}: is {short(q[side][name])}, "
                        f"but {short(there)} of the entity at [{start}, {end}): "
                        f"correct both")
            ends.append(places[span])
        found.append(
            AnnotatedRelation(ends[0], ends[1], q['relation'], q.get('probability'),
                              q.get('directed', True)))
    return tuple(found)
