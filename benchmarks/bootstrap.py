r"""Bootstrap intervals of scores, and of differences of scores."""
from typing import Dict, List, Sequence, Tuple

import numpy as np
from scipy import stats

from eega_pyg.metrics import ExtractionScore
from eega_pyg.schema import Quintuple
from eega_pyg.tagging import Extraction

VIEWS = ('quintuple', 'entity')


def count(extractions: Sequence[Extraction],
          targets: Sequence[Sequence[Quintuple]]) -> Dict[str, str]:
    r"""For each of :obj:`VIEWS` the counts of all sentences, as words of the form
    ``correct/predicted/given``."""
    out = {}
    for view in VIEWS:
        words = []
        for extraction, target in zip(extractions, targets):
            score = ExtractionScore(view)
            score.update([extraction], [target])
            words.append(f'{score.correct}/{score.predicted}/{score.given}')
        out[view] = ' '.join(words)
    return out


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
    sides = [np.array([_parse(c) for c in side]) for side in (systems, others) if side]

    def score(sentences: np.ndarray, *runs: np.ndarray) -> float:
        # [systems, sentences, 3] -> the mean over the systems
        means = []
        for table, drawn in zip(sides, runs):
            correct, predicted, given = table[drawn][:, sentences].sum(1).T
            means.append((2 * correct / np.maximum(predicted + given, 1)).mean())
        return means[0] - sum(means[1:])

    # A single system is taken twice, because SciPy needs two to draw from.
    drawn = [np.arange(max(len(side), 2)) % len(side) for side in sides]
    found = stats.bootstrap((np.arange(sides[0].shape[1]), *drawn), score,
                            vectorized=False, n_resamples=1000, method='percentile',
                            rng=np.random.default_rng(0))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _parse(counts: str) -> List[List[int]]:
    return [[int(n) for n in word.split('/')] for word in counts.split()]
