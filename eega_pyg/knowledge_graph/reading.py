r"""What the results of one sentence say."""
from dataclasses import dataclass, field
from typing import (
    AbstractSet,
    Annotated,
    Any,
    Dict,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    Union,
)

from pydantic import AfterValidator, Field

from eega_pyg.extraction.result import Result
from eega_pyg.json_yaml import json_text
from eega_pyg.schema import Flag, Index, Name, Share, Text, located, short, validated

from .linking import Linker, normalized_name
from .records import Box, Label, Mention, SeenObject, Sentence, check_span, clean

#: First and one-past-last character, and the type.
Key = Tuple[int, int, str]

_Kind = Annotated[Name, AfterValidator(clean), Field(min_length=1)]


# What a result holds for a graph; all else in its line is ignored.
@dataclass(frozen=True)
class _Span:
    start: Index
    end: Index
    type: _Kind

    @property
    def key(self) -> Key:
        return self.start, self.end, self.type


@dataclass(frozen=True)
class _Entity(_Span):
    probability: Share
    objects: Optional[List[SeenObject]] = None
    object: Optional[Index] = None
    object_score: Optional[Share] = None
    box: Optional[Box] = None


@dataclass(frozen=True)
class _Object:
    label: Label


@dataclass(frozen=True)
class _Scene:
    objects: List[_Object]


@dataclass(frozen=True)
class _Quintuple:
    head: _Span
    relation: _Kind
    tail: _Span
    probability: Share
    directed: Flag = True


@dataclass(frozen=True)
class _Found:
    text: Text
    entities: List[_Entity]
    quintuples: List[_Quintuple]
    image_id: Label = ''
    metadata: Dict[str, Any] = field(default_factory=dict)
    scene_graph: _Scene = _Scene([])


@dataclass
class Reading:
    r"""What all results of one sentence say together, so that none of them comes first.

    Args:
        mentions (dict): The mentions, each with the id of its entity.
        relations (dict): The probability of each relation of two mentions, and whether
            it is directed.
        metadata (str, optional): What is known of the sentence, as JSON. Of several
            results it is that which comes first by its letters.
    """
    mentions: Dict[Key, Tuple[str, Mention]] = field(default_factory=dict)
    relations: Dict[Tuple[Key, str, Key, bool], float] = field(default_factory=dict)
    metadata: Optional[str] = None

    def join(self, other: 'Reading') -> None:
        r"""Adds another result; of what both hold the higher probability counts."""
        for key, (link, mention) in other.mentions.items():
            if key in self.mentions:
                link, mine = self.mentions[key]
                mention = max(mine, mention, key=certainty)
            self.mentions[key] = link, mention
        for relation, p in other.relations.items():
            self.relations[relation] = max(p, self.relations.get(relation, 0.0))
        if other.metadata is not None:
            self.metadata = min(self.metadata or other.metadata, other.metadata)


def read_result(result: Union[Result, Mapping[str, Any]], linker: Optional[Linker],
                symmetric: AbstractSet[str]) -> Tuple[Sentence, Reading]:
    r"""The sentence of a result, and what is said of it.

    Raises:
        ValueError: Naming the field, if a mapping is not what :meth:`Result.to_dict
            <eega_pyg.extraction.result.Result.to_dict>` gives.
    """
    value = result.to_dict() if isinstance(result, Result) else result
    if isinstance(value, Mapping):  # Pydantic reads nothing but dicts.
        value = dict(value)
    found: _Found = validated(_Found, value)
    text = found.text
    reading = Reading(metadata=_checked(found.metadata) if found.metadata else None)
    here: Set[Key] = set()
    for i, item in enumerate(found.entities):
        check_span(item.start, item.end, text, f'entities[{i}].start')
        name = clean(text[item.start:item.end]) or '\ufffd'
        with located(f'entities[{i}]'):
            seen = _seen(item, found.scene_graph.objects)
        mention = Mention(0, item.start, item.end, name, item.probability, seen)
        here.add(item.key)
        link = _link(linker, name, item.type, text)
        reading.join(Reading({item.key: (link, mention)}))
    for i, quintuple in enumerate(found.quintuples):
        for side, span in (('head', quintuple.head), ('tail', quintuple.tail)):
            if span.key not in here:
                raise ValueError(f"quintuples[{i}].{side}: is not among the entities")
        key = (quintuple.head.key, quintuple.relation, quintuple.tail.key,
               quintuple.directed and quintuple.relation not in symmetric)
        reading.join(Reading(relations={key: quintuple.probability}))
    return Sentence(text, found.image_id), reading


def _seen(item: _Entity, objects: List[_Object]) -> Optional[SeenObject]:
    if item.object_score is None:
        # The first object is the one that it is aligned with most.
        return item.objects[0] if item.objects else None
    if item.object is None:
        return None
    if item.object >= len(objects):
        raise ValueError(f"object: there is no object {short(item.object)} in the "
                         f"scene graph (of {len(objects)})")
    return SeenObject(objects[item.object].label, item.object_score, item.box)


def certainty(mention: Mention) -> Tuple[float, bool, str]:
    r"""By what the better one of two mentions at one place is chosen."""
    return mention.probability, mention.object is not None, repr(mention)


def _link(linker: Optional[Linker], name: str, kind: str, text: str) -> str:
    link = linker(name, kind, text) if linker is not None else None
    if link is None:
        return f'{kind}:{normalized_name(name)}'
    if not isinstance(link, str) or not clean(link):
        raise ValueError(f"Expected an id or None from the linker (got "
                         f"{short(link)} for {short(name)})")
    return clean(link)


def _checked(metadata: Dict[str, Any]) -> str:
    try:
        text = json_text(metadata, sort_keys=True)
        text.encode('utf-8')
    except (ValueError, TypeError, RecursionError) as e:
        raise ValueError(
            f"metadata: expected what JSON can hold (got {short(metadata)}: "
            f"{short(str(e))})") from None
    return text
