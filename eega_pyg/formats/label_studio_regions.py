r"""The regions of a task of Label Studio, as entities and their boxes."""
import re
from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from pydantic import Field
from typing_extensions import Annotated, NotRequired, TypedDict

from eega_pyg.schema import Index, Name, Number, Share, Text, located, short, validated

from .annotated import AnnotatedEntity, AnnotatedRelation
from .offsets import check_names

_Id = Annotated[Text, Field(min_length=1)]
_OF_MARKUP = ('hypertextlabels', 'paragraphlabels')
_Corners = Tuple[float, float, float, float]


class _Mark(TypedDict):
    start: Index
    end: Index
    text: NotRequired[Optional[Text]]
    labels: NotRequired[Optional[List[Name]]]


class _Rectangle(TypedDict):
    x: Number
    y: Number
    width: Number
    height: Number
    rotation: NotRequired[Optional[Number]]


class _Relation(TypedDict):
    from_id: _Id
    to_id: _Id
    direction: NotRequired[Optional[Text]]
    labels: NotRequired[Optional[List[Name]]]
    score: NotRequired[Optional[Share]]


class Regions:
    r"""Collects the results of a task.

    Args:
        text (str): The text.
        probable (bool): Whether scores are probabilities.
        left_out (Counter): Counts what is not taken over.
    """
    def __init__(self, text: str, probable: bool, left_out: 'Counter[str]') -> None:
        self.text = text
        self.probable = probable
        self.left_out = left_out
        self.marks: List[Tuple[_Mark, str, Optional[float]]] = []
        self.target = ''
        # Regions by their ids: of the text, of the image, and those that are not read.
        self.index: Dict[str, int] = {}
        self.boxes: Dict[str, Optional[_Corners]] = {}
        self.others: Dict[str, str] = {}
        self.seen: Set[str] = set()
        self.joins: List[Tuple[str, _Relation]] = []

    def add(self, result: Mapping[str, Any], where: str) -> None:
        r"""Adds a result.

        Raises:
            ValueError: Naming the field that is wrong.
        """
        kind = validated(Text, result.get('type'), 'type')
        if kind == 'relation':
            self.joins.append((where, validated(_Relation, dict(result))))
            return
        self.left_out['notes on regions'] += bool(result.get('meta'))
        key = validated(_Id, result.get('id'), 'id')
        if kind in _OF_MARKUP:
            raise ValueError(f"marks regions of HTML or of a dialogue ({kind}), whose "
                             f"places are not those of a text: label plain text")
        if kind not in ('labels', 'rectanglelabels'):
            # A choice or a note of a region has the id of that.
            self.left_out[f'results of another kind ({short(kind)[1:-1]})'] += 1
            self.others.setdefault(key, kind)
        elif key in self.seen:
            raise ValueError(f"the id {short(key)} is taken already")
        elif kind == 'labels':
            self.seen.add(key)
            self._mark(key, result)
        else:
            self.seen.add(key)
            value = validated(_Rectangle, result.get('value'), 'value')
            self.boxes[key] = None if value.get('rotation') else _corners(value)

    def _mark(self, key: str, result: Mapping[str, Any]) -> None:
        value = validated(_Mark, result.get('value'), 'value')
        target = validated(Text, result.get('to_name', ''), 'to_name')
        if self.marks and target != self.target:
            raise ValueError(f"marks {short(target)}, and others {short(self.target)}: "
                             f"only one text of a task is read")
        self.target = target
        labels = value.get('labels') or []
        if len(labels) > 1:
            raise ValueError(f"has the labels {short(', '.join(labels))[1:-1]}: keep "
                             f"one of them")
        if not labels:
            self.left_out['regions without a label'] += 1
            self.others[key] = 'labels'
            return
        self.index[key] = len(self.marks)
        self.marks.append((value, labels[0], self._score(result.get('score'))))

    def _score(self, score: Any) -> Optional[float]:
        if score is None or self.probable:
            return validated(Optional[Share], score, 'score')
        # It is that of the prediction which a person has confirmed or corrected.
        self.left_out['scores of predictions'] += 1
        return None

    def parts(
            self) -> Tuple[Tuple[AnnotatedEntity, ...], Tuple[AnnotatedRelation, ...]]:
        r"""The entities, and the relations between them.

        Raises:
            ValueError: If offsets do not fit the text or a relation has no ends.
        """
        check_names(self.text, [(v['start'], v['end']) for v, *_ in self.marks],
                    [self._name(v) for v, *_ in self.marks])
        boxes: Dict[int, Optional[_Corners]] = {}
        relations: List[AnnotatedRelation] = []
        for where, join in self.joins:
            with located(where):
                relations += self._relations(join, boxes)
        used = {key for _, j in self.joins for key in (j['from_id'], j['to_id'])}
        self.left_out['image regions of no entity'] += len(self.boxes.keys() - used)
        return tuple(
            AnnotatedEntity(v['start'], v['end'], kind, '', boxes.get(i), probability)
            for i, (v, kind, probability) in enumerate(self.marks)), tuple(relations)

    def _name(self, value: _Mark) -> Optional[str]:
        # The page writes a backslash and an n for the end of a line.
        name, there = value.get('text'), self.text[value['start']:value['end']]
        return there if name == re.sub('[\r\n]', r'\\n', there) else name

    def _relations(self, join: _Relation,
                   boxes: Dict[int, Optional[_Corners]]) -> List[AnnotatedRelation]:
        r"""The relations of a line between two regions; a box of an entity goes into
        :obj:`boxes`."""
        ends = [join['from_id'], join['to_id']]
        for side, key in zip(('from_id', 'to_id'), ends):
            if key not in {**self.index, **self.boxes, **self.others}:
                raise ValueError(f"{side}: no region has the id {short(key)}")
        labels = join.get('labels') or []
        if any(key not in self.index and key not in self.boxes for key in ends):
            self.left_out['relations of regions that are not read'] += 1
        elif all(key in self.index for key in ends):
            self.left_out['relations without a label'] += not labels
            probability = self._score(join.get('score'))
            direction = join.get('direction')
            head, tail = (self.index[key]
                          for key in (ends[::-1] if direction == 'left' else ends))
            return [
                AnnotatedRelation(head, tail, name, probability, direction != 'bi')
                for name in labels
            ]
        elif all(key in self.boxes for key in ends):
            self.left_out['relations between image regions'] += 1
        else:
            box, mark = sorted(ends, key=lambda key: key in self.index)
            self.left_out['labels between a text and an image region'] += len(labels)
            if self.boxes[box] is None:
                self.left_out['boxes that are turned'] += 1
            elif boxes.setdefault(self.index[mark], self.boxes[box]) != self.boxes[box]:
                self.left_out['further boxes of an entity'] += 1
        return []


def _corners(value: _Rectangle) -> _Corners:
    # Percent of the image; a rectangle may have been drawn over its edge.
    x, y = value['x'], value['y']
    return tuple(  # type: ignore[return-value]
        min(max(part / 100, 0.0), 1.0)
        for part in (x, y, x + value['width'], y + value['height']))
