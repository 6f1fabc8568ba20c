r"""How a model's probabilities compare with the share of its results that is right."""
from typing import List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_calibration_error

from eega_pyg.datasets import JMERE
from eega_pyg.metrics import undirected
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.schema import Signatures
from eega_pyg.training.evaluation import SentenceScores, sorted_loader

#: The temperatures that are tried.
TEMPERATURES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


class Calibration(NamedTuple):
    r"""How the probabilities of quintuples compare with the share that is right.

    Args:
        temperature (float): The temperature of the lowest log loss.
        error (float): The expected calibration error at that temperature, over ten
            bins of equal width.
        error_before (float): The same at a temperature of 1.
    """
    temperature: float
    error: float
    error_before: float


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

    It lies halfway to the next lower probability, and is 0 where all is kept.

    Args:
        probability, right, given: As of :func:`curve`.
        min_precision (float, optional): The precision that is asked for.
            (default: :obj:`0.0`)
    """
    points = curve(probability, right, given)
    if len(points.threshold) == 0:
        return 0.0
    enough = points.precision >= min_precision
    value = np.where(enough, points.f1, -1.0) if enough.any() else points.precision
    best = int(value.argmax())
    highest, *below = points.threshold[best:best + 2].tolist()
    return (highest + below[0]) / 2 if below else 0.0


def fit_temperature(model: EEGA, dataset: JMERE,
                    signatures: Optional[Signatures] = None,
                    batch_size: int = 32) -> Calibration:
    r"""Finds what a model's scores are to be divided by so that of the quintuples it
    gives a probability of, say, 0.8 about that share is right (temperature scaling,
    `"On Calibration of Modern Neural Networks" <https://arxiv.org/abs/1706.04599>`_).

    Args:
        model (EEGA): The model.
        dataset (JMERE): A data set that the model was not trained on, built with its
            vocabularies.
        signatures (set, optional): See :func:`~eega_pyg.tagging.decode`.
        batch_size (int, optional): Pairs a batch. (default: :obj:`32`)
    """
    return score_and_calibrate(model, dataset, signatures, batch_size)[1]


def score_and_calibrate(model: EEGA, dataset: JMERE,
                        signatures: Optional[Signatures] = None,
                        batch_size: int = 32) -> Tuple[SentenceScores, Calibration]:
    r"""What a model extracts from a data set, and its calibration there, in one pass;
    see :func:`fit_temperature`."""
    scores = {t: SentenceScores() for t in TEMPERATURES}
    for prediction in predict(model, sorted_loader(dataset, batch_size)):
        found = prediction.decode(signatures)
        for t, score in scores.items():
            score.update(prediction.batch, prediction.rescore(found, signatures, t))
    pairs = {t: _probabilities(score) for t, score in scores.items()}
    if pairs[1.0][0].numel() == 0:  # Nothing found has a probability to compare.
        return scores[1.0], Calibration(1.0, 0.0, 0.0)
    loss = {
        t: float(torch.nn.functional.binary_cross_entropy(p, y.to(p.dtype)))
        for t, (p, y) in pairs.items()
    }
    best = min(loss, key=lambda t: loss[t])
    error = {
        t: float(binary_calibration_error(*pairs[t], n_bins=10))
        for t in (best, 1.0)
    }
    return scores[1.0], Calibration(best, error[best], error[1.0])


def _probabilities(scores: SentenceScores) -> Tuple[Tensor, Tensor]:
    r"""Of each predicted quintuple its probability, and whether it is right in either
    direction."""
    probability: List[float] = []
    right: List[int] = []
    for found, given in zip(scores.extractions(), scores.targets.values()):
        items = undirected(given)
        for q in found.quintuples:
            assert q.probability is not None
            probability.append(q.probability)
            right.append(int(undirected([q]) <= items))
    return torch.tensor(probability), torch.tensor(right)
