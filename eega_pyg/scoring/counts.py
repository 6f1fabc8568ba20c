r"""How many items are right, and what follows from that."""
from typing import Dict, Iterable, NamedTuple, Sequence, Tuple

from .views import VIEWS, Contents, Item, items

MEASURES = ('precision', 'recall', 'f1')


class Counts(NamedTuple):
    r"""How many items there are.

    .. math::
        P = \frac{\sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |\hat{Y}_s|}, \quad
        R = \frac{\sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |Y_s|}, \quad
        F_1 = \frac{2 \sum_s |\hat{Y}_s \cap Y_s|}{\sum_s |\hat{Y}_s| + |Y_s|}

    where :math:`\hat{Y}_s` and :math:`Y_s` are the sets of predicted and given items of
    text :math:`s`, see :func:`~eega_pyg.scoring.items`. These are micro averages, as in
    Table 3 of the `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced
    Graph Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper. A fraction without a denominator is 0.

    Args:
        correct (int): Those that are given and predicted.
        predicted (int): Those that are predicted.
        given (int): Those that are given.
    """
    correct: int
    predicted: int
    given: int

    @classmethod
    def of(cls, found: 'set[Item]', given: 'set[Item]') -> 'Counts':
        return cls(len(found & given), len(found), len(given))

    @classmethod
    def sum(cls, counts: Iterable['Counts']) -> 'Counts':
        r"""The counts of several texts together."""
        return cls(*map(sum, zip((0, 0, 0), *counts)))

    @property
    def precision(self) -> float:
        return self.correct / max(self.predicted, 1)

    @property
    def recall(self) -> float:
        return self.correct / max(self.given, 1)

    @property
    def f1(self) -> float:
        return 2 * self.correct / max(self.predicted + self.given, 1)

    def to_dict(self) -> Dict[str, float]:
        r"""The three counts, and precision, recall and F1 as fractions."""
        return {**self._asdict(), **{name: getattr(self, name) for name in MEASURES}}


def macro_f1(labels: Iterable[Counts]) -> float:
    r"""The mean of the F1 of several labels, :math:`\frac{1}{|L|} \sum_{l \in L}
    F_1(l)`; 0 where there is none. The labels are those that are given or predicted
    anywhere."""
    values = [counts.f1 for counts in labels]
    return sum(values) / max(len(values), 1)


def total_scores(found: Iterable[Contents], given: Iterable[Contents],
                 views: Sequence[str] = VIEWS) -> Dict[str, float]:
    r"""Precision, recall and F1 of some views over all texts, as fractions by
    ``'{view}_{measure}'``, *e.g.*, ``'quintuple_f1'``.

    Args:
        found (iterable of Contents): What was found in each text.
        given (iterable of Contents): What each text holds.
        views (sequence of str, optional): The views. (default: all)

    Raises:
        ValueError: If the two differ in length.
    """
    pairs = list(zip(found, given, strict=True))
    totals = {
        view:
        Counts.sum(
            Counts.of(items(view, ours), items(view, theirs)) for ours, theirs in pairs)
        for view in views
    }
    return flat(totals)


def flat(totals: Dict[str, Counts]) -> Dict[str, float]:
    r"""Precision, recall and F1 of each view, by ``'{view}_{measure}'``."""
    names: Iterable[Tuple[str, str]] = ((v, m) for v in totals for m in MEASURES)
    return {f'{view}_{name}': getattr(totals[view], name) for view, name in names}
