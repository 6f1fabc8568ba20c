r"""What a format can hold of a text, and what is left out of it."""
from collections import Counter
from dataclasses import replace
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

from .annotated import AnnotatedEntity, AnnotatedText
from .words import Tokenizer, in_words, joined_by_blanks

#: What a text may have beside its entities and their types, as a message calls it.
#: A format names those that it holds.
FEATURES = {
    'relations': 'relations',
    'lone': 'entities in no relation',
    'bare': 'texts without a relation',
    'empty': 'texts without a word',
    'overlaps': 'entities that overlap a longer one',
    'blanks': 'blanks at the ends of entities',
    'spacing': 'texts whose words are not joined by one blank each',
    'words': "texts' own words",
    'ids': 'ids of entities',
    'boxes': 'boxes of entities',
    'other_boxes': 'further boxes of entities',
    'probabilities': 'probabilities',
    'directed': 'marks that a relation has no direction',
    'image_id': 'names of images',
    'image': 'paths of images',
    'caption': 'captions',
    'scene_graph': 'scene graphs',
    'metadata': 'texts with metadata',
}
#: What stands in fields of their own beside a text.
FIELDS = frozenset({'image_id', 'image', 'caption', 'scene_graph', 'metadata'})

_EMPTY: Dict[str, Any] = {'metadata': {}, 'image': '', 'image_id': ''}

#: A format of texts that are cut into words: those whose words are not known get them.
WITH_WORDS = 'a text is cut into words'

#: Counts what was left out, by what it is.
LeftOut = Counter


def fitted(text: AnnotatedText, holds: FrozenSet[str], left_out: 'LeftOut[str]',
           tokenize: Tokenizer, widen: bool = False) -> Optional[AnnotatedText]:
    r"""The part of a text that a format holds, with its entities in the order of the
    text; :obj:`None` if it can hold nothing of it.

    Args:
        text (AnnotatedText): The text.
        holds (frozenset of str): What the format holds, of :obj:`FEATURES` and
            :obj:`WITH_WORDS`.
        left_out (Counter): Counts what is left out.
        tokenize (callable): Splits a text into words.
        widen (bool, optional): See :func:`~eega_pyg.formats.words.in_words`.
            (default: :obj:`False`)

    Raises:
        ValueError: If an entity cuts a word of a format of words.
    """
    def lacks(name: str, number: int = 1) -> bool:
        if name in holds or not number:
            return False
        left_out[FEATURES[name]] += number
        return True

    text = text.in_order()
    if WITH_WORDS in holds:
        found = in_words(text, tokenize, widen)
        if found is None:
            return None if lacks('empty') else text
        for a, b in zip(text.entities, found.entities):
            if (a.start, a.end) != (b.start, b.end):
                kind = (FEATURES['blanks'] if a.start <= b.start and b.end <= a.end else
                        'ends of entities within a word (widened)')
                left_out[kind] += 1
        text = joined_by_blanks(found) if 'spacing' not in holds else found
        lacks('spacing', text.text != found.text)
    else:
        if text.words is not None and lacks('words'):
            text = replace(text, words=None)
        trimmed = tuple(_trimmed(e, text.text) for e in text.entities)
        if lacks('blanks', sum(a != b for a, b in zip(trimmed, text.entities))):
            text = replace(text, entities=trimmed)
    if not text.text.strip() and lacks('empty'):
        return None
    if 'overlaps' not in holds:
        kept = _longest(text.entities)
        if lacks('overlaps', len(text.entities) - len(kept)):
            before = len(text.relations)
            text = text.part(kept)
            if number := before - len(text.relations):
                left_out['relations of entities that overlap a longer one'] += number
    if lacks('relations', len(text.relations)):
        text = replace(text, relations=())
    if not text.relations and lacks('bare'):
        return None
    related = {i for r in text.relations for i in (r.head, r.tail)}
    if lacks('lone', len(text.entities) - len(related)):
        text = text.part(sorted(related))
    text = _entities(text, lacks)
    for name in sorted(FIELDS):
        without: Dict[str, Any] = {name: _EMPTY.get(name)}
        if getattr(text, name) != without[name] and lacks(name):
            text = replace(text, **without)
    return text.in_order()  # Ends that were moved may change it.


def _entities(text: AnnotatedText, lacks: Callable[[str, int], bool]) -> AnnotatedText:
    without: Dict[str, Any]
    for feature, without in (('ids', {
            'id': ''
    }), ('other_boxes', {
            'other_boxes': ()
    }), ('boxes', {
            'box': None
    }), ('probabilities', {
            'probability': None
    })):
        if lacks(feature, sum(_has(e, without) for e in text.entities)):
            text = replace(text,
                           entities=tuple(replace(e, **without) for e in text.entities))
    for feature, without in (('probabilities', {
            'probability': None
    }), ('directed', {
            'directed': True
    })):
        if lacks(feature, sum(_has(r, without) for r in text.relations)):
            text = replace(
                text, relations=tuple(replace(r, **without) for r in text.relations))
    return text


def _has(part: Any, without: Dict[str, Any]) -> bool:
    return any(getattr(part, name) != empty for name, empty in without.items())


def _trimmed(e: AnnotatedEntity, text: str) -> AnnotatedEntity:
    name = text[e.start:e.end]
    start, end = e.end - len(name.lstrip()), e.start + len(name.rstrip())
    return e if (start, end) == (e.start, e.end) else replace(e, start=start, end=end)


def _longest(entities: Tuple[AnnotatedEntity, ...]) -> List[int]:
    r"""Positions of entities that overlap none of the kept ones, the longest first."""
    kept: List[int] = []
    for i in sorted(range(len(entities)), key=lambda i:
                    (entities[i].start - entities[i].end, i)):
        e = entities[i]
        if all(e.end <= entities[k].start or entities[k].end <= e.start for k in kept):
            kept.append(i)
    return sorted(kept)
