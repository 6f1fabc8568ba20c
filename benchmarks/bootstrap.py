r"""Bootstrap intervals of the scores of several runs, and of their differences."""
from typing import Any, Callable, Collection, Dict, List, Sequence, Tuple

import numpy as np

from eega_pyg.schema import Quintuple
from eega_pyg.scoring import Content, Counts, items, resampled_f1
from eega_pyg.scoring.resampling import f1_of
from eega_pyg.scoring.resampling import interval as interval_of
from eega_pyg.tagging import Extraction

VIEWS = ('quintuple', 'entity')


def count(extractions: Sequence[Extraction],
          targets: Sequence[Sequence[Quintuple]]) -> Dict[str, str]:
    r"""For each of :obj:`VIEWS` the counts of all sentences, as words of the form
    ``correct/predicted/given``."""
    pairs = list(zip(extractions, map(Content.of_quintuples, targets)))
    return {
        view:
        ' '.join('/'.join(map(str, Counts.of(items(view, found), items(view, given))))
                 for found, given in pairs)
        for view in VIEWS
    }


def count_by(found: Sequence[Collection[Any]], given: Sequence[Collection[Any]],
             key: Callable[[Any], Any]) -> str:
    r"""The counts of all texts, in the same form, of things of one's own; two things
    with the same :obj:`key` are the same."""
    return ' '.join('/'.join(map(str, Counts.of(set(map(key, a)), set(map(key, b)))))
                    for a, b in zip(found, given))


def f1(counts: str) -> float:
    r"""The F1 of counts."""
    return float(f1_of(np.sum(_parse(counts), 0)))


def interval(systems: Sequence[str], others: Sequence[str] = ()) -> Tuple[float, float]:
    r"""The 95 % bootstrap interval of the mean F1 of some systems, or of its difference
    from the mean F1 of others. Sentences are resampled, and so are the systems if there
    are several; with only two or three of them the interval is somewhat too narrow.

    Args:
        systems (sequence of str): A system's counts, see :func:`count`, *e.g.*, one for
            each seed.
        others (sequence of str, optional): Those of other systems on the same
            sentences. (default: :obj:`()`)
    """
    scores = resampled_f1(np.stack([_parse(c) for c in (*systems, *others)], 1))
    rng = np.random.default_rng(0)

    def mean(scores: np.ndarray) -> np.ndarray:  # [draws, systems] -> [draws]
        drawn = rng.integers(scores.shape[1], size=scores.shape)
        return np.take_along_axis(scores, drawn, 1).mean(1)

    means = mean(scores[:, :len(systems)])
    return interval_of(means - mean(scores[:, len(systems):]) if others else means)


def _parse(counts: str) -> List[List[int]]:
    return [[int(n) for n in word.split('/')] for word in counts.split()]
