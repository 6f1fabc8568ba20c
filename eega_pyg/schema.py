r"""The words every other module speaks in.

Names of the node and edge types of one text/image pair, the tag set, entities,
quintuples and scene graphs, each with its JSON form; and how a wrong value is reported.
"""
import json
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    AbstractSet,
    Annotated,
    Any,
    Iterable,
    Iterator,
    List,
    Optional,
    Tuple,
    Union,
)

from pydantic import AllowInfNan, Field, Strict, ValidationError

EdgeType = Tuple[str, str, str]

#: A (head type, relation, tail type) seen in training, and the set of all of them.
Signature = Tuple[str, str, str]
Signatures = AbstractSet[Signature]

#: Node types of one pair.
PIECE = 'piece'
TOKEN = 'token'
OBJECT = 'object'
LABEL_PIECE = 'label_piece'

#: Edge types of one pair.
PIECE_OF_TOKEN: EdgeType = (PIECE, 'of', TOKEN)
LABEL_OF_OBJECT: EdgeType = (LABEL_PIECE, 'of', OBJECT)
DEP: EdgeType = (TOKEN, 'dep', TOKEN)
REL: EdgeType = (OBJECT, 'rel', OBJECT)
PAIR: EdgeType = (TOKEN, 'pair', TOKEN)


def num_pieces(data: Any) -> int:
    r"""The number of word pieces of one pair, by which its cost grows."""
    return data[PIECE].num_nodes


_NAME = r'[^\s\x1c-\x1f]'

#: Types of fields that pydantic checks. A string never holds half of a surrogate pair,
#: which JSON can write but no encoder takes; a :obj:`bool` is no number.
Text = Annotated[str, Strict(), Field(min_length=0)]
Name = Annotated[str, Strict(), Field(pattern=_NAME)]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Share = Annotated[Number, Field(ge=0, le=1)]
Index = Annotated[int, Strict(), Field(ge=0)]
Flag = Annotated[bool, Strict()]

# What pydantic expected, by the type of its error, where its own words are longer.
_EXPECTED = {
    'string_type': 'a string',
    'string_unicode': 'a string without half of a surrogate pair',
    'string_pattern_mismatch': 'a non-empty string',
    'int_type': 'a whole number',
    'float_type': 'a number',
    'bool_type': 'true or false',
    'greater_than': 'a number > {gt:.9g}',
    'greater_than_equal': 'a number >= {ge:.9g}',
    'less_than': 'a number < {lt:.9g}',
    'less_than_equal': 'a number <= {le:.9g}',
    'list_type': 'a list',
    'tuple_type': 'a list',
    'too_short': 'at least {min_length} values',
    'too_long': 'at most {max_length} values',
    'dict_type': 'an object',
    'model_type': 'an object',
    'dataclass_type': 'an object',
}


def first_error(error: ValidationError, where: str = '') -> ValueError:
    r"""The first thing that pydantic found wrong, in one line: ``objects[2].score:
    expected a number <= 1 (got 3)``.

    Args:
        error (pydantic.ValidationError): What was raised.
        where (str, optional): What stands in front, *e.g.*, a file and a line.
            (default: :obj:`''`)
    """
    errors = error.errors(include_url=False)
    first = errors[0]
    kind, value, context = first['type'], first['input'], first.get('ctx', {})
    place = list(first['loc'])
    if kind in ('missing', 'missing_argument'):
        name = place.pop()
        message = f"missing '{name}'"
        if isinstance(name, int):  # Of a list with a fixed length, with all after it.
            size = name + sum(e['loc'][:-1] == tuple(place) for e in errors)
            message = f"expected {size} values (got {short(value)})"
    elif kind in ('extra_forbidden', 'unexpected_keyword_argument'):
        message = f"unknown field '{place.pop()}'"
    elif kind == 'value_error':
        message = str(context['error'])
    elif context.get('pattern', _NAME) != _NAME:
        message = f"expected a match of {context['pattern']} (got {short(value)})"
    elif kind in _EXPECTED or first['msg'].startswith('Input should be '):
        expected = _EXPECTED.get(kind, first['msg'].removeprefix('Input should be '))
        message = f"expected {expected.format(**context)} (got {short(value)})"
    else:
        message = first['msg']
    path = ''.join(f'[{p}]' if isinstance(p, int) else f'.{p}' for p in place)
    return ValueError(': '.join(filter(None, (where, path.lstrip('.'), message))))


