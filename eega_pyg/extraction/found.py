r"""Entities and quintuples with their places in the text."""
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple


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
    box: Optional[Tuple[float, float, float, float]] = None

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
    """
    text: str
    type: str
    start: int
    end: int
    probability: Optional[float] = None
    objects: Optional[Tuple[AlignedObject, ...]] = None

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values; without an alignment there are no ``objects``."""
        value = dict(vars(self))
        del value['objects']
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
        r"""Plain values; the entities are without their ``objects``."""
        value = dict(vars(self))
        for side in ('head', 'tail'):
            value[side] = value[side].to_dict()
            value[side].pop('objects', None)
        return value

    def __str__(self) -> str:
        arrow = '->' if self.directed else '-'
        return (f'{self.head.text!r} -{self.relation}{arrow} {self.tail.text!r} '
                f'{percent(self.probability)}')


def percent(probability: Optional[float]) -> str:
    r"""A probability for people, empty where it is not known."""
    return '' if probability is None else f'{100 * probability:.0f} %'
