r"""How a model's probabilities compare with the share of its results that is right."""
import warnings
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torchmetrics.functional.classification import binary_calibration_error

from eega_pyg.datasets import JMERE, PairDataset, Record, open_dataset
from eega_pyg.datasets.further import read_held_out
from eega_pyg.datasets.mnre import UNRELATED
from eega_pyg.datasets.opening import check_annotated
from eega_pyg.files import check_file
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.saving.folder import PIPELINE
from eega_pyg.saving.saved_model import load_model, write_scales
from eega_pyg.saving.scales import Scale, Scales, is_post, log_odds
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.schema import Signatures
from eega_pyg.scoring import undirected
from eega_pyg.training.evaluation import (
    Pairs,
    SentenceScores,
    collect_scores,
    sorted_loader,
)
from eega_pyg.training.threshold import best_threshold

#: The temperatures that are tried.
TEMPERATURES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)

#: Of fewer quintuples no scale of their own is fitted, and of fewer entities no
#: threshold.
ENOUGH = 100
#: Of fewer no scale is fitted at all: a handful that is right, or wrong, would make all
#: probabilities high, or low.
FEWEST = 30

# A flatter scale would say the same of all.
_LEAST_SLOPE = 0.05
# Within what a model may have, see eega_pyg.saving.folder.
_MOST_SLOPE, _MOST_OFFSET = 30.0, 90.0


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


class Calibrated(NamedTuple):
    r"""What a model extracts from a data set, and its calibration there.

    Args:
        scores (SentenceScores): With the probabilities of the temperature 1.
        calibration (Calibration): The calibration.
        scaled (SentenceScores): With the probabilities of the temperature that was
            found.
    """
    scores: SentenceScores
    calibration: Calibration
    scaled: SentenceScores


def fit_temperature(model: EEGA, dataset: PairDataset,
                    signatures: Optional[Signatures] = None,
                    batch_size: int = 32) -> Calibration:
    r"""Finds what a model's scores are to be divided by so that of the quintuples it
    gives a probability of, say, 0.8 about that share is right (temperature scaling,
    `"On Calibration of Modern Neural Networks" <https://arxiv.org/abs/1706.04599>`_).

    Args:
        model (EEGA): The model.
        dataset (PairDataset): A data set that the model was not trained on, built with
            its vocabularies.
        signatures (set, optional): See :func:`~eega_pyg.tagging.decode`.
        batch_size (int, optional): Pairs a batch. (default: :obj:`32`)
    """
    return score_and_calibrate(model, dataset, signatures, batch_size).calibration


def score_and_calibrate(model: EEGA, dataset: PairDataset,
                        signatures: Optional[Signatures] = None,
                        batch_size: int = 32) -> Calibrated:
    r"""What a model extracts from a data set, and its calibration there, in one pass;
    see :func:`fit_temperature`."""
    scores = {t: SentenceScores() for t in TEMPERATURES}
    for prediction in predict(model, sorted_loader(dataset, batch_size)):
        found = prediction.decode(signatures)
        for t, score in scores.items():
            score.update(prediction.batch, prediction.rescore(found, signatures, t))
    pairs = {t: _probabilities(score) for t, score in scores.items()}
    if pairs[1.0][0].numel() == 0:  # Nothing found has a probability to compare.
        return Calibrated(scores[1.0], Calibration(1.0, 0.0, 0.0), scores[1.0])
    loss = {
        t: float(torch.nn.functional.binary_cross_entropy(p, y.to(p.dtype)))
        for t, (p, y) in pairs.items()
    }
    best = min(loss, key=lambda t: loss[t])
    error = {
        t: float(binary_calibration_error(*pairs[t], n_bins=10))
        for t in (best, 1.0)
    }
    return Calibrated(scores[1.0], Calibration(best, error[best], error[1.0]),
                      scores[best])


class Known(NamedTuple):
    r"""What stands where validation texts say too little.

    Args:
        scales (Scales): What the probabilities are scaled by.
        thresholds (Thresholds): The scaled probabilities from which on quintuples and
            entities are kept.
    """
    scales: Scales = Scales()
    thresholds: Thresholds = Thresholds()


class Fitted(NamedTuple):
    r"""What makes a model's probabilities agree with the share that is right.

    Args:
        scales (Scales): What the probabilities are scaled by.
        thresholds (Thresholds): The scaled probabilities from which on quintuples and
            entities are to be kept.
        error (float): The expected calibration error of the scaled probabilities of
            quintuples, over ten bins of equal width.
    """
    scales: Scales
    thresholds: Thresholds
    error: float


