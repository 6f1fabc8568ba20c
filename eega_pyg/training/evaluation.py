r"""A model's scores on a data set."""
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from eega_pyg.datasets import PairDataset
from eega_pyg.metrics import ExtractionScore, extraction_scores
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.schema import Entity, Quintuple, Signatures, num_pieces
from eega_pyg.tagging import Extraction, merge_windows

#: Pairs of text and image, in memory.
Pairs = Union[PairDataset, List[HeteroData]]

#: The scores of fewer sentences are said to be noisy.
FEW = 50


class SentenceScores:
    r"""Collects the extractions of an epoch, joins the windows of each sentence, and
    scores them against the sentence's quintuples and entities."""
    def __init__(self) -> None:
        self.windows: Dict[Tuple[str, int], List[Tuple[int, Extraction]]] = {}
        self.targets: Dict[Tuple[str, int], List[Quintuple]] = {}
        self.entities: Dict[Tuple[str, int], List[Entity]] = {}

    def update(self, batch: HeteroData, extractions: Sequence[Extraction]) -> None:
        r"""Adds what was extracted from each pair of a batch."""
        for i, extraction in enumerate(extractions):
            key = (batch.image_id[i], int(batch.sentence[i]))
            self.windows.setdefault(key, []).append((int(batch.offset[i]), extraction))
            self.targets[key] = [Quintuple.from_list(q) for q in batch.quintuples[i]]
            self.entities[key] = [Entity(*e) for e in batch.entities[i]]

    def extractions(self) -> List[Extraction]:
        r"""What was extracted from each sentence, in the order of :attr:`targets`."""
        return [
            merge_windows(w) if len(w) > 1 else w[0][1] for w in self.windows.values()
        ]

    def interval(self, samples: int = 2000) -> Tuple[float, float]:
        r"""The 95 % bootstrap interval of the F1 of quintuples: what it is on as many
        sentences drawn from these, with replacement."""
        counts = []
        for extraction, target in zip(self.extractions(), self.targets.values()):
            score = ExtractionScore('quintuple')
            score.update([extraction], [target])
            counts.append([int(score.correct), int(score.predicted), int(score.given)])
        rng = np.random.default_rng(0)
        drawn = rng.integers(len(counts), size=(samples, len(counts)))
        correct, predicted, given = np.array(counts)[drawn].sum(1).T
        f1 = 2 * correct / np.maximum(predicted + given, 1)
        low, high = np.quantile(f1, (0.025, 0.975))
        return float(low), float(high)

    def caveat(self, held_out: bool = False) -> str:
        r"""What is to be said beside the scores: that their sentences were held out of
        the training file, and how far the scores of few sentences may be off."""
        number, parts = len(self.targets), []
        if held_out:
            parts.append(f'There is no validation file: the scores are those of '
                         f'{number} sentences that were held out of the training file.')
        if number < FEW:
            low, high = self.interval()
            parts.append(f'Scores on {number} sentences are noisy: with 95 % '
                         f'confidence, the F1 of quintuples is between '
                         f'{100 * low:.0f} and {100 * high:.0f} %.')
        return ' '.join(parts)

    def compute(self) -> Dict[str, float]:
        r"""All scores, as fractions."""
        scores = extraction_scores()
        scores.update(self.extractions(), list(self.targets.values()),
                      list(self.entities.values()))
        return {name: float(value) for name, value in scores.compute().items()}


def sorted_loader(dataset: Pairs, batch_size: int) -> DataLoader:
    r"""Batches of pairs of similar length, the shortest first; its ``sampler`` is the
    order of the pairs."""
    order = sorted(range(len(dataset)), key=lambda i: num_pieces(dataset[i]))
    return DataLoader(dataset, batch_size, sampler=order, generator=torch.Generator())


def collect_scores(model: EEGA, dataset: Pairs, signatures: Optional[Signatures] = None,
                   batch_size: int = 32, temperature: float = 1.0) -> SentenceScores:
    r"""What a model extracts from a data set, beside what it holds, with the
    probabilities of some temperature; see :func:`evaluate`."""
    scores = SentenceScores()
    for prediction in predict(model, sorted_loader(dataset, batch_size)):
        scores.update(prediction.batch, prediction.decode(signatures, temperature))
    return scores


def evaluate(model: EEGA, dataset: PairDataset, signatures: Optional[Signatures] = None,
             batch_size: int = 32) -> Dict[str, float]:
    r"""All scores of a model on a data set, as fractions.

    Args:
        model (EEGA): The model.
        dataset (PairDataset): A data set built with the model's vocabularies.
        signatures (set, optional): The (type, relation, type) triples that decoding may
            use, or :obj:`None` for all.
        batch_size (int, optional): Pairs a batch. (default: :obj:`32`)
    """
    return collect_scores(model, dataset, signatures, batch_size).compute()
