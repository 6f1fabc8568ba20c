r"""A text with its entities and relations, whatever file it comes from."""
import json
from dataclasses import field, replace
from functools import cached_property
from typing import Annotated, Any, Dict, Iterable, List, Optional, Set, Tuple

from pydantic import AfterValidator, Field

from eega_pyg.schema import (
    Flag,
    Index,
    Name,
    SceneGraph,
    SceneObject,
    Share,
    Span,
    TagSet,
    Text,
    record,
    short,
)

from .offsets import other_units


def _checked_box(
        value: Tuple[float, float, float, float]) -> Tuple[float, float, float, float]:
    SceneObject('box', box=value)  # Its rules are those of the boxes of objects.
    return value


Box = Annotated[Tuple[Share, Share, Share, Share], AfterValidator(_checked_box)]


@record
class AnnotatedEntity:
    r"""A typed range of characters.

    Args:
        start (int): Its first character.
        end (int): One past its last character.
        type (str): Its type.
        id (str, optional): A name of it within its text. (default: :obj:`''`)
        box (tuple of float, optional): Where it is seen in the image, ``(x1, y1, x2,
            y2)`` as fractions of width and height. (default: :obj:`None`)
        probability (float, optional): How sure whoever found it is.
            (default: :obj:`None`)
        other_boxes (tuple of tuple): Where else it is seen, if there is more than one
            place.
    """
    start: Index
    end: Index
    type: Name
    id: Text = ''
    box: Optional[Box] = None
    probability: Optional[Share] = None
    other_boxes: Tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"expected start < end (got [{short(self.start)}, "
                             f"{short(self.end)}))")
        if self.box is None and self.other_boxes:
            raise ValueError("other_boxes: there is no box beside them: the first one "
                             "is 'box'")

    @property
    def boxes(self) -> Tuple[Box, ...]:
        r"""All places where it is seen."""
        return () if self.box is None else (self.box, *self.other_boxes)


@record
class AnnotatedRelation:
    r"""A relation between two entities of a text.

    Args:
        head (int): The position of its head among the entities.
        tail (int): The position of its tail.
        type (str): The relation.
        probability (float, optional): How sure whoever found it is.
            (default: :obj:`None`)
        directed (bool, optional): :obj:`False` where it is open which one is the head.
            (default: :obj:`True`)
    """
    head: Index
    tail: Index
    type: Name
    probability: Optional[Share] = None
    directed: Flag = True

    def __post_init__(self) -> None:
        if self.head == self.tail:
            raise ValueError(f"the relation {short(self.type)} is between entity "
                             f"{self.head} and itself")


