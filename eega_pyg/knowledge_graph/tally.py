r"""What is kept of the places of an entity or a relation."""
from collections import Counter
from typing import Any, List, NamedTuple, Optional, Tuple

from .records import Sentence, Total

# Every float in [0, 1] times this is a whole number, so that sums are exact and do not
# depend on the order of what is summed.
_UNIT = 2**1074


class Place(NamedTuple):
    r"""A place, ordered as :class:`Tally` keeps them.

    Args:
        improbability (float): The probability with the sign turned.
        text, image (str): The sentence.
        characters (tuple): Where in the sentence.
        position (int): The number of the sentence.
        sentence (Sentence): The sentence.
        value (Any): What stands there.
    """
    improbability: float
    text: str
    image: str
    characters: Tuple[Any, ...]
    position: int
    sentence: Sentence
    value: Any


class Tally:
    r"""Counts places and keeps the most probable ones. Of equally probable places,
    those whose text, then image, then characters come first are kept, so that it does
    not matter in which order they are added.

    Args:
        most (int, optional): How many are kept; by default all.
    """
    def __init__(self, most: Optional[int]) -> None:
        self.most = most
        self.count = 0
        self.best = 0.0
        self.names: Counter = Counter()
        self._sum = 0
        self._places: List[Place] = []

    def add(self, position: int, sentence: Sentence, characters: Tuple[Any, ...],
            probability: float, value: Any, name: Optional[str] = None) -> None:
        r"""Adds a place that was not added before, with the name of an entity there."""
        self.count += 1
        self.best = max(self.best, probability)
        if name is not None:
            self.names[name] += 1
        above, below = float(probability).as_integer_ratio()
        self._sum += above * (_UNIT // below)
        self._places.append(
            Place(-probability, sentence.text, sentence.image_id, characters, position,
                  sentence, value))
        if self.most is not None and len(self._places) > 2 * self.most:
            self._cut()

    def _cut(self) -> None:
        self._places.sort(key=lambda p: p[:4])
        del self._places[self.most:]

    def places(self) -> List[Place]:
        r"""The places that are kept, in the order of the sentences."""
        if self.most is not None:
            self._cut()
        return sorted(self._places, key=lambda p: (p.position, p.characters))

    def total(self) -> Optional[Total]:
        r"""What all places say together; :obj:`None` if all of them are kept."""
        if self.most is None or self.count <= self.most:
            return None
        return Total(self.count, self.best, self._sum / _UNIT / self.count,
                     dict(sorted(self.names.items())))