def fit_scales(model: EEGA, val: PairDataset, signatures: Optional[Signatures] = None,
               temperature: float = 1.0, held_out: Sequence[Record] = (),
               min_precision: float = 0.0, batch_size: int = 32,
               related: Optional[SentenceScores] = None,
               known: Optional[Known] = None) -> Fitted:
    r"""Fits the probabilities of entities and those of quintuples, each by
    :func:`fit_scale`, and chooses a threshold for each by
    :func:`~eega_pyg.training.threshold.best_threshold`.

    Quintuples are those that the model finds in all texts of a validation file, each
    text once and with all that its lines state, whatever the version (see
    :func:`~eega_pyg.datasets.read_mnre`). In those of which no line states a relation
    each is wrong. Posts of social networks
    (see :class:`~eega_pyg.saving.Scales`) and other texts have a scale each, for
    of what a model says of prose with the same probability far more is right; that of
    other texts is fitted on :obj:`held_out` too. If there are fewer than :obj:`ENOUGH`
    quintuples of either kind, there is one scale, fitted on :obj:`val`. With fewer than
    :obj:`ENOUGH` entities, none of them are left out. Where fewer than :obj:`FEWEST`
    are found, or no quintuple that is right, :obj:`known` stands, and a warning says
    so.

    Args:
        model (EEGA): The model.
        val (PairDataset): A data set that the model was not trained on, built with its
            vocabularies.
        signatures (set, optional): See :func:`~eega_pyg.tagging.decode`.
        temperature (float, optional): See :func:`fit_temperature`.
            (default: :obj:`1.0`)
        held_out (sequence of Record, optional): Texts with all their entities, on which
            the probabilities of entities are fitted; what is found of a type or a
            relation that a text is not annotated with is left out. Without any,
            entities are fitted on :obj:`val`, where in JMERE an entity of no relation
            counts as wrong.
        min_precision (float, optional): The precision of quintuples from their
            threshold on. (default: :obj:`0.0`)
        batch_size (int, optional): Pairs a batch. (default: :obj:`32`)
        related (SentenceScores, optional): What the model extracts from :obj:`val` at
            that temperature, if it is known. (default: :obj:`None`)
        known (Known, optional): What stands where too little is found, for
            probabilities of that temperature. (default: no scales, and no thresholds)
    """
    def found(pairs: Pairs) -> SentenceScores:
        return collect_scores(model, pairs, signatures, batch_size, temperature)

    if related is None:
        related = found(val)
    records, whole = val.records(), related
    if isinstance(val, JMERE) and (merged := val.records('merged')) != records:
        # Version 1 cuts the lines of a text into several sentences: what is right of
        # the text would be wrong of most of them.
        records = merged
        whole = found(val.build(records, 'whole texts', keep=True))
    judged = _judged(whole, records)
    given = sum(len(undirected(items)) for items in whole.targets.values())
    if unrelated := _unrelated(val):
        judged += _judged(found(val.build(unrelated, keep=True)), unrelated)
    texts, others = related, []
    if held_out:
        texts = found(val.build(held_out, 'held-out texts', keep=True))
        others = _judged(texts, held_out, partial=True)
    named = [(e.probability or 0.0, e in items)
             for x, ((_, i), items) in zip(texts.extractions(), texts.entities.items())
             for e in x.entities if not held_out or _annotates(held_out[i], e.type)]
    to_find = sum(len(items) for items in texts.entities.values())

    scales, thresholds = Known() if known is None else known
    right = np.array([q.right for q in judged], dtype=bool)
    fits = not (model.tag_set.relations and
                (_are_few('quintuples', len(right), given) or _are_wrong(right, given)))
    if fits:
        posts = [q for q in judged if q.post]
        prose = [q for q in judged + others if not q.post]
        apart = min(len(posts), len(prose)) >= ENOUGH
        scales = scales._replace(quintuple=_scale(posts if apart else judged),
                                 prose=_scale(prose) if apart else None)
    scaled = np.array([scales.of_quintuples(q.post)(q.probability) for q in judged])
    error = 0.0
    if len(scaled):
        error = float(
            binary_calibration_error(torch.tensor(scaled),
                                     torch.tensor(right).long(), n_bins=10))
    if fits:
        least = best_threshold(scaled, right, given, min_precision)
        thresholds = thresholds._replace(quintuple=least)
    probability, good = np.array([p for p, _ in named]), np.array([g for _, g in named])
    if not _are_few('entities', len(named), to_find):
        scales = scales._replace(entity=fit_scale(probability, good))
        least = 0.0
        if len(named) >= ENOUGH:
            least = best_threshold(np.array([scales.entity(p) for p in probability]),
                                   good, to_find)
        thresholds = thresholds._replace(entity=least)
    return Fitted(scales, thresholds, error)


def _are_few(what: str, number: int, given: int) -> bool:
    if number >= FEWEST:
        return False
    warnings.warn(f'Only {number} {what} are found in the validation texts ({given} '
                  f'are given there), of {FEWEST} that are needed: the probabilities '
                  f'and the threshold of {what} stay as they are')
    return True


def _are_wrong(right: np.ndarray, given: int) -> bool:
    if right.any():
        return False
    warnings.warn(f'None of the {len(right)} quintuples that are found in the '
                  f'validation texts is right ({given} are given there): the '
                  f'probabilities and the threshold of quintuples stay as they are')
    return True