def short(value: Any) -> str:
    r"""A value for an error message: one line of 80 characters at most."""
    try:
        text = ' '.join(repr(value).split())
    except (ValueError, RecursionError):  # *E.g.*, an integer with too many digits.
        text = f'a huge {type(value).__name__}'
    return text if len(text) <= 80 else f'{text[:77]}...'


@contextmanager
def located(where: Any = '') -> Iterator[None]:
    r"""Puts a place in front of what a :class:`ValueError` of the block says, which
    takes one line where pydantic raised it.

    Args:
        where (str or Path, optional): *E.g.*, a file, a line or a field. (default:
            :obj:`''`)
    """
    try:
        yield
    except ValidationError as e:
        raise first_error(e, str(where)) from None
    except ValueError as e:
        raise ValueError(f'{where}: {e}' if where else str(e)) from None


#: The value of ``tag`` at a cell of the word-pair table that is not scored.
UNSCORED = -100


@dataclass(frozen=True, order=True)
class Entity:
    r"""A typed span of words.

    Args:
        start (int): First word.
        end (int): One past the last word (half-open).
        type (str): The entity type, *e.g.*, ``'per'``.
        probability (float, optional): The model's probability; not compared.
    """
    start: int
    end: int
    type: str
    probability: Optional[float] = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"Expected 0 <= start < end in an entity span "
                             f"(got [{self.start}, {self.end}))")

    @property
    def span(self) -> Tuple[int, int]:
        return self.start, self.end

    def shifted(self, offset: int) -> 'Entity':
        r"""The same entity with its span moved by :obj:`offset` words."""
        return Entity(self.start + offset, self.end + offset, self.type,
                      self.probability)


@dataclass(frozen=True, order=True)
class Quintuple:
    r"""Two typed entities and the relation between them.

    Args:
        head (Entity): The head entity.
        tail (Entity): The tail entity.
        relation (str): The relation, *e.g.*, ``'member_of'``.
        probability (float, optional): The model's probability; not compared.
    """
    head: Entity
    tail: Entity
    relation: str
    probability: Optional[float] = field(default=None, compare=False)

    def shifted(self, offset: int) -> 'Quintuple':
        r"""The same quintuple with both spans moved by :obj:`offset` words."""
        return Quintuple(self.head.shifted(offset), self.tail.shifted(offset),
                         self.relation, self.probability)

    def to_list(self) -> List[Union[int, str]]:
        r"""Seven plain values, the form stored in a :class:`HeteroData`:
        head start, end and type, tail start, end and type, relation."""
        return [
            self.head.start, self.head.end, self.head.type, self.tail.start,
            self.tail.end, self.tail.type, self.relation
        ]

    @classmethod
    def from_list(cls, values: Iterable[Any]) -> 'Quintuple':
        r"""The inverse of :meth:`to_list`."""
        hs, he, ht, ts, te, tt, relation = values
        return cls(Entity(hs, he, ht), Entity(ts, te, tt), relation)


@dataclass(frozen=True)
class TagSet:
    r"""The tags of a word-pair table: none, the entity types, the relations.

    Tag 0 is ``'none'``; the types follow, then the relations.

    Args:
        types (tuple of str): Entity types.
        relations (tuple of str): Relations.

    Raises:
        ValueError: On an empty or repeated name, or no type at all.
    """
    types: Tuple[str, ...]
    relations: Tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'types', tuple(self.types))
        object.__setattr__(self, 'relations', tuple(self.relations))
        if not self.types:
            raise ValueError('A TagSet needs at least one entity type')
        for name in self.names:
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"Expected a non-empty name (got {name!r})")
        if len(set(self.names)) < len(self.names):
            repeated = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"Repeated names in a TagSet: {repeated}")

    @property
    def names(self) -> Tuple[str, ...]:
        r"""All tag names in the order of their ids."""
        return ('none', *self.types, *self.relations)

    def __len__(self) -> int:
        return 1 + len(self.types) + len(self.relations)

    @cached_property
    def _ids(self) -> dict:
        return {name: i for i, name in enumerate(self.names)}

    def id(self, name: str) -> int:
        r"""The id of a type or relation; a :class:`ValueError` if unknown."""
        if name not in self._ids:
            raise ValueError(f"Unknown type or relation '{name}' (known types: "
                             f"{', '.join(self.types)}; known relations: "
                             f"{', '.join(self.relations)})")
        return self._ids[name]

    @property
    def type_ids(self) -> range:
        r"""The tag ids of the entity types."""
        return range(1, 1 + len(self.types))

    @property
    def relation_ids(self) -> range:
        r"""The tag ids of the relations."""
        return range(1 + len(self.types), len(self))

    def to_dict(self) -> dict:
        return {'types': list(self.types), 'relations': list(self.relations)}

    @classmethod
    def from_dict(cls, value: Any) -> 'TagSet':
        r"""Reads ``{"types": […], "relations": […]}``."""
        if not isinstance(value, dict) or set(value) != {'types', 'relations'}:
            raise ValueError(f"Expected a tag set as {{'types': [...], "
                             f"'relations': [...]}} (got {value!r})")
        for key in ('types', 'relations'):
            if not isinstance(value[key], (list, tuple)):
                raise ValueError(f"Expected a list in the tag set's '{key}' "
                                 f"(got {value[key]!r})")
        return cls(tuple(value['types']), tuple(value['relations']))


