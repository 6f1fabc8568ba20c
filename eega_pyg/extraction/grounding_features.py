r"""What the choice of an entity's object is made by."""
import math
from typing import List, NamedTuple, Sequence

import torch
from torch import Tensor

from eega_pyg.schema import Entity, SceneObject
from eega_pyg.vision.captions.words import is_person

#: The types that the head tells apart, each with its usual names; all others are like
#: the last.
KINDS = (('per', 'person', 'people', 'peop'), ('org', 'organization', 'organisation'),
         ('loc', 'location', 'place', 'gpe'), ('misc', 'other', 'miscellaneous'))
#: How many numbers describe an entity with an object, and an entity that is not seen.
PAIR_SIZE, NOTHING_SIZE = 29, 17
# Thinner boxes have no shape to speak of.
_LEAST = 1e-3


class Choices(NamedTuple):
    r"""The choices of each of :math:`m` entities between :math:`k` objects and none of
    them.

    Args:
        pairs (torch.Tensor): What describes an entity with an object.
            :math:`(m, k, 29)`
        nothing (torch.Tensor): What describes an entity that is not seen.
            :math:`(m, 17)`
    """
    pairs: Tensor
    nothing: Tensor


def choices(entities: Sequence[Entity], objects: Sequence[SceneObject],
            num_words: int) -> Choices:
    r"""Describes the choices of the entities of one text.

    Of an entity these are its type, its place in the text, and the how-manieth of its
    kind it is (a person or not); of an object whether its label names a person, its
    place, size and shape, and its ranks in size and from left to right among its kind;
    of both whether the kinds and the ranks agree, and how many others there are. The
    words of the text, a label beyond its kind, and the score of a detector are not
    looked at: GMNER's boxes, on which a head is trained, have neither.

    Args:
        entities (sequence of Entity): The entities, in the order of the text.
        objects (sequence of SceneObject): Objects with boxes.
        num_words (int): The number of words of the text.
    """
    named = [kind_of(e.type) for e in entities]
    seen = [is_person_label(o.label) for o in objects]
    places = [_place(o) for o in objects]
    counts = [sum(seen), len(seen) - sum(seen)]
    largest = [
        max((p[0] for p, s in zip(places, seen) if s == person), default=0.0)
        for person in (True, False)
    ]
    sizes = _ranks([-p[0] for p in places], seen)
    lefts = _ranks([p[3] for p in places], seen)
    persons = [kind == 0 for kind in named]
    pairs: List[List[List[float]]] = []
    nothing: List[List[float]] = []
    for i, (e, kind, person) in enumerate(zip(entities, named, persons)):
        number, before = persons.count(person), persons[:i].count(person)
        own, other = counts if person else counts[::-1]
        about = [
            *(float(kind == k) for k in range(len(KINDS))),
            math.log1p(before),
            math.log(number),
            math.log(len(entities)),
            e.start / num_words,
            math.log(e.end - e.start),
            math.log1p(own),
            math.log1p(other),
        ]
        nothing.append([
            *about,
            float(own > before),
            float(own >= number),
            float(own > 0),
            math.log1p(own) - math.log1p(number),
            largest[not person],
            largest[person],
        ])
        pairs.append([[
            *about,
            float(seen[j]),
            *(float(kind == k and seen[j] == person) for k in range(len(KINDS))),
            math.log1p(sizes[j]),
            math.log1p(lefts[j]),
            float(sizes[j] == before),
            float(lefts[j] == before),
            float(sizes[j] == i),
            places[j][0] / max(largest[not seen[j]], _LEAST),
            *places[j][1:],
            math.log(max(places[j][0], _LEAST)),
        ] for j in range(len(objects))])
    return Choices(
        torch.tensor(pairs).view(len(entities), len(objects), PAIR_SIZE),
        torch.tensor(nothing).view(len(entities), NOTHING_SIZE))


def kind_of(name: str) -> int:
    r"""The position of a type among :obj:`KINDS`."""
    key = name.strip().casefold()
    return next((i for i, names in enumerate(KINDS) if key in names), len(KINDS) - 1)


def is_person_label(label: str) -> bool:
    r"""Whether the last word of a label names a person."""
    words = label.lower().split()
    return bool(words) and is_person(words[-1])


def _place(item: SceneObject) -> List[float]:
    r"""Area, width, height, centre, distance from the middle, and shape of a box."""
    x1, y1, x2, y2 = item.box or (0.0, 0.0, 0.0, 0.0)
    width, height = x2 - x1, y2 - y1
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    shape = math.log(max(height, _LEAST) / max(width, _LEAST))
    return [width * height, width, height, x, y, abs(x - 0.5), shape]


def _ranks(values: Sequence[float], groups: Sequence[bool]) -> List[int]:
    r"""How many of its group have a smaller value, or the same and stand before it."""
    return [
        sum(h == g and (w, j) < (v, i) for j, (w, h) in enumerate(zip(values, groups)))
        for i, (v, g) in enumerate(zip(values, groups))
    ]
