r"""All that is said of predictions."""
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from eega_pyg.formats import AnnotatedText

from .alignment import Alignment, PlacedText, align
from .counts import Counts, flat, macro_f1
from .errors import SPURIOUS, Confusion, confused, lost_by_relation, spurious
from .groups import by_distance, by_label, by_length
from .judged import JudgedText, judgements
from .resampling import DRAWS, SEED, PairedTest, interval, paired_tests, resampled_f1
from .views import GROUNDED, RELATION_VIEWS, VIEWS, items


class ViewScore(NamedTuple):
    r"""The score of a view, see :func:`~eega_pyg.scoring.items`.

    Args:
        counts (Counts): The counts of all texts.
        interval (tuple of float): The 95 % interval of the F1, over samples of the
            texts (percentiles of the bootstrap).
        macro_f1 (float, optional): The mean F1 of the relations, or of the types;
            :obj:`None` where these do not count.
        labels (dict): The counts of each relation, or type.
        distances (dict): Those by how many words begin between head and tail; of
            relations only.
        lengths (dict): Those by how many words a text has.
    """
    counts: Counts
    interval: Tuple[float, float]
    macro_f1: Optional[float]
    labels: Dict[str, Counts]
    distances: Dict[str, Counts]
    lengths: Dict[str, Counts]

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values."""
        groups = {
            'labels': self.labels,
            'distances': self.distances,
            'lengths': self.lengths
        }
        return {
            **self.counts.to_dict(), 'f1_interval': list(self.interval),
            'macro_f1': self.macro_f1,
            **{
                name: {
                    key: counts.to_dict()
                    for key, counts in group.items()
                }
                for name, group in groups.items()
            }
        }


@dataclass(frozen=True)
class Report:
    r"""What is said of some predictions.

    Args:
        views (dict): The score of each view; of
            :obj:`~eega_pyg.scoring.views.GROUNDED` only if entities have boxes on both
            sides.
        types (Confusion): Which types are taken for which.
        relations (Confusion): Which relations are taken for which.
        lost (dict): For each relation how many given ones are not found for which
            reason, see :func:`~eega_pyg.scoring.errors.reason`.
        spurious (dict): How many predicted quintuples are wrong in which way, see
            :func:`~eega_pyg.scoring.errors.spurious`.
        alignment (Alignment): Which texts were predicted, and what a person should know
            of it.
        gold (list of PlacedText): The given texts.
    """
    views: Dict[str, ViewScore]
    types: Confusion
    relations: Confusion
    lost: Dict[str, Dict[str, int]]
    spurious: Dict[str, int]
    alignment: Alignment = field(repr=False)
    gold: List[PlacedText] = field(repr=False)

    def scores(self) -> Dict[str, float]:
        r"""Precision, recall and F1 of each view, by ``'{view}_{measure}'``."""
        return flat({view: score.counts for view, score in self.views.items()})

    def errors(self, view: str = 'quintuple') -> List[JudgedText]:
        r"""The texts in which a given item is not predicted, or the other way round,
        with all their items in a view."""
        return [
            text for text in judgements(view, self.gold, [self.alignment.found])
            if any(item.given != item.found[0] for item in text.items)
        ]

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values, for JSON."""
        return {
            'texts': len(self.gold),
            'missing': len(self.alignment.missing),
            'extra': len(self.alignment.extra),
            'notes': self.alignment.notes,
            'scores': self.scores(),
            'views': {
                view: score.to_dict()
                for view, score in self.views.items()
            },
            'confusion': {
                name: [{
                    'given': a,
                    'predicted': b,
                    'count': count
                } for a, b, count in found.most_common()]
                for name, found in (('types', self.types), ('relations',
                                                            self.relations))
            },
            'lost': self.lost,
            'spurious': self.spurious,
        }


