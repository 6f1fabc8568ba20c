r"""What was found in one text."""
import html
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    Any,
    Dict,
    FrozenSet,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from eega_pyg.extraction.found import (
    AlignedObject,
    FoundEntity,
    FoundQuintuple,
    Grounding,
    percent,
)
from eega_pyg.json_yaml import json_text
from eega_pyg.schema import Entity, Quintuple, SceneGraph, TagSet
from eega_pyg.tagging import Extraction
from eega_pyg.vision.images import ImageSource


class Alignment(NamedTuple):
    r"""How the mass of each word is shared among the objects of the image, by the
    transport plans of the `"Joint Multimodal Entity-Relation Extraction Based on
    Edge-enhanced Graph Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper.

    Shapes:
        - **nodes:** the plan of the Wasserstein distance (Eq. 5), :math:`(k, n)`
        - **edges:** the plan of the Gromov-Wasserstein distance (Eq. 6),
          :math:`(k, n)`

    In both, each column sums to one. A word in several windows of a long text has the
    mean over its windows, and one that the model did not read, a link, shares its mass
    equally.
    """
    nodes: np.ndarray
    edges: np.ndarray

    def of(self, entity: Entity) -> Tuple[np.ndarray, np.ndarray]:
        r"""The share of an entity's mass that goes to each object, by each of the two
        plans: :math:`(k)` numbers that sum to one. The words of the entity have equal
        mass, so this is the mean of their columns. If the plan does not prefer any
        object, each has :math:`1 / k`."""
        words = slice(entity.start, entity.end)
        return self.nodes[:, words].mean(1), self.edges[:, words].mean(1)

    @classmethod
    def merge(cls, windows: Sequence[Tuple[Sequence[int], 'Alignment']],
              num_words: int) -> 'Alignment':
        r"""Joins the alignments of a text's windows. Each is given with the places of
        its words."""
        shape = len(windows[0][1].nodes), num_words
        nodes, edges, count = np.zeros(shape), np.zeros(shape), np.zeros(num_words)
        for places, part in windows:
            words = list(places)
            nodes[:, words] += part.nodes
            edges[:, words] += part.edges
            count[words] += 1
        for plan in (nodes, edges):
            plan[:, count == 0] = 1 / max(len(plan), 1)
        count = count.clip(min=1)
        return cls(nodes / count, edges / count)


class PairProbabilities(NamedTuple):
    r"""The probability of each tag for the word pairs of a text (Eq. 11).

    Args:
        tags (TagSet): The :math:`T` tags.
        windows (list of tuple): The places of each window's words in the text, and its
            probabilities, :math:`(n, n, T)`.
    """
    tags: TagSet
    windows: Sequence[Tuple[Sequence[int], np.ndarray]]

    def table(self, words: Sequence[int]) -> np.ndarray:
        r"""The probabilities of all ordered pairs of some words, :math:`(m, m, T)`. For
        each pair it is the mean over the windows that hold both, or NaN if none
        does."""
        total = np.zeros((len(words), len(words), len(self.tags)))
        count = np.zeros((len(words), len(words), 1))
        for places, table in self.windows:
            row = {word: i for i, word in enumerate(places)}
            inside = [k for k, word in enumerate(words) if word in row]
            here = [row[words[k]] for k in inside]
            total[np.ix_(inside, inside)] += table[np.ix_(here, here)]
            count[np.ix_(inside, inside)] += 1
        with np.errstate(invalid='ignore'):
            return total / count


