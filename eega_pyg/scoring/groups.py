r"""Counts of parts of the items."""
from typing import Callable, Dict, Iterable, List, Sequence, Set, Tuple

from .alignment import PlacedText
from .counts import Counts
from .views import Item

#: The upper bounds of groups: words between head and tail, words of a text.
DISTANCES, LENGTHS = (0, 2, 5, 10, 20), (10, 15, 20, 40)

#: A given text, the items of a view that were found in it, and those that are given.
Judged = Tuple[PlacedText, Set[Item], Set[Item]]


def bucket(value: int, bounds: Sequence[int]) -> str:
    r"""The group of a number: up to the first bound, up to the second, and so on."""
    low = 0
    for bound in bounds:
        if value <= bound:
            return f'{low} to {bound}' if low < bound else str(bound)
        low = bound + 1
    return f'{low} and more'


def all_buckets(bounds: Sequence[int]) -> List[str]:
    r"""The names of all groups, in their order."""
    return [bucket(value, bounds) for value in (*bounds, bounds[-1] + 1)]


def by_label(texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts of each relation, or type; the most frequent first. Nothing for a
    view without names."""
    groups = _grouped(texts, lambda text, item: item[1])
    groups.pop('', None)
    return dict(sorted(groups.items(), key=lambda g: (-g[1].given, g[0])))


def by_distance(texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts of relations by how many words begin between head and tail."""
    groups = _grouped(texts, lambda text, item: bucket(text.distance(item), DISTANCES))
    return _in_order(groups, DISTANCES)


def by_length(texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts by how many words a text has."""
    groups = _grouped(texts, lambda text, item: bucket(len(text.word_starts), LENGTHS))
    return _in_order(groups, LENGTHS)


def _grouped(texts: Iterable[Judged], key: Callable[[PlacedText, Item],
                                                    str]) -> Dict[str, Counts]:
    # What is right has the same key on both sides, so that the groups add up.
    parts: Dict[str, List[int]] = {}
    for text, found, given in texts:
        for item in found | given:
            counts = parts.setdefault(key(text, item), [0, 0, 0])
            counts[0] += item in found and item in given
            counts[1] += item in found
            counts[2] += item in given
    return {name: Counts(*counts) for name, counts in parts.items()}


def _in_order(groups: Dict[str, Counts], bounds: Sequence[int]) -> Dict[str, Counts]:
    return {name: groups[name] for name in all_buckets(bounds) if name in groups}