@dataclass(frozen=True)
class Comparison:
    r"""What is said of the predictions of two systems for the same texts.

    Args:
        first (Report): What is said of the first one.
        second (Report): What is said of the second one.
        tests (dict): For each view, how far the second one's F1 is above the first
            one's, and whether that may be chance.
    """
    first: Report
    second: Report
    tests: Dict[str, PairedTest]

    def diff(self, view: str = 'quintuple') -> List[JudgedText]:
        r"""The texts with items that only one of the two predicted, with these items
        alone; of a view."""
        found = [self.first.alignment.found, self.second.alignment.found]
        texts = []
        for text in judgements(view, self.first.gold, found):
            differing = [i for i in text.items if i.found[0] != i.found[1]]
            if differing:
                texts.append(JudgedText(text.text, differing))
        return texts

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values, for JSON."""
        return {
            'first': self.first.to_dict(),
            'second': self.second.to_dict(),
            'tests': {
                view: test._asdict()
                for view, test in self.tests.items()
            },
        }


def score(gold: Iterable[AnnotatedText], predicted: Iterable[AnnotatedText],
          draws: int = DRAWS, seed: int = SEED) -> Report:
    r"""Scores predictions against given texts, in all views.

    .. code-block:: python

        from eega_pyg.formats import read_texts
        from eega_pyg.scoring import score
        report = score(read_texts('gold.jsonl'), read_texts('found.jsonl'))
        print(report.views['directed'].counts.f1)

    Args:
        gold (iterable of AnnotatedText): The given texts.
        predicted (iterable of AnnotatedText): The same texts with what was predicted,
            see :func:`~eega_pyg.scoring.align`.
        draws (int, optional): How many samples of the texts intervals are made of.
            (default: :obj:`2000`)
        seed (int, optional): Of the samples. (default: :obj:`0`)

    Raises:
        ValueError: As :func:`~eega_pyg.scoring.align`, or if there is less than one
            draw.
    """
    return _score([PlacedText(text) for text in gold], predicted, draws, seed)[0]


def compare(gold: Iterable[AnnotatedText], first: Iterable[AnnotatedText],
            second: Iterable[AnnotatedText], draws: int = DRAWS,
            seed: int = SEED) -> Comparison:
    r"""Scores the predictions of two systems for the same texts, and tests whether they
    differ.

    Args:
        gold (iterable of AnnotatedText): The given texts.
        first (iterable of AnnotatedText): What the first system predicted.
        second (iterable of AnnotatedText): What the second one predicted.
        draws, seed (int, optional): As of :func:`score`, of the tests too.

    Raises:
        ValueError: As :func:`score`.
    """
    texts = [PlacedText(text) for text in gold]
    one, counts = _score(texts, first, draws, seed)
    two, others = _score(texts, second, draws, seed)
    # The view of boxes, which is the last one, may be of one system only.
    both = [view for view in one.views if view in two.views]
    tests = paired_tests(counts[:, :len(both)], others[:, :len(both)], draws, seed)
    return Comparison(one, two, dict(zip(both, tests)))


def _score(gold: List[PlacedText], predicted: Iterable[AnnotatedText], draws: int,
           seed: int) -> Tuple[Report, np.ndarray]:
    r"""The report, and the counts of each text and view."""
    if draws < 1:
        raise ValueError(f"Expected at least one draw (got {draws})")
    alignment = align(gold, predicted)
    pairs = list(zip(alignment.found, (text.content for text in gold)))
    names = (*VIEWS, GROUNDED) if alignment.grounded else VIEWS
    counts = np.empty((len(gold), len(names), 3), dtype=np.int64)
    views = {}
    for i, view in enumerate(names):
        judged = [(text, items(view, a), items(view, b))
                  for text, (a, b) in zip(gold, pairs)]
        counts[:, i] = [Counts.of(found, given) for _, found, given in judged]
        total = Counts(*map(int, counts[:, i].sum(0)))
        labels = by_label(judged)
        views[view] = ViewScore(
            total, interval(resampled_f1(counts[:, i], draws, seed)),
            None if view in _NAMELESS else macro_f1(labels.values()), labels,
            by_distance(judged) if view in RELATION_VIEWS else {}, by_length(judged))
    wrong = [
        spurious(q, theirs) for ours, theirs in pairs for q in set(ours.quintuples)
    ]
    report = Report(views, confused(pairs, True), confused(pairs, False),
                    lost_by_relation(pairs),
                    {name: wrong.count(name)
                     for name in SPURIOUS}, alignment, gold)
    alignment.notes.extend(_notes(views))
    return report, counts


#: Views in which neither relations nor types count.
_NAMELESS = ('pair', 'span')


def _notes(views: Dict[str, ViewScore]) -> List[str]:
    notes = []
    if not views['pair'].counts.given:
        notes.append('No relation is given: views of relations say nothing')
    for view, what in (('entity', 'type'), ('triple', 'relation')):
        labels = views[view].labels
        given = [name for name, counts in labels.items() if counts.given]
        found = [name for name, counts in labels.items() if counts.predicted]
        if given and found and not set(given) & set(found):
            notes.append(f"No {what} that is given is ever predicted (given: "
                         f"{', '.join(given)}; predicted: {', '.join(found)}): are "
                         f"they called alike?")
    lone = views['lone_entity'].counts
    if lone.predicted and not lone.given:
        notes.append('No entity outside of relations is given: if such entities were '
                     'not annotated, those that are predicted are not wrong, and '
                     "'quintuple entity' is the view to look at")
    return notes
