r"""From which probability on results are to be kept."""
from typing import NamedTuple

import numpy as np


class Curve(NamedTuple):
    r"""What is right of what is kept, over the least probability.

    Args:
        threshold (numpy.ndarray): The distinct probabilities, the highest first.
            :math:`(m)`
        precision, recall, f1 (numpy.ndarray): Of what has at least that probability.
            :math:`(m)`
    """
    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def curve(probability: np.ndarray, right: np.ndarray, given: int) -> Curve:
    r"""The precision-recall curve.

    Args:
        probability (numpy.ndarray): The probability of each thing found. :math:`(n)`
        right (numpy.ndarray): Whether it was to be found. :math:`(n)`
        given (int): How many things were to be found.
    """
    order = np.argsort(-probability, kind='stable')
    p, found = probability[order], np.arange(1, len(order) + 1)
    correct = np.cumsum(right[order])
    last = np.append(p[1:] < p[:-1], True)[:len(p)]  # Of those of equal probability.
    p, found, correct = p[last], found[last], correct[last]
    return Curve(p, correct / found, correct / max(given, 1),
                 2 * correct / (found + given))


def best_threshold(probability: np.ndarray, right: np.ndarray, given: int,
                   min_precision: float = 0.0) -> float:
    r"""The least probability of the highest F1 among those with a precision of at least
    :obj:`min_precision`; where none has it, that of the highest precision.

    It lies halfway to the next lower probability, and is 0 where all is kept, or where
    nothing is right, so that no probability is better than another.

    Args:
        probability, right, given: As of :func:`curve`.
        min_precision (float, optional): The precision that is asked for.
            (default: :obj:`0.0`)
    """
    points = curve(probability, right, given)
    if not right.any():
        return 0.0
    enough = points.precision >= min_precision
    value = np.where(enough, points.f1, -1.0) if enough.any() else points.precision
    best = int(value.argmax())
    highest, *below = points.threshold[best:best + 2].tolist()
    return (highest + below[0]) / 2 if below else 0.0
