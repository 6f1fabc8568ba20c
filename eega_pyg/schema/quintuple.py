r"""Entities and the relations between them."""
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Iterable, List, Optional, Tuple, Union

#: A half-open range of words.
Span = Tuple[int, int]

#: A span, and where in the image it is seen: ``(x1, y1, x2, y2)`` as fractions.
BoxOfSpan = Tuple[Span, Tuple[float, float, float, float]]

#: A (head type, relation, tail type) seen in training, and the set of all of them.
Signature = Tuple[str, str, str]
Signatures = AbstractSet[Signature]


@dataclass(frozen=True, order=True)
class Entity:
    r"""A typed span of words.

    Args:
        start (int): First word.
        end (int): One past the last word (half-open).
        type (str): The entity type, *e.g.*, ``'per'``.
        probability (float, optional): The model's probability; not compared.
    """
    start: int
    end: int
    type: str
    probability: Optional[float] = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"Expected 0 <= start < end in an entity span "
                             f"(got [{self.start}, {self.end}))")

    @property
    def span(self) -> Span:
        return self.start, self.end

    def to_list(self) -> List[Union[int, str]]:
        r"""Start, end and type, the form stored in a :class:`HeteroData`."""
        return [self.start, self.end, self.type]

    def shifted(self, offset: int) -> 'Entity':
        r"""The same entity with its span moved by :obj:`offset` words."""
        return Entity(self.start + offset, self.end + offset, self.type,
                      self.probability)


@dataclass(frozen=True, order=True)
class Quintuple:
    r"""Two typed entities and the relation between them.

    Args:
        head (Entity): The head entity.
        tail (Entity): The tail entity.
        relation (str): The relation, *e.g.*, ``'member_of'``.
        probability (float, optional): The model's probability; not compared.
    """
    head: Entity
    tail: Entity
    relation: str
    probability: Optional[float] = field(default=None, compare=False)

    def shifted(self, offset: int) -> 'Quintuple':
        r"""The same quintuple with both spans moved by :obj:`offset` words."""
        return Quintuple(self.head.shifted(offset), self.tail.shifted(offset),
                         self.relation, self.probability)

    def to_list(self) -> List[Union[int, str]]:
        r"""Seven plain values, the form stored in a :class:`HeteroData`:
        head start, end and type, tail start, end and type, relation."""
        return [
            self.head.start, self.head.end, self.head.type, self.tail.start,
            self.tail.end, self.tail.type, self.relation
        ]

    @classmethod
    def from_list(cls, values: Iterable[Any]) -> 'Quintuple':
        r"""The inverse of :meth:`to_list`."""
        hs, he, ht, ts, te, tt, relation = values
        return cls(Entity(hs, he, ht), Entity(ts, te, tt), relation)