@record
class AnnotatedText:
    r"""A text with its entities and relations.

    Places are counted in characters, which are code points of Unicode, so that they
    depend on no tokenizer.

    Args:
        text (str): The text. By default it is the words with a blank between two.
        entities (tuple of AnnotatedEntity): Its entities.
        relations (tuple of AnnotatedRelation): The relations between them.
        words (tuple of str, optional): Its words, if they are known. They stand in the
            text one after the other with nothing but white space between them, and an
            entity is made of whole words.
        image_id (str): The name of its image.
        image (str): The path of its image.
        caption (str, optional): A sentence that says what the image shows.
        scene_graph (SceneGraph, optional): What the image shows.
        metadata (dict): What else is known of it, as values of JSON.
        place (str): The file and the line where it stands, for errors; not compared.

    Raises:
        ValueError: Naming the field, if one is wrong; if an entity is not inside of the
            text, is blank, is named twice or cuts a word; or if a relation is stated
            twice, is between an entity and itself, or has no head or no tail.
    """
    text: Text = ''
    entities: Tuple[AnnotatedEntity, ...] = ()
    relations: Tuple[AnnotatedRelation, ...] = ()
    words: Optional[Annotated[Tuple[Name, ...], Field(min_length=1)]] = None
    image_id: Text = ''
    image: Text = ''
    caption: Optional[Text] = None
    scene_graph: Optional[SceneGraph] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    place: str = field(default='', compare=False)

    def __post_init__(self) -> None:
        if self.words is not None and not self.text:
            object.__setattr__(self, 'text', ' '.join(self.words))
        _check_json(self.metadata)
        spans: Dict[Span, str] = {}
        ids: Dict[str, int] = {}
        edges = self._word_edges()
        for i, e in enumerate(self.entities):
            where, name = f'entities[{i}]', self.text[e.start:e.end]
            if e.end > len(self.text):
                hint = other_units(self.text, [(x.start, x.end) for x in self.entities])
                raise ValueError(
                    f"{where}: the span [{e.start}, {e.end}) is not inside "
                    f"the text of {len(self.text)} characters{hint}")
            if not name.strip():
                raise ValueError(f"{where}: the span [{e.start}, {e.end}) is blank")
            known = spans.setdefault((e.start, e.end), e.type)
            if len(spans) <= i:
                raise ValueError(f"{where}: {short(name)} is an entity twice, "
                                 f"{short(known)} and {short(e.type)}")
            if e.id and ids.setdefault(e.id, i) != i:
                raise ValueError(f"{where}: the id {short(e.id)} is taken already")
            if edges and not (e.start in edges[0] and e.end in edges[1]):
                raise ValueError(f"{where}: the span [{e.start}, {e.end}) "
                                 f"({short(name)}) is not made of whole words")
        seen = set()
        for i, r in enumerate(self.relations):
            for side, index in (('head', r.head), ('tail', r.tail)):
                if index >= len(self.entities):
                    raise ValueError(f"relations[{i}].{side}: there is no entity "
                                     f"{short(index)} (the text has "
                                     f"{len(self.entities)} entities)")
            if (key := (r.head, r.tail, r.type)) in seen:
                raise ValueError(f"relations[{i}]: {short(r.type)} is stated twice of "
                                 f"the entities {r.head} and {r.tail}")
            seen.add(key)

    def _word_edges(self) -> Tuple[Any, ...]:
        return tuple(map(frozenset, zip(*self.offsets))) if self.words else ()

    @cached_property
    def offsets(self) -> Tuple[Span, ...]:
        r"""The range of characters of each word; nothing where no words are known. A
        :class:`ValueError` if they do not stand in the text."""
        found: List[Span] = []
        end = 0
        for i, word in enumerate(self.words or ()):
            start = self.text.find(word, end)
            if start < 0 or self.text[end:start].strip():
                raise ValueError(f"words[{i}]: {short(word)} is not the next word of "
                                 f"the text, which goes on with "
                                 f"{short(self.text[end:end + 30])}")
            end = start + len(word)
            found.append((start, end))
        if self.words and self.text[end:].strip():
            raise ValueError(f"words: the text goes on with "
                             f"{short(self.text[end:end + 30])}")
        return tuple(found)

    def overlapping(self) -> Optional[Tuple[AnnotatedEntity, AnnotatedEntity]]:
        r"""Two entities that share a character, or :obj:`None`."""
        ordered = sorted(self.entities, key=lambda e: (e.start, e.end))
        # Whoever overlaps an entity overlaps its neighbour, or that one does.
        return next(((a, b) for a, b in zip(ordered, ordered[1:]) if b.start < a.end),
                    None)

    def in_order(self) -> 'AnnotatedText':
        r"""The same with its entities in the order of the text."""
        order = sorted(range(len(self.entities)), key=lambda i:
                       (self.entities[i].start, self.entities[i].end))
        return self if order == list(range(len(order))) else self.part(order)

    def part(self, kept: Iterable[int]) -> 'AnnotatedText':
        r"""The same with some entities, given by their positions, and the relations
        between these."""
        kept = list(kept)
        new = {old: i for i, old in enumerate(kept)}
        return replace(
            self, entities=tuple(self.entities[i] for i in kept), relations=tuple(
                replace(r, head=new[r.head], tail=new[r.tail]) for r in self.relations
                if r.head in new and r.tail in new))


def tags_of(texts: Iterable[AnnotatedText]) -> TagSet:
    r"""The types and relations of some texts, each in the order of its name.

    Raises:
        ValueError: If there is no entity.
    """
    types: Set[str] = set()
    relations: Set[str] = set()
    for text in texts:
        types.update(e.type for e in text.entities)
        relations.update(r.type for r in text.relations)
    if not types:
        raise ValueError('The texts have no entity, and so no types')
    return TagSet(tuple(sorted(types)), tuple(sorted(relations)))


def _check_json(metadata: Dict[str, Any]) -> None:
    # What JSON changes or cannot hold would not come back as it was.
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode('utf-8')
        same = json.loads(text) == metadata
    except (TypeError, ValueError, RecursionError) as e:
        raise ValueError(f"metadata: no values of JSON: {short(str(e))}") from None
    if not same:
        raise ValueError("metadata: no values of JSON: keys are strings, and sequences "
                         "are lists")
