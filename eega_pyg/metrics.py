r"""Scores of extracted quintuples against the given ones."""
from typing import Any, Dict, Hashable, Iterable, Optional, Sequence, Set

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

#: What is compared, see :class:`ExtractionScore`.
VIEWS = ('quintuple', 'directed', 'triple', 'entity', 'quintuple_entity', 'span')


class ExtractionScore(Metric):
    r"""Micro-averaged precision, recall and F1 of extractions, as in Table 3 of the
    `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper.

    .. math::
        P = \frac{\sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |\hat{Y}_s|}, \quad
        R = \frac{\sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |Y_s|}, \quad
        F_1 = \frac{2 \sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |\hat{Y}_s| + |Y_s|}

    where :math:`\hat{Y}_s` and :math:`Y_s` are the sets of predicted and given items of
    sentence :math:`s`. The view decides what an item is:

    - :obj:`"quintuple"`: both typed spans and the relation, in either direction; the
      literature reports this one.
    - :obj:`"directed"`: the same, and the direction has to be right.
    - :obj:`"triple"`: as :obj:`"quintuple"`, without the types.
    - :obj:`"entity"`: typed spans; all predicted entities.
    - :obj:`"quintuple_entity"`: typed spans; the entities of predicted quintuples.
    - :obj:`"span"`: as :obj:`"entity"`, without the types.

    The given entities of :obj:`"entity"` and :obj:`"span"` are all that the data set
    annotates, see :meth:`update`. In JMERE these are those of the given quintuples.

    The counts are summed over processes. :meth:`compute` returns fractions in
    :math:`[0, 1]` as :obj:`"{view}_precision"`, :obj:`"{view}_recall"` and
    :obj:`"{view}_f1"`; a fraction without a denominator is 0.

    Args:
        view (str): One of :obj:`VIEWS`.
        **kwargs (optional): Additional arguments of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: On an unknown view.
    """
    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    correct: Tensor
    predicted: Tensor
    given: Tensor

    def __init__(self, view: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if view not in VIEWS:
            raise ValueError(f"Expected a view of {', '.join(VIEWS)} (got '{view}')")
        self.view = view
        for name in ('correct', 'predicted', 'given'):
            self.add_state(name, torch.tensor(0), dist_reduce_fx='sum')

    def update(self, preds: Sequence[Extraction],
               targets: Sequence[Sequence[Quintuple]],
               entities: Optional[Sequence[Iterable[Entity]]] = None) -> None:
        r"""Counts the items of some sentences.

        Args:
            preds (sequence of Extraction): What was extracted from each sentence.
            targets (sequence of sequence of Quintuple): What each sentence holds.
            entities (sequence of iterable of Entity, optional): The given entities of
                each sentence. (default: those of the given quintuples)

        Raises:
            ValueError: If they differ in length.
        """
        if entities is None:
            entities = [_entities_of(target) for target in targets]
        if not len(preds) == len(targets) == len(entities):
            raise ValueError(f"Expected as many extractions as targets (got "
                             f"{len(preds)} and {len(targets)}, with entities of "
                             f"{len(entities)})")
        for pred, target, given in zip(preds, targets, entities):
            found = _items(self.view, pred.entities, pred.quintuples)
            gold = _items(self.view, given, target)
            self.correct += len(found & gold)
            self.predicted += len(found)
            self.given += len(gold)

    def compute(self) -> Dict[str, Tensor]:
        r"""Precision, recall and F1 of all sentences so far."""
        return {
            f'{self.view}_precision': _ratio(self.correct, self.predicted),
            f'{self.view}_recall': _ratio(self.correct, self.given),
            f'{self.view}_f1': _ratio(2 * self.correct, self.predicted + self.given),
        }

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.view!r})'


def extraction_scores(**kwargs: Any) -> MetricCollection:
    r"""All views of :class:`ExtractionScore` in one flat dictionary, *e.g.*,
    :obj:`"quintuple_f1"` and :obj:`"entity_recall"`.

    Args:
        **kwargs (optional): Additional arguments of :class:`torchmetrics.Metric`.
    """
    # Compute groups would merge views that have equal counts on the first batch, and
    # keep them merged when later counts differ.
    return MetricCollection({view: ExtractionScore(view, **kwargs)
                             for view in VIEWS}, compute_groups=False)


def undirected(quintuples: Iterable[Quintuple]) -> Set[Hashable]:
    r"""The quintuples without their directions, as a set of hashable items."""
    return {(frozenset((q.head, q.tail)), q.relation) for q in quintuples}


def _entities_of(quintuples: Sequence[Quintuple]) -> Set[Entity]:
    return {e for q in quintuples for e in (q.head, q.tail)}


def _items(view: str, entities: Iterable[Entity],
           quintuples: Sequence[Quintuple]) -> Set[Hashable]:
    if view == 'directed':
        return set(quintuples)
    if view == 'quintuple':
        return undirected(quintuples)
    if view == 'triple':
        return {(frozenset((q.head.span, q.tail.span)), q.relation) for q in quintuples}
    if view == 'entity':
        return set(entities)
    if view == 'quintuple_entity':
        return set(_entities_of(quintuples))
    return {e.span for e in entities}


def _ratio(count: Tensor, total: Tensor) -> Tensor:
    # Where the total is 0, so is the count.
    return count / total.clamp(min=1)