def calibrate(folder: Union[str, Path], root: Union[str,
                                                    Path], held_out: Sequence[str] = (),
              min_precision: float = 0.0, device: Optional[torch.device] = None,
              progress: bool = True, conv: Optional[OwnConv] = None,
              fusion: Optional[OwnFusion] = None) -> Fitted:
    r"""Fits the probabilities and the thresholds of a saved model, see
    :func:`fit_scales`, and writes them into its folder. Those that the texts say too
    little of stay.

    Args:
        folder (str or Path): The model's folder.
        root (str or Path): The folder of a data set, of which the validation split is
            read.
        held_out (sequence of str, optional): Files with all their entities, as
            ``'jsonl:FILE'``, ``'conll04:FILE'`` or ``'gmner:FILE'``.
        min_precision (float, optional): The precision from the threshold on.
            (default: :obj:`0.0`)
        device (torch.device, optional): Where the model runs, by default the CPU.
        progress (bool, optional): If set to :obj:`False`, shows no progress bar.
            (default: :obj:`True`)
        conv, fusion (torch.nn.Module or callable, optional): As of
            :func:`~eega_pyg.saving.saved_model.load_model`.

    Raises:
        ValueError: Naming the file, if one is broken.
        OSError: If a file is missing or cannot be written.
    """
    saved = load_model(folder, conv=conv, fusion=fusion)
    check_file(Path(folder) / PIPELINE)  # Before the work.
    val = open_dataset(root, 'val', saved.data, saved.model.tag_set, saved.vocabularies,
                       progress)
    check_annotated(val, root)
    texts = read_held_out(held_out, val, 'held_out')
    fitted = fit_scales(saved.model.to(device or 'cpu'), val, saved.signatures,
                        saved.temperature, texts, min_precision,
                        known=Known(saved.scales, saved.thresholds))
    write_scales(Path(folder) / PIPELINE, fitted.scales, fitted.thresholds)
    return fitted


class _Judged(NamedTuple):
    r"""A found quintuple: its probability, whether it is right in either direction, and
    whether its text is a post."""
    probability: float
    right: bool
    post: bool


def _judged(scores: SentenceScores, records: Sequence[Record],
            partial: bool = False) -> List[_Judged]:
    r"""What was found in the texts of some records; if these are annotated in part, of
    the relations that they are annotated with."""
    found = []
    for extraction, ((_, i), given) in zip(scores.extractions(),
                                           scores.targets.items()):
        items = undirected(given)
        post = is_post(' '.join(records[i].words), of_words=True)
        found += [
            _Judged(q.probability or 0.0,
                    undirected([q]) <= items, post) for q in extraction.quintuples
            if not partial or _annotates(records[i], q.relation)
        ]
    return found


def _scale(judged: Sequence[_Judged]) -> Scale:
    return fit_scale(np.array([q.probability for q in judged]),
                     np.array([q.right for q in judged]))


def _annotates(record: Record, name: str) -> bool:
    return record.annotation.tags is None or name in record.annotation.tags


def _unrelated(val: PairDataset) -> List[Record]:
    if not isinstance(val, JMERE):
        return []
    try:
        return val.records(UNRELATED)
    except ValueError:  # There are none: a wrong line was named when it was built.
        return []


def fit_scale(probability: np.ndarray, right: np.ndarray) -> Scale:
    r"""The scale of the lowest log loss (Platt scaling, see `"On Calibration of Modern
    Neural Networks" <https://arxiv.org/abs/1706.04599>`_). The scaled probabilities
    have the share that is right as their mean.

    Of :math:`m` that are right and :math:`k` that are wrong, each counts as right by
    :math:`(m + 1) / (m + 2)` and :math:`1 / (k + 2)`, as Platt did, so that the scale
    is finite where all are right or all are wrong. Where greater probabilities are not
    right more often, the slope stays 1. No slope is above 30, which probabilities that
    are nearly equal would otherwise get.

    Args:
        probability (numpy.ndarray): Probabilities. :math:`(n)`
        right (numpy.ndarray): Whether each is right. :math:`(n)`
    """
    if len(probability) == 0:
        return Scale()
    odds = np.array([log_odds(p) for p in probability])
    good = right.astype(bool)
    target = np.where(good, (good.sum() + 1) / (good.sum() + 2),
                      1 / ((~good).sum() + 2))

    def loss(values: np.ndarray, slope: Optional[float] = None) -> float:
        score = (values[0] if slope is None else slope) * odds + values[-1]
        return float(np.sum(np.logaddexp(0, score) - target * score))

    bounds = [(-_MOST_SLOPE, _MOST_SLOPE), (-_MOST_OFFSET, _MOST_OFFSET)]
    best = minimize(loss, [1.0, 0.0], bounds=bounds).x
    if best[0] < _LEAST_SLOPE:
        best = [1.0, *minimize(loss, [0.0], args=(1.0, ), bounds=bounds[1:]).x]
    return Scale(float(best[0]), float(best[1]))


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
