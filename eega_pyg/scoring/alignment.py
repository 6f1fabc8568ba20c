r"""Which predicted text is which given one."""
import re
from collections import defaultdict
from functools import cached_property
from itertools import accumulate
from os.path import commonprefix
from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from eega_pyg.formats import AnnotatedText
from eega_pyg.schema import Entity, Quintuple, Span, short

from .grounding import Box, elsewhere
from .views import Content, Item, spans_of

_NOTHING = Content((), ())


class PlacedText:
    r"""A text whose places are counted in characters that are no white space.

    These are the common ground of texts that were cut into words in different ways, or
    joined with other blanks.

    Args:
        text (AnnotatedText): The text.
    """
    def __init__(self, text: AnnotatedText) -> None:
        self.text = text
        #: The characters without white space.
        self.characters = ''.join(text.text.split())

    @cached_property
    def _ranks(self) -> List[int]:
        return list(accumulate((not c.isspace() for c in self.text.text), initial=0))

    @cached_property
    def content(self) -> Content:
        r"""Its entities and relations."""
        rank = self._ranks
        entities = [
            Entity(rank[e.start], rank[e.end], e.type, e.probability)
            for e in self.text.entities
        ]
        return Content(entities, [
            Quintuple(entities[r.head], entities[r.tail], r.type, r.probability)
            for r in self.text.relations
        ])

    @cached_property
    def boxes(self) -> Dict[Entity, Tuple[Box, ...]]:
        r"""Where in the image each of its entities is seen."""
        return dict(zip(self.content.entities, (e.boxes for e in self.text.entities)))

    @cached_property
    def word_starts(self) -> List[int]:
        r"""Where its words begin. Where no words are known, they are what stands
        between white space."""
        starts = [a for a, _ in self.text.offsets
                  ] or [m.start() for m in re.finditer(r'\S+', self.text.text)]
        return [self._ranks[start] for start in starts]

    def characters_of(self, span: Span) -> Span:
        r"""A span in characters of the text, white space included."""
        inside = [i for i, c in enumerate(self.text.text) if not c.isspace()]
        return inside[span[0]], inside[span[1] - 1] + 1

    def distance(self, item: Item) -> int:
        r"""How many words begin between the two spans of a relation."""
        (_, end), (start, _) = spans_of(item)
        return sum(end <= word < start for word in self.word_starts)


class Alignment(NamedTuple):
    r"""The predictions for some given texts.

    Args:
        found (list of Content): What was predicted for each of them, in characters that
            are no white space.
        missing (list of int): The positions of those without a prediction, for which
            nothing counts as predicted.
        extra (list of AnnotatedText): Predicted texts that are none of the given ones,
            which are left out.
        notes (list of str): What a person should know of it, in sentences.
        grounded (bool): Whether an entity has a box on both sides, so that boxes can be
            compared.
    """
    found: List[Content]
    missing: List[int]
    extra: List[AnnotatedText]
    notes: List[str]
    grounded: bool = False


def align(gold: Sequence[PlacedText], predicted: Iterable[AnnotatedText]) -> Alignment:
    r"""Finds the prediction for each given text.

    Two texts are the same if they have the same characters, white space aside, and the
    same image; where one of the two names no image, the text decides. Of a text that is
    given several times, the first prediction is for the first of them, and so on.

    Args:
        gold (sequence of PlacedText): The given texts.
        predicted (iterable of AnnotatedText): The predictions.

    Raises:
        ValueError: If no predicted text is a given one, or if one is predicted more
            often than it is given.
    """
    ours = [PlacedText(text) for text in predicted]
    if not ours or not gold:
        raise ValueError(f"There are no {'predicted' if gold else 'given'} texts")
    taken: Dict[int, int] = {}  # Which given text has which predicted one.
    left: Dict[str, List[int]] = defaultdict(list)
    for i, text in enumerate(ours):
        left[text.characters].append(i)
    # First by the image too, so that no text without one takes another's place.
    for same in (_same_image, _may_be_same_image):
        for k, text in enumerate(gold):
            candidates = left[text.characters] if k not in taken else []
            if (i := next((i for i in candidates if same(text, ours[i])), -1)) >= 0:
                taken[k] = i
                candidates.remove(i)
    extra = [ours[i] for i in sorted(i for places in left.values() for i in places)]
    for text in extra:
        _check_repeated(text, gold, ours, taken)
    if not taken:
        raise ValueError(f"None of the {len(ours):,} predicted texts is one of the "
                         f"{len(gold):,} given ones: {_difference(extra[0], gold)}")
    missing = [k for k in range(len(gold)) if k not in taken]
    notes = []
    if missing:
        first = gold[missing[0]].text
        notes.append(f"{len(missing):,} of {len(gold):,} texts have no prediction, and "
                     f"count as texts in which nothing was found (the first: "
                     f"{_named(first)})")
    if extra:
        notes.append(f"{len(extra):,} of {len(ours):,} predicted texts are none of the "
                     f"given ones, and are left out: {_difference(extra[0], gold)}")
    if number := sum(not r.directed for text in ours for r in text.text.relations):
        notes.append(f"{number:,} predicted relations are marked as having no "
                     f"direction: views that are directed take the stated one")
    return Alignment([
        _compared(ours[taken[k]], text) if k in taken else _NOTHING
        for k, text in enumerate(gold)
    ], missing, [t.text for t in extra], notes,
                     _has_boxes(gold) and _has_boxes([ours[i] for i in taken.values()]))


def _compared(found: PlacedText, given: PlacedText) -> Content:
    return found.content._replace(elsewhere=elsewhere(found.boxes, given.boxes))


def _has_boxes(texts: Iterable[PlacedText]) -> bool:
    return any(e.box is not None for t in texts for e in t.text.entities)


def _same_image(a: PlacedText, b: PlacedText) -> bool:
    return a.text.image_id == b.text.image_id


def _may_be_same_image(a: PlacedText, b: PlacedText) -> bool:
    return _same_image(a, b) or not (a.text.image_id and b.text.image_id)


def _check_repeated(text: PlacedText, gold: Sequence[PlacedText],
                    ours: Sequence[PlacedText], taken: Dict[int, int]) -> None:
    same = [
        k for k, other in enumerate(gold)
        if other.characters == text.characters and _may_be_same_image(other, text)
    ]
    if same:
        first = ours[taken[same[0]]].text
        raise ValueError(
            f"{_named(text.text)} is predicted more often than it is given "
            f"({len(same)}), the first time {_at(first)}: leave one out")


def _difference(text: PlacedText, gold: Sequence[PlacedText]) -> str:
    r"""Why a predicted text is none of the given ones."""
    name = _named(text.text)
    for other in gold:
        if other.characters == text.characters:
            return (f"{name} has the image {short(text.text.image_id)}, and the given "
                    f"one {_at(other.text)} {short(other.text.image_id)}")
    near = [t for t in gold if text.text.image_id and _same_image(t, text)] or gold
    other = max(near, key=lambda t: len(commonprefix([t.characters, text.characters])))
    number = len(commonprefix([other.characters, text.characters]))
    if near is gold and number < 10:
        return f"{name} is like none of them"
    tail = [short(t.characters[number:number + 20]) for t in (text, other)]
    return (f"{name} goes on with {tail[0]} after {number} characters, and the given "
            f"one {_at(other.text)} with {tail[1]}")


def _at(text: AnnotatedText) -> str:
    return f"in {text.place}" if text.place else short(text.text)


def _named(text: AnnotatedText) -> str:
    place = f'{text.place}: ' if text.place else ''
    return f'{place}the text {short(text.text)}'
