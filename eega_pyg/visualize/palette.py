r"""The colour and shape of each entity type, the same on every page and figure."""
import hashlib
from typing import Dict, Iterable, NamedTuple

#: Colours that differ to all eyes (CIEDE2000 of at least 14 between any two, also as
#: without one kind of cones), and have a contrast of 3 to both a white and a dark page.
COLORS = ('#d20f78', '#00a5a5', '#a59600', '#874bd2', '#d27878', '#007878', '#a578ff',
          '#87692d')
#: Shapes of marks. The pages have paths and matplotlib has markers of them.
SHAPES = {
    'circle': 'o',
    'square': 's',
    'diamond': 'D',
    'triangle': '^',
    'hexagon': 'h',
    'wedge': 'v',
}
# Usual names of usual types, which are circles.
_USUAL = {
    name: color
    for color, names in enumerate((
        ('per', 'person', 'people', 'peop'),
        ('loc', 'location', 'place', 'gpe'),
        ('org', 'organization', 'organisation'),
        ('misc', 'miscellaneous', 'other'),
    ))
    for name in names
}


class Mark(NamedTuple):
    r"""How entities of a type are marked: a colour of :obj:`COLORS`, and one of
    :obj:`SHAPES`."""
    color: str
    shape: str


def type_marks(types: Iterable[str]) -> Dict[str, Mark]:
    r"""The mark of each type.

    The colour depends on the name alone, whatever its case. Persons, places,
    organisations and the rest have a colour each and are circles; all other types have
    another shape. Where two of them would have both in common, the later one of the
    alphabet has the next shape that is free.

    Args:
        types (iterable of str): The types that are shown together.
    """
    marks: Dict[str, Mark] = {}
    shapes = list(SHAPES)
    for name in sorted(set(types)):
        key = name.strip().casefold()
        if key in _USUAL:
            marks[name] = Mark(COLORS[_USUAL[key]], shapes[0])
            continue
        number = int(hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest(), 16)
        color, number = COLORS[number % len(COLORS)], number // len(COLORS)
        others = shapes[1:]
        turn = number % len(others)
        ranked = [Mark(color, shape) for shape in others[turn:] + others[:turn]]
        used = set(marks.values())
        marks[name] = next((mark for mark in ranked if mark not in used), ranked[0])
    return marks