#: Types and relations of JMERE; ``alumi`` is the data's own spelling.
JMERE_TAGS = TagSet(
    types=('per', 'org', 'loc', 'misc'),
    relations=('parent', 'siblings', 'couple', 'neighbor', 'peer', 'charges', 'alumi',
               'alternate_names', 'place_of_residence', 'place_of_birth', 'member_of',
               'subsidiary', 'locate_at', 'contain', 'present_in', 'awarded', 'race',
               'religion', 'nationality', 'part_of', 'held_on'),
)


@dataclass(frozen=True)
class SceneObject:
    r"""An object seen in an image.

    Args:
        label (str): What it is, *e.g.*, ``'red uniform'``.
        score (float): Confidence in ``[0, 1]``.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` as fractions of the
            image's width and height; :obj:`None` where only a caption was read.
        feature (tuple of float, optional): A feature vector, *e.g.*, of a detector.
    """
    label: str
    score: float = 1.0
    box: Optional[Tuple[float, float, float, float]] = None
    feature: Optional[Tuple[float, ...]] = None


@dataclass(frozen=True)
class ScenePredicate:
    r"""A typed edge between two objects, given by their positions in the graph.

    Args:
        subject (int): Index of the subject.
        predicate (str): *E.g.*, ``'holding'``.
        object (int): Index of the object.
        score (float): Confidence in ``[0, 1]``.
    """
    subject: int
    predicate: str
    object: int
    score: float = 1.0


def _real(value: Any) -> bool:
    try:
        return (isinstance(value, (int, float)) and not isinstance(value, bool)
                and math.isfinite(value))
    except OverflowError:  # An integer beyond all floats.
        return False


