r"""What was found in one text."""
import html
import json
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from eega_pyg.schema import Entity, Quintuple, SceneGraph, TagSet
from eega_pyg.tagging import Extraction
from eega_pyg.vision.images import ImageSource


class Alignment(NamedTuple):
    r"""How the mass of each word is shared among the objects of the image, by the plans
    of the `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper.

    Shapes:
        - **nodes:** the plan of the Wasserstein distance (Eq. 5), :math:`(k, n)`
        - **edges:** the plan of the Gromov-Wasserstein distance (Eq. 6),
          :math:`(k, n)`

    In both a column sums to one. Words in several windows of a long text carry the mean
    over their windows.
    """
    nodes: np.ndarray
    edges: np.ndarray

    def of(self, entity: Entity) -> Tuple[np.ndarray, np.ndarray]:
        r"""The share of an entity's mass that goes to each object, by the two plans,
        each :math:`(k)` with a sum of one: its words carry equal mass, so it is the
        mean of their columns. An object that the plan does not single out has
        :math:`1 / k`."""
        words = slice(entity.start, entity.end)
        return self.nodes[:, words].mean(1), self.edges[:, words].mean(1)

    @classmethod
    def merge(cls, windows: Sequence[Tuple[int, 'Alignment']],
              num_words: int) -> 'Alignment':
        r"""Joins the windows of a text, given with their first words, which together
        hold each of its words."""
        shape = len(windows[0][1].nodes), num_words
        nodes, edges, count = np.zeros(shape), np.zeros(shape), np.zeros(num_words)
        for offset, part in windows:
            words = slice(offset, offset + part.nodes.shape[1])
            nodes[:, words] += part.nodes
            edges[:, words] += part.edges
            count[words] += 1
        return cls(nodes / count, edges / count)


class PairProbabilities(NamedTuple):
    r"""The probability of each tag for the word pairs of a text (Eq. 11).

    Args:
        tags (TagSet): The :math:`T` tags.
        windows (list of tuple): The first word of each window, and its probabilities,
            :math:`(n, n, T)`.
    """
    tags: TagSet
    windows: List[Tuple[int, np.ndarray]]

    def table(self, words: Sequence[int]) -> np.ndarray:
        r"""The probabilities of all ordered pairs of some words: the mean over the
        windows that hold both, NaN if there is none. :math:`(m, m, T)`"""
        total = np.zeros((len(words), len(words), len(self.tags)))
        count = np.zeros((len(words), len(words), 1))
        chosen = np.asarray(words, dtype=int)
        for offset, table in self.windows:
            inside = np.flatnonzero((chosen >= offset) & (chosen < offset + len(table)))
            here = chosen[inside] - offset
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
        extraction (Extraction): Entities and quintuples, in words.
        scene_graph (SceneGraph): What the model was told of the image.
        image_id (str, optional): A name to find the image by.
        image (path or PIL.Image.Image, optional): The picture, if it was given.
        undirected (frozenset of Quintuple, optional): The quintuples of which the model
            does not say which entity is the head: the one that stands first is.
        alignment (Alignment, optional): Which objects the words go with, if asked for
            and if there is an object.
        pairs (PairProbabilities, optional): The word-pair table, if asked for.
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

    def words(self) -> List[str]:
        r"""The words of the text."""
        return [self.text[start:end] for start, end in self.offsets]

    def span(self, entity: Entity) -> Tuple[int, int]:
        r"""The entity's characters in the text (half-open)."""
        return self.offsets[entity.start][0], self.offsets[entity.end - 1][1]

    def _entity(self, entity: Entity) -> Dict[str, Any]:
        start, end = self.span(entity)
        return {
            'text': self.text[start:end],
            'type': entity.type,
            'start': start,
            'end': end,
            'probability': entity.probability,
        }

    def objects(self, entity: Entity) -> List[Dict[str, Any]]:
        r"""The objects that an entity is aligned with, the strongest first: position in
        the scene graph, label, box if known, and the share of the entity's mass in
        either plan (see :meth:`Alignment.of`). Empty without an alignment."""
        if self.alignment is None:
            return []
        nodes, edges = self.alignment.of(entity)
        found = []
        for i in np.argsort(-nodes, kind='stable').tolist():
            seen = self.scene_graph.objects[i]
            item = {'object': i, 'label': seen.label}
            if seen.box is not None:
                item['box'] = list(seen.box)
            item |= {'strength': float(nodes[i]), 'edge_strength': float(edges[i])}
            found.append(item)
        return found

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain dicts and lists; ``start`` and ``end`` count characters. Entities have
        ``objects`` where the alignment was asked for."""
        entities = [self._entity(e) for e in self.extraction.entities]
        if self.alignment is not None:
            for value, entity in zip(entities, self.extraction.entities):
                value['objects'] = self.objects(entity)
        return {
            'text':
            self.text,
            'image_id':
            self.image_id,
            'entities':
            entities,
            'quintuples': [{
                'head': self._entity(q.head),
                'relation': q.relation,
                'tail': self._entity(q.tail),
                'probability': q.probability,
                'directed': q not in self.undirected,
            } for q in self.extraction.quintuples],
            'scene_graph':
            self.scene_graph.to_dict(),
        }

    def to_json(self) -> str:
        r"""The JSON of :meth:`to_dict`, in one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def quintuples(self) -> List[Tuple[str, str, str, str, str]]:
        r"""The quintuples as (entity, type, entity, type, relation)."""
        return [(q['head']['text'], q['head']['type'], q['tail']['text'],
                 q['tail']['type'], q['relation'])
                for q in self.to_dict()['quintuples']]

    def __repr__(self) -> str:
        value = self.to_dict()
        lines = [f'{self.__class__.__name__}({_short(self.text)!r}']
        for e in value['entities']:
            lines.append(f"  {e['text']!r}: {e['type']} {_percent(e['probability'])}")
        for q in value['quintuples']:
            arrow = '->' if q['directed'] else '-'
            lines.append(f"  {q['head']['text']!r} -{q['relation']}{arrow} "
                         f"{q['tail']['text']!r} {_percent(q['probability'])}")
        if self.scene_graph.objects:
            labels = ', '.join(o.label for o in self.scene_graph.objects)
            lines.append(f'  seen: {_short(labels)}')
        return '\n'.join(lines) + ')'

    def _repr_html_(self) -> str:
        value = self.to_dict()
        text, end = [], 0
        for e in value['entities']:
            text.append(html.escape(self.text[end:e['start']]))
            text.append(f"<mark title=\"{_percent(e['probability'])}\">"
                        f"{html.escape(e['text'])} <sub>{html.escape(e['type'])}</sub>"
                        f"</mark>")
            end = e['end']
        text.append(html.escape(self.text[end:]))
        rows = [[
            q['head']['text'], q['head']['type'], q['relation'], q['tail']['text'],
            q['tail']['type'],
            _percent(q['probability'])
        ] for q in value['quintuples']]
        header = ('head', 'type', 'relation', 'tail', 'type', 'probability')
        table = ''.join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>"
                        for row in rows)
        head = ''.join(f'<th>{name}</th>' for name in header)
        return f"<p>{''.join(text)}</p>" + (f'<table><tr>{head}</tr>{table}</table>'
                                            if rows else '')


def _short(text: str, size: int = 200) -> str:
    return text if len(text) <= size else text[:size - 1] + '…'


def _percent(probability: Optional[float]) -> str:
    return '' if probability is None else f'{100 * probability:.0f} %'
