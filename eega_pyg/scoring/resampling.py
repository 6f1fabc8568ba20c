r"""How far chance goes: intervals and tests, by drawing texts."""
from typing import NamedTuple, Tuple

import numpy as np

#: What is drawn by default, and the seed.
DRAWS, SEED = 2000, 0
#: What of the draws an interval holds.
LEVEL = 0.95


class PairedTest(NamedTuple):
    r"""How far the F1 of a second system is above that of a first.

    Args:
        difference (float): :math:`\delta = F_1^{(2)} - F_1^{(1)}`.
        interval (tuple of float): That of the difference, 95 %, over samples of the
            texts.
        p_bootstrap (float): Of a paired bootstrap test, see :func:`paired_tests`.
        p_randomisation (float): Of an approximate randomisation test.
    """
    difference: float
    interval: Tuple[float, float]
    p_bootstrap: float
    p_randomisation: float


def f1_of(counts: np.ndarray) -> np.ndarray:
    r"""The F1 of counts.

    Args:
        counts (numpy.ndarray): How many are correct, predicted and given.
            :math:`(*, 3)`
    """
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1)


def resampled_f1(counts: np.ndarray, draws: int = DRAWS,
                 seed: int = SEED) -> np.ndarray:
    r"""The F1 of samples of the texts, which are drawn with replacement (`"An
    Introduction to the Bootstrap" <https://doi.org/10.1201/9780429246593>`_). All
    systems and views have the same samples.

    Args:
        counts (numpy.ndarray): How many are correct, predicted and given in each text.
            :math:`(n, *, 3)`
        draws (int, optional): How many samples :math:`B` are drawn.
            (default: :obj:`2000`)
        seed (int, optional): Of the generator. (default: :obj:`0`)

    Returns:
        numpy.ndarray: :math:`(B, *)`
    """
    rng = np.random.default_rng(seed)
    number, table = len(counts), counts.reshape(len(counts), -1).astype(float)
    sums = np.empty((draws, table.shape[1]))
    for b in range(draws):
        times = np.bincount(rng.integers(number, size=number), minlength=number)
        sums[b] = times @ table
    return f1_of(sums.reshape(draws, *counts.shape[1:]))


def interval(values: np.ndarray) -> Tuple[float, float]:
    r"""The interval from the 2.5th to the 97.5th percentile."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def paired_tests(first: np.ndarray, second: np.ndarray, draws: int = DRAWS,
                 seed: int = SEED) -> 'list[PairedTest]':
    r"""Whether two systems differ in F1 on the same texts, in each of some views.

    Both tests are two-sided. For each of :math:`B` draws,

    - the paired bootstrap test draws texts with replacement, the same for both systems,
      and takes the difference :math:`\delta_b` of their F1. Under the hypothesis that
      they do not differ it is :math:`\delta_b - \delta` (`"An Empirical Investigation
      of Statistical Significance in NLP" <https://aclanthology.org/D12-1091>`_):

      .. math::
          p = \frac{1 + |\{b : |\delta_b - \delta| \geq |\delta|\}|}{1 + B}

    - the approximate randomisation test swaps what the two predicted in each text with
      a probability of one half (`"More accurate tests for the statistical significance
      of result differences" <https://aclanthology.org/C00-2137>`_):

      .. math::
          p = \frac{1 + |\{b : |\delta_b| \geq |\delta|\}|}{1 + B}

    Args:
        first (numpy.ndarray): How many are correct, predicted and given in each text,
            for each view. :math:`(n, v, 3)`
        second (numpy.ndarray): Those of the second system.
        draws (int, optional): How many samples :math:`B` are drawn.
            (default: :obj:`2000`)
        seed (int, optional): Of the generator. (default: :obj:`0`)
    """
    totals = first.sum(0), second.sum(0)
    delta = f1_of(totals[1]) - f1_of(totals[0])
    sampled = resampled_f1(np.stack([first, second], 1), draws, seed)
    of_samples = sampled[:, 1] - sampled[:, 0]

    rng = np.random.default_rng(seed)
    change = (second - first).reshape(len(first), -1)
    change = change[change.any(1)].astype(float)  # Swaps of equals change nothing.
    swapped = np.stack([(rng.random(len(change)) < 0.5) @ change for _ in range(draws)])
    moved = swapped.reshape(draws, *totals[0].shape)
    of_swaps = f1_of(totals[1] - moved) - f1_of(totals[0] + moved)

    def p_value(values: np.ndarray) -> np.ndarray:
        # Ties are ties, whatever the last digit.
        beyond = np.abs(values) >= np.abs(delta) - 1e-12
        return (1 + beyond.sum(0)) / (1 + draws)

    p_values = p_value(of_samples - delta), p_value(of_swaps)
    return [
        PairedTest(float(delta[v]), interval(of_samples[:, v]), float(p_values[0][v]),
                   float(p_values[1][v])) for v in range(len(delta))
    ]
