r"""Counts of parts of the items."""
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

from .alignment import PlacedText
from .counts import Counts
from .views import RELATION_VIEWS, Contents, Item, items

#: The upper bounds of groups: words between head and tail, words of a text.
DISTANCES, LENGTHS = (0, 2, 5, 10, 20), (10, 15, 20, 40)

#: A given text, what was found in it, and what it holds.
Judged = Tuple[PlacedText, Contents, Contents]


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


def by_label(view: str, texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts of each relation, or type; the most frequent first. Nothing for a
    view without names."""
    groups = _grouped(view, texts, lambda text, item: item[1])
    groups.pop('', None)
    return dict(sorted(groups.items(), key=lambda g: (-g[1].given, g[0])))


def by_distance(view: str, texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts by how many words stand between head and tail; nothing for a view of
    entities."""
    if view not in RELATION_VIEWS:
        return {}
    groups = _grouped(view, texts,
                      lambda text, item: bucket(text.distance(item), DISTANCES))
    return _in_order(groups, DISTANCES)


def by_length(view: str, texts: Iterable[Judged]) -> Dict[str, Counts]:
    r"""The counts by how many words a text has."""
    groups = _grouped(view, texts,
                      lambda text, item: bucket(len(text.word_starts), LENGTHS))
    return _in_order(groups, LENGTHS)


def _grouped(view: str, texts: Iterable[Judged],
             key: Callable[[PlacedText, Item], str]) -> Dict[str, Counts]:
    # What is right has the same key on both sides, so that the groups add up.
    parts: Dict[str, List[Counts]] = {}
    for text, found, given in texts:
        sides: Dict[str, Tuple[set, set]] = {}
        for side, content in enumerate((found, given)):
            for item in items(view, content):
                sides.setdefault(key(text, item), (set(), set()))[side].add(item)
        for name, (ours, theirs) in sides.items():
            parts.setdefault(name, []).append(Counts.of(ours, theirs))
    return {name: Counts.sum(counts) for name, counts in parts.items()}


def _in_order(groups: Dict[str, Counts], bounds: Sequence[int]) -> Dict[str, Counts]:
    return {name: groups[name] for name in all_buckets(bounds) if name in groups}
