r"""What a knowledge graph is made of."""
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import fsum
from typing import Annotated, Any, Dict, List, Optional, Tuple

from pydantic import AfterValidator, Field

from eega_pyg.schema import Flag, Index, Number, Share, Text, short


def clean(name: str) -> str:
    r"""A name without line breaks, control characters and the like, which not all of
    the formats can hold."""
    kept = ''.join(' ' if unicodedata.category(c) in ('Cc', 'Cs') else c for c in name
                   if c not in '\ufffe\uffff')
    return ' '.join(kept.split())


# The annotations say what a file may hold; the constructors check nothing.
Characters = Tuple[Index, Index]
Label = Annotated[Text, AfterValidator(clean)]
Box = Tuple[Number, Number, Number, Number]


@dataclass(frozen=True)
class Sentence:
    r"""A text, the name of its image or ``''``, and what else was known of it, *e.g.*,
    its number and its author."""
    text: Text
    image_id: Text = ''
    metadata: Dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class SeenObject:
    r"""The object of the sentence's image that an entity is, or if no object has a
    box, that it is aligned with most.

    Args:
        label (str): What the object is.
        strength (float): How sure that is (the ``object_score`` of the result); without
            boxes the share of the entity's mass that goes to it, see
            :meth:`eega_pyg.extraction.result.Alignment.of`.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` as fractions of the image.
    """
    label: Label
    strength: Share
    box: Optional[Box] = None


@dataclass(frozen=True)
class Mention:
    r"""A place where an entity is named.

    Args:
        sentence (int): Position of the sentence in the graph.
        start, end (int): Its characters in the sentence (half-open).
        name (str): Its name there.
        probability (float): The model's probability.
        object (SeenObject, optional): The object it is aligned with, if that is known.
    """
    sentence: Index
    start: Index
    end: Index
    name: Label
    probability: Share
    object: Optional[SeenObject] = None


@dataclass(frozen=True)
class Total:
    r"""What all places of an entity or a relation say together, where only the most
    probable ones are kept.

    Args:
        count (int): The number of places.
        best (float): The highest probability.
        mean (float): The mean probability.
        names (dict, optional): Of an entity, how often each name occurs.
    """
    count: Annotated[Index, Field(ge=1)]
    best: Share
    mean: Share
    names: Dict[Label, Index] = field(default_factory=dict)


class Supported(ABC):
    r"""An entity or a relation, which stands in one or several places of the
    sentences."""
    total: Optional[Total]

    @property
    @abstractmethod
    def probabilities(self) -> List[float]:
        r"""The model's probability at each place that is kept."""

    @property
    def count(self) -> int:
        r"""The number of places."""
        return self.total.count if self.total else len(self.probabilities)

    @property
    def best(self) -> float:
        r"""The highest probability."""
        return self.total.best if self.total else max(self.probabilities)

    @property
    def mean(self) -> float:
        r"""The mean probability."""
        if self.total is not None:
            return self.total.mean
        return fsum(self.probabilities) / self.count


@dataclass(frozen=True)
class Node(Supported):
    r"""An entity.

    Args:
        id (str): Its id, which no other entity has.
        name (str): Its most frequent name.
        type (str): Its most frequent type.
        mentions (tuple of Mention): Where it is named.
        wikidata (str, optional): Its Wikidata id, *e.g.*, ``'Q90'``.
        total (Total, optional): What all its mentions say, if not all of them are kept.
    """
    id: Label
    name: Label
    type: Label
    mentions: Annotated[Tuple[Mention, ...], Field(min_length=1)]
    wikidata: Optional[Label] = None
    total: Optional[Total] = None

    @property
    def names(self) -> Dict[str, int]:
        r"""How often each name occurs, in the order of the mentions, or of the
        alphabet if not all of them are kept."""
        if self.total is not None:
            return dict(self.total.names)
        names: Dict[str, int] = {}
        for mention in self.mentions:
            names[mention.name] = names.get(mention.name, 0) + 1
        return names

    @property
    def probabilities(self) -> List[float]:
        return [mention.probability for mention in self.mentions]


@dataclass(frozen=True)
class Evidence:
    r"""A place where a relation is stated: the sentence, the characters of both
    entities, and the model's probability."""
    sentence: Index
    head: Characters
    tail: Characters
    probability: Share


@dataclass(frozen=True)
class Relation(Supported):
    r"""A relation between two entities.

    Args:
        head, tail (str): The ids of the entities.
        relation (str): Which relation.
        evidence (tuple of Evidence): Where it is stated.
        directed (bool): :obj:`False` if head and tail can be swapped, either because
            the relation is symmetric or because the model does not say which is which.
        total (Total, optional): What all evidence says, if not all of it is kept.
    """
    head: Label
    relation: Label
    tail: Label
    evidence: Annotated[Tuple[Evidence, ...], Field(min_length=1)]
    directed: Flag = True
    total: Optional[Total] = None

    @property
    def probabilities(self) -> List[float]:
        return [evidence.probability for evidence in self.evidence]


@dataclass(frozen=True)
class GraphData:
    r"""The parts of a knowledge graph, as the formats read them.

    Args:
        sentences (tuple of Sentence): The texts.
        nodes (dict): The entities, by their ids.
        relations (list of Relation): The relations.
    """
    sentences: Tuple[Sentence, ...]
    nodes: Dict[str, Node]
    relations: List[Relation]


def check_span(start: int, end: int, text: str, where: str) -> None:
    r"""Raises a :class:`ValueError` if two characters are no span of a text."""
    if not start < end <= len(text):
        raise ValueError(f"{where}: expected 0 <= start < end <= {len(text)} (got "
                         f"{short(start)}, {short(end)})")