def _name(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:  # An escape in JSON can make half of a character, which no encoder takes.
        value.encode('utf-8')
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class SceneGraph:
    r"""What is seen in an image: objects and the predicates between them.

    Args:
        objects (tuple of SceneObject): The objects.
        predicates (tuple of ScenePredicate): The predicates.

    Raises:
        ValueError: Naming the field, if a label is empty, a score or box is out of
            range, the features differ in size, or a predicate points nowhere.
    """
    objects: Tuple[SceneObject, ...] = ()
    predicates: Tuple[ScenePredicate, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, 'objects', tuple(self.objects))
        object.__setattr__(self, 'predicates', tuple(self.predicates))
        sizes = set()
        for i, obj in enumerate(self.objects):
            where = f'objects[{i}]'
            if not _name(obj.label):
                raise ValueError(f"{where}.label: expected a non-empty string "
                                 f"(got {obj.label!r})")
            _check_score(where, obj.score)
            if obj.box is not None:
                x1, y1, x2, y2 = obj.box
                if not 0 <= x1 <= x2 <= 1 or not 0 <= y1 <= y2 <= 1:
                    raise ValueError(f"{where}.box: expected fractions x1 <= x2 and "
                                     f"y1 <= y2 in [0, 1] (got {list(obj.box)})")
            if obj.feature is not None:
                sizes.add(len(obj.feature))
        if len(sizes) > 1:
            raise ValueError(f"objects: features of different sizes {sorted(sizes)}")
        for i, pred in enumerate(self.predicates):
            where = f'predicates[{i}]'
            for name in ('subject', 'object'):
                index = getattr(pred, name)
                if not 0 <= index < len(self.objects):
                    raise ValueError(f"{where}.{name}: there is no object {index} "
                                     f"(the graph has {len(self.objects)} objects)")
            if not _name(pred.predicate):
                raise ValueError(f"{where}.predicate: expected a non-empty string "
                                 f"(got {pred.predicate!r})")
            _check_score(where, pred.score)

    def top(self, k: int) -> 'SceneGraph':
        r"""The subgraph of the :obj:`k` objects with the highest scores; of equal
        scores the earlier object stays. The order of the objects is kept."""
        ranked = sorted(range(len(self.objects)), key=lambda i:
                        (-self.objects[i].score, i))
        kept = sorted(ranked[:k])
        new = {old: i for i, old in enumerate(kept)}
        return SceneGraph(
            tuple(self.objects[i] for i in kept),
            tuple(
                ScenePredicate(new[p.subject], p.predicate, new[p.object], p.score)
                for p in self.predicates if p.subject in new and p.object in new))

    def to_dict(self) -> dict:
        r"""Plain lists and dicts; absent boxes and features are left out."""
        objects: List[dict] = []
        for obj in self.objects:
            item: dict = {'label': obj.label, 'score': obj.score}
            if obj.box is not None:
                item['box'] = list(obj.box)
            if obj.feature is not None:
                item['feature'] = list(obj.feature)
            objects.append(item)
        predicates = [{
            'subject': p.subject,
            'predicate': p.predicate,
            'object': p.object,
            'score': p.score
        } for p in self.predicates]
        return {'objects': objects, 'predicates': predicates}

    @classmethod
    def from_dict(cls, value: Any) -> 'SceneGraph':
        r"""The inverse of :meth:`to_dict`; a :class:`ValueError` names the field."""
        if not isinstance(value, dict):
            raise ValueError(f"Expected a scene graph as an object with 'objects' and "
                             f"'predicates' (got {type(value).__name__})")
        _check_keys('scene graph', value, {'objects'}, {'predicates'})
        objects = []
        for i, item in enumerate(_items(value, 'objects')):
            where = f'objects[{i}]'
            _check_keys(where, item, {'label'}, {'score', 'box', 'feature'})
            box, feature = item.get('box'), item.get('feature')
            if box is not None:
                box = _numbers(f'{where}.box', box, size=4)
            if feature is not None:
                feature = _numbers(f'{where}.feature', feature)
            objects.append(
                SceneObject(item['label'], item.get('score', 1.0), box, feature))
        predicates = []
        for i, item in enumerate(_items(value, 'predicates')):
            where = f'predicates[{i}]'
            _check_keys(where, item, {'subject', 'predicate', 'object'}, {'score'})
            for name in ('subject', 'object'):
                if not isinstance(item[name], int) or isinstance(item[name], bool):
                    raise ValueError(f"{where}.{name}: expected the index of an object "
                                     f"(got {item[name]!r})")
            predicates.append(
                ScenePredicate(item['subject'], item['predicate'], item['object'],
                               item.get('score', 1.0)))
        return cls(tuple(objects), tuple(predicates))

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> 'SceneGraph':
        r"""Reads :meth:`to_json`'s form; a :class:`ValueError` says what is wrong."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise ValueError(f"The scene graph is not valid JSON: {e}") from None
        return cls.from_dict(value)


def _check_score(where: str, score: Any) -> None:
    if not _real(score) or not 0 <= score <= 1:
        raise ValueError(f"{where}.score: expected a number in [0, 1] (got {score!r})")


def _check_keys(where: str, item: Any, needed: set, optional: set) -> None:
    if not isinstance(item, dict):
        raise ValueError(f"{where}: expected an object (got {item!r})")
    if missing := needed - set(item):
        raise ValueError(f"{where}: missing '{sorted(missing)[0]}'")
    if unknown := set(item) - needed - optional:
        raise ValueError(f"{where}: unknown field '{sorted(unknown)[0]}' "
                         f"(known: {', '.join(sorted(needed | optional))})")


def _items(value: dict, key: str) -> list:
    items = value.get(key, [])
    if not isinstance(items, list):
        raise ValueError(f"{key}: expected a list (got {items!r})")
    return items


def _numbers(where: str, value: Any, size: Optional[int] = None) -> Any:
    if (not isinstance(value, list) or not all(map(_real, value))
            or size not in (None, len(value))):
        what = f'{size} numbers' if size else 'a list of numbers'
        raise ValueError(f"{where}: expected {what} (got {value!r})")
    return tuple(float(v) for v in value)
