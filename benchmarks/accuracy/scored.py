r"""What was found in texts, beside what was to be found."""
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Hashable,
    Iterable,
    List,
    NamedTuple,
    Sequence,
    Tuple,
)

import numpy as np

from eega_pyg.schema import Quintuple
from eega_pyg.scoring import Content, Counts, items
from eega_pyg.scoring.counts import MEASURES
from eega_pyg.training.threshold import curve

#: The columns of :func:`rows`.
COLUMNS = ('least probability', 'found', 'right, %', 'mean probability, %', 'recall, %',
           'F1')


class Scored(NamedTuple):
    r"""What was found in some texts.

    Args:
        probability (numpy.ndarray): The probability of each thing found.
        right (numpy.ndarray): Whether it was to be found.
        given (int): How many things were to be found.
    """
    probability: np.ndarray
    right: np.ndarray
    given: int

    @classmethod
    def of(cls, found: Iterable[Sequence[Any]], given: Iterable[Collection[Any]],
           key: Callable[[Any], Any]) -> 'Scored':
        r"""Compares what was found in each text with what was to be found there; two
        things with the same :obj:`key` are the same."""
        probability: List[float] = []
        right: List[bool] = []
        number = 0
        for ours, theirs in zip(found, given):
            wanted = {key(x) for x in theirs}
            got = {key(x): x.probability or 0.0 for x in ours}
            probability += got.values()
            right += [x in wanted for x in got]
            number += len(wanted)
        return cls(np.array(probability), np.array(right, dtype=bool), number)

    def above(self, least: float) -> 'Scored':
        r"""Of what was found, all that has at least this probability."""
        kept = self.probability >= least
        return Scored(self.probability[kept], self.right[kept], self.given)

    def scores(self) -> Dict[str, float]:
        r"""Precision, recall, F1, the mean probability, and how many were found."""
        counts = Counts(int(self.right.sum()), len(self.right), self.given)
        return {
            **{
                name: getattr(counts, name)
                for name in MEASURES
            },
            'probability': float(self.probability.mean()) if self.right.size else 0.0,
            'found': counts.predicted,
        }

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain lists; probabilities have four digits."""
        return {
            'given': self.given,
            'probability': np.round(self.probability, 4).tolist(),
            'right': self.right.tolist(),
        }

    @classmethod
    def from_dict(cls, value: Dict[str, Any]) -> 'Scored':
        return cls(np.array(value['probability']), np.array(value['right'], dtype=bool),
                   value['given'])


def either_way(q: Quintuple) -> Hashable:
    r"""A quintuple without its direction."""
    return _item('quintuple', q)


def pair(q: Quintuple) -> Hashable:
    r"""The same without its types."""
    return _item('triple', q)


def _item(view: str, q: Quintuple) -> Hashable:
    only, = items(view, Content((), [q]))
    return only


def rows(scored: Scored, least: Iterable[float]) -> List[List[str]]:
    r"""A row of :obj:`COLUMNS` for each least probability."""
    out = []
    for value in least:
        s = scored.above(value).scores()
        shares = (s[name] for name in ('precision', 'probability', 'recall', 'f1'))
        out.append(
            [f'{value:.3g}',
             str(s['found']), *(f'{100 * x:.1f}' for x in shares)])
    return out


def draw(curves: Dict[str, Scored], marks: Dict[str, float]) -> Any:
    r"""A figure of precision over recall.

    Args:
        curves (dict): What was found, by the name that the legend has.
        marks (dict): The probability from which on something is kept that is to be
            marked on a curve, by the curve's name.
    """
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 4))
    for name, scored in curves.items():
        points = curve(*scored)
        line, = axis.plot(points.recall, points.precision, label=name)
        if name in marks:
            x, y = _point(scored, marks[name])
            axis.plot([x], [y], 'o', color=line.get_color())
    axis.set(xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.tight_layout()
    return figure


def _point(scored: Scored, least: float) -> Tuple[float, float]:
    scores = scored.above(least).scores()
    return scores['recall'], scores['precision']
