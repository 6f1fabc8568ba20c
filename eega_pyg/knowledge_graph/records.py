r"""What a knowledge graph is made of."""
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple


@dataclass(frozen=True)
class Sentence:
    r"""A text that something was found in, and the name of its image (or ``''``)."""
    text: str
    image_id: str = ''


@dataclass(frozen=True)
class SeenObject:
    r"""The object of the sentence's image that an entity is aligned with most.

    Args:
        label (str): What it is.
        strength (float): The share of the entity's mass that goes to it, see
            :meth:`eega_pyg.extraction.result.Alignment.of`.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` as fractions of the image.
    """
    label: str
    strength: float
    box: Optional[Tuple[float, float, float, float]] = None


@dataclass(frozen=True)
class Mention:
    r"""Where an entity is named.

    Args:
        sentence (int): Position of the sentence in the graph.
        start, end (int): Its characters in the sentence (half-open).
        name (str): How it is named there.
        probability (float): The model's.
        object (SeenObject, optional): What it is aligned with, if that is known.
    """
    sentence: int
    start: int
    end: int
    name: str
    probability: float
    object: Optional[SeenObject] = None


class Supported(ABC):
    r"""What stands in one or several places of the sentences."""
    @property
    @abstractmethod
    def probabilities(self) -> List[float]:
        r"""The model's, of each place."""

    @property
    def count(self) -> int:
        return len(self.probabilities)

    @property
    def best(self) -> float:
        return max(self.probabilities)

    @property
    def mean(self) -> float:
        return sum(self.probabilities) / self.count


@dataclass(frozen=True)
class Node(Supported):
    r"""An entity.

    Args:
        id (str): What tells it from all others.
        name (str): Its most frequent name.
        type (str): Its most frequent type.
        mentions (tuple of Mention): Where it is named.
        wikidata (str, optional): Its Wikidata id, *e.g.*, ``'Q90'``.
    """
    id: str
    name: str
    type: str
    mentions: Tuple[Mention, ...]
    wikidata: Optional[str] = None

    @property
    def names(self) -> Dict[str, int]:
        r"""All names and how often each occurs, in the order of the mentions."""
        names: Dict[str, int] = {}
        for mention in self.mentions:
            names[mention.name] = names.get(mention.name, 0) + 1
        return names

    @property
    def probabilities(self) -> List[float]:
        return [mention.probability for mention in self.mentions]


@dataclass(frozen=True)
class Evidence:
    r"""Where a relation is stated: the sentence, the characters of both entities, and
    the model's probability."""
    sentence: int
    head: Tuple[int, int]
    tail: Tuple[int, int]
    probability: float


@dataclass(frozen=True)
class Relation(Supported):
    r"""A relation between two entities.

    Args:
        head, tail (str): The ids of the entities.
        relation (str): Which relation.
        evidence (tuple of Evidence): Where it is stated.
        directed (bool): :obj:`False` if head and tail could as well be swapped: in a
            symmetric relation, or because the model does not say.
    """
    head: str
    relation: str
    tail: str
    evidence: Tuple[Evidence, ...]
    directed: bool = True

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
