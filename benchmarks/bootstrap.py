r"""How far a score, or the difference of two, may be chance of the sentences drawn."""
from typing import Dict, List, Sequence, Tuple

import numpy as np

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


def interval(systems: Sequence[str], others: Sequence[str] = (),
             samples: int = 1000) -> Tuple[float, float]:
    r"""The 95 % bootstrap interval of the mean F1 of some systems, or of what others
    are short of it.

    Args:
        systems (sequence of str): A system's counts, see :func:`count`, *e.g.*, one for
            each seed.
        others (sequence of str, optional): Those of as many other systems on the same
            sentences. (default: :obj:`()`)
        samples (int, optional): How often as many sentences are drawn as there are.
            (default: :obj:`1000`)
    """
    means = _means(systems, samples)
    if others:
        means = means - _means(others, samples)
    low, high = np.quantile(means, [.025, .975])
    return float(low), float(high)


def _means(systems: Sequence[str], samples: int) -> np.ndarray:
    r"""The mean F1 of the systems on each sample; the same samples for all calls."""
    table = np.array([_parse(s) for s in systems])  # [systems, sentences, 3]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(samples):
        chosen = rng.integers(table.shape[1], size=table.shape[1])
        correct, predicted, given = table[:, chosen].sum(1).T
        means.append((2 * correct / np.maximum(predicted + given, 1)).mean())
    return np.array(means)


def _parse(counts: str) -> List[List[int]]:
    return [[int(n) for n in word.split('/')] for word in counts.split()]
