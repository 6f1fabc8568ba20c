r"""Entities and quintuples with their places in the text."""
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

Box = Tuple[float, float, float, float]


@dataclass(frozen=True)
class Grounding:
    r"""The object of the image that an entity is, or that it is none of them.

    Args:
        object (int, optional): Its position in the scene graph; :obj:`None` if the
            entity is not seen.
        score (float): How sure that is, see
            :class:`~eega_pyg.extraction.grounding.GroundingHead`.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` of the object as fractions
            of the image.
    """
    object: Optional[int]
    score: float
    box: Optional[Box] = None

    def to_dict(self) -> Dict[str, Any]:
        r"""``object`` (which may be :obj:`None`), ``object_score`` and, if it is seen,
        ``box``."""
        box = {} if self.box is None else {'box': list(self.box)}
        return {'object': self.object, 'object_score': self.score, **box}


@dataclass(frozen=True)
class AlignedObject:
    r"""An object of the image that an entity is aligned with.

    Args:
        object (int): Its position in the scene graph.
        label (str): What it is.
        strength (float): The share of the entity's mass that goes to it by the plan of
            the Wasserstein distance, see :meth:`Alignment.of
            <eega_pyg.extraction.result.Alignment.of>`.
        edge_strength (float): The same by the plan of the Gromov-Wasserstein distance.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` as fractions of the image.
    """
    object: int
    label: str
    strength: float
    edge_strength: float
    box: Optional[Box] = None

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values; an absent box is left out."""
        value: Dict[str, Any] = {'object': self.object, 'label': self.label}
        if self.box is not None:
            value['box'] = list(self.box)
        return {**value, 'strength': self.strength, 'edge_strength': self.edge_strength}


@dataclass(frozen=True)
class FoundEntity:
    r"""An entity that was found in a text.

    Args:
        text (str): Its words, as they stand in the text.
        type (str): Its type.
        start (int): Its first character in the text.
        end (int): One past its last character.
        probability (float, optional): The model's probability.
        objects (tuple of AlignedObject, optional): The objects of the image that it is
            aligned with, the strongest first; :obj:`None` where that was not asked for.
        grounding (Grounding, optional): Which of them it is; :obj:`None` where no
            object has a box.
    """
    text: str
    type: str
    start: int
    end: int
    probability: Optional[float] = None
    objects: Optional[Tuple[AlignedObject, ...]] = None
    grounding: Optional[Grounding] = None

    @property
    def box(self) -> Optional[Box]:
        r"""Where in the image it is seen, if that is known."""
        return None if self.grounding is None else self.grounding.box

    def place(self) -> Dict[str, Any]:
        r"""What it is and where it stands in the text, as plain values."""
        names = ('text', 'type', 'start', 'end', 'probability')
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values; without an alignment there are no ``objects``, and without a
        grounding none of its fields."""
        value = self.place()
        if self.grounding is not None:
            value.update(self.grounding.to_dict())
        if self.objects is not None:
            value['objects'] = [item.to_dict() for item in self.objects]
        return value

    def __str__(self) -> str:
        return f'{self.text!r}: {self.type} {percent(self.probability)}'


@dataclass(frozen=True)
class FoundQuintuple:
    r"""A relation between two entities that was found in a text.

    Args:
        head (FoundEntity): The first entity.
        relation (str): The relation.
        tail (FoundEntity): The second entity.
        probability (float, optional): The model's probability.
        directed (bool): :obj:`False` where the model does not say which entity is the
            head; the one that stands first in the text is then named first.
    """
    head: FoundEntity
    relation: str
    tail: FoundEntity
    probability: Optional[float] = None
    directed: bool = True

    def to_tuple(self) -> Tuple[str, str, str, str, str]:
        r"""The quintuple as (entity, type, entity, type, relation)."""
        return (self.head.text, self.head.type, self.tail.text, self.tail.type,
                self.relation)

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values; of the entities only what they are and where they stand in
        the text."""
        return {**vars(self), 'head': self.head.place(), 'tail': self.tail.place()}

    def __str__(self) -> str:
        arrow = '->' if self.directed else '-'
        return (f'{self.head.text!r} -{self.relation}{arrow} {self.tail.text!r} '
                f'{percent(self.probability)}')


def percent(probability: Optional[float]) -> str:
    r"""A probability for people, empty where it is not known."""
    return '' if probability is None else f'{100 * probability:.0f} %'