@dataclass(frozen=True, repr=False)
class Result:
    r"""What was found in one text.

    Args:
        text (str): The text.
        offsets (tuple): First and one-past-last character of each word in the text.
        extraction (Extraction): Entities and quintuples, with their places counted in
            words; :attr:`entities` and :attr:`quintuples` count in characters.
        scene_graph (SceneGraph): What the model knew of the image.
        image_id (str, optional): A name to find the image by.
        image (path or PIL.Image.Image, optional): The picture, if it was given.
        undirected (frozenset of Quintuple, optional): The quintuples of which the model
            does not say which entity is the head. The one that stands first in the text
            is then taken as the head.
        alignment (Alignment, optional): Which objects the words are aligned with, if
            that was asked for and there is an object.
        pairs (PairProbabilities, optional): The probabilities of all word pairs, if
            they were asked for.
        metadata (dict, optional): What else its
            :class:`~eega_pyg.extraction.item.Item` said of the text.
        groundings (dict, optional): Which object each entity is, if objects have boxes.
    """
    text: str
    offsets: Tuple[Tuple[int, int], ...]
    extraction: Extraction
    scene_graph: SceneGraph
    image_id: str = ''
    image: Optional[ImageSource] = field(default=None, compare=False)
    undirected: FrozenSet[Quintuple] = frozenset()
    alignment: Optional[Alignment] = field(default=None, compare=False)
    pairs: Optional[PairProbabilities] = field(default=None, compare=False)
    metadata: Dict[str, Any] = field(default_factory=dict, compare=False)
    groundings: Mapping[Entity, Grounding] = field(default_factory=dict, compare=False)

    @property
    def words(self) -> List[str]:
        r"""The words of the text."""
        return [self.text[start:end] for start, end in self.offsets]

    @cached_property
    def entities(self) -> List[FoundEntity]:
        r"""The entities, in the order of the text."""
        return [self._entity(e) for e in self.extraction.entities]

    @cached_property
    def quintuples(self) -> List[FoundQuintuple]:
        r"""The relations between two entities each."""
        return [
            FoundQuintuple(self._entity(q.head), q.relation, self._entity(q.tail),
                           q.probability, q not in self.undirected)
            for q in self.extraction.quintuples
        ]

    def _entity(self, entity: Entity) -> FoundEntity:
        start, end = self.offsets[entity.start][0], self.offsets[entity.end - 1][1]
        return FoundEntity(self.text[start:end], entity.type, start, end,
                           entity.probability, self._objects(entity),
                           self.groundings.get(entity))

    def _objects(self, entity: Entity) -> Optional[Tuple[AlignedObject, ...]]:
        if self.alignment is None:
            return None
        nodes, edges = self.alignment.of(entity)
        objects = self.scene_graph.objects
        return tuple(
            AlignedObject(i, objects[i].label, float(nodes[i]), float(edges[i]),
                          objects[i].box)
            for i in np.argsort(-nodes, kind='stable').tolist())

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain dicts and lists; ``start`` and ``end`` count characters. Entities have
        ``objects`` where the alignment was asked for, and ``object``, ``object_score``
        and ``box`` where objects have boxes; there is an ``image`` where its path is
        known, and ``metadata`` where there is any."""
        return {
            'text':
            self.text,
            'image_id':
            self.image_id,
            **({
                'image': os.fspath(self.image)
            } if isinstance(self.image, (str, os.PathLike)) else {}),
            **({
                'metadata': self.metadata
            } if self.metadata else {}),
            'entities': [e.to_dict() for e in self.entities],
            'quintuples': [q.to_dict() for q in self.quintuples],
            'scene_graph':
            self.scene_graph.to_dict(),
        }

    def to_json(self) -> str:
        r"""The JSON of :meth:`to_dict`, in one line. Half of a surrogate pair, which no
        encoding knows, becomes a question mark; a value in the metadata that JSON does
        not know becomes a string, NaN and infinities null."""
        text = json_text(self.to_dict())
        return text.encode('utf-8', 'replace').decode('utf-8')

    def __repr__(self) -> str:
        lines = [f'{self.__class__.__name__}({_short(self.text)!r}']
        lines += [f'  {found}' for found in (*self.entities, *self.quintuples)]
        if self.scene_graph.objects:
            labels = ', '.join(o.label for o in self.scene_graph.objects)
            lines.append(f'  seen: {_short(labels)}')
        return '\n'.join(lines) + ')'

    def _repr_html_(self) -> str:
        text, end = [], 0
        for e in self.entities:
            text.append(html.escape(self.text[end:e.start]))
            text.append(f'<mark title="{percent(e.probability)}">{html.escape(e.text)} '
                        f'<sub>{html.escape(e.type)}</sub></mark>')
            end = e.end
        text.append(html.escape(self.text[end:]))
        paragraph = f"<p>{''.join(text)}</p>"
        if not self.quintuples:
            return paragraph
        header = ('head', 'type', 'relation', 'tail', 'type', 'probability')
        rows = [(q.head.text, q.head.type, q.relation, q.tail.text, q.tail.type,
                 percent(q.probability)) for q in self.quintuples]
        table = ''.join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>"
                        for row in rows)
        head = ''.join(f'<th>{name}</th>' for name in header)
        return f'{paragraph}<table><tr>{head}</tr>{table}</table>'


def _short(text: str, size: int = 200) -> str:
    return text if len(text) <= size else text[:size - 1] + '…'
