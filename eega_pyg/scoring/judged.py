r"""What is given and predicted in each text, as a person reads it."""
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from eega_pyg.formats import AnnotatedText
from eega_pyg.schema import Entity

from .alignment import PlacedText
from .views import Contents, Item, items


class End(NamedTuple):
    r"""An entity, or a span, in the characters of a given text.

    Args:
        start (int): Its first character.
        end (int): One past its last character.
        text (str): What stands there.
        type (str): Its type; empty where types do not count.
    """
    start: int
    end: int
    text: str
    type: str


class JudgedItem(NamedTuple):
    r"""Something that is given or predicted.

    Args:
        ends (tuple of End): What it is about.
        label (str): Its relation, or type.
        given (bool): Whether it is given.
        found (tuple of bool): Whether it was predicted, by each system.
    """
    ends: Tuple[End, ...]
    label: str
    given: bool
    found: Tuple[bool, ...]

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values."""
        return {
            **self._asdict(), 'ends': [end._asdict() for end in self.ends],
            'found': list(self.found)
        }


class JudgedText(NamedTuple):
    r"""A given text with what is given and predicted in it."""
    text: AnnotatedText
    items: List[JudgedItem]

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values."""
        return {
            'place': self.text.place,
            'image_id': self.text.image_id,
            'text': self.text.text,
            'items': [item.to_dict() for item in self.items],
        }


def judgements(view: str, gold: Sequence[PlacedText],
               systems: Sequence[Sequence[Contents]]) -> List[JudgedText]:
    r"""All items of a view that are given or predicted, in each text.

    Args:
        view (str): One of :obj:`~eega_pyg.scoring.VIEWS`.
        gold (sequence of PlacedText): The given texts.
        systems (sequence of sequence of Contents): What each system found in each text,
            in characters that are no white space.
    """
    texts = []
    for i, text in enumerate(gold):
        given = items(view, text.content)
        found = [items(view, system[i]) for system in systems]
        shown = [
            JudgedItem(_ends(text, item), item[1], item in given,
                       tuple(item in side for side in found))
            for item in sorted(given.union(*found))
        ]
        texts.append(JudgedText(text.text, shown))
    return texts


def _ends(text: PlacedText, item: Item) -> Tuple[End, ...]:
    ends = []
    for e in item[0]:
        start, end = text.characters_of(e.span if isinstance(e, Entity) else e)
        ends.append(
            End(start, end, text.text.text[start:end],
                e.type if isinstance(e, Entity) else ''))
    return tuple(ends)
