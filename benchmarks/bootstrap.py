r"""How far a score, or the difference of two, may be chance of sentences and runs."""
from typing import Dict, List, Sequence, Tuple

import numpy as np
from scipy import stats

from eega_pyg.metrics import ExtractionScore
from eega_pyg.schema import Quintuple
from eega_pyg.tagging import Extraction

VIEWS = ('quintuple', 'entity')


def count(extractions: Sequence[Extraction],
          targets: Sequence[Sequence[Quintuple]]) -> Dict[str, str]:
    r"""For each of :obj:`VIEWS` a word a sentence: correct/predicted/given."""
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
    r"""The 95 % bootstrap interval of the mean F1 of some systems, or of what others
    are short of it. Sentences are drawn, and of several systems these too: with two or
    three of them it is rather too narrow.

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

    # Twice the same system where there is one: SciPy draws out of two and more.
    drawn = [np.arange(max(len(side), 2)) % len(side) for side in sides]
    found = stats.bootstrap((np.arange(sides[0].shape[1]), *drawn), score,
                            vectorized=False, n_resamples=1000, method='percentile',
                            rng=np.random.default_rng(0))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _parse(counts: str) -> List[List[int]]:
    return [[int(n) for n in word.split('/')] for word in counts.split()]
