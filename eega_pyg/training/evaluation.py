r"""A model's scores on a data set."""
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from eega_pyg.datasets import PairDataset
from eega_pyg.datasets.graphs import lengths
from eega_pyg.formats import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from eega_pyg.formats.words import from_word_spans
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.schema import Entity, Quintuple, Signatures
from eega_pyg.scoring import Content, Counts, total_scores
from eega_pyg.scoring.resampling import interval, resampled_f1
from eega_pyg.scoring.views import undirected
from eega_pyg.tagging import Extraction, is_directed, merge_windows

#: Pairs of text and image, in memory.
Pairs = Union[PairDataset, Sequence[HeteroData]]

#: The scores of fewer sentences are said to be noisy.
FEW = 50

#: The views of a model's scores, see :func:`~eega_pyg.scoring.items`.
VIEWS = ('quintuple', 'directed', 'triple', 'entity', 'quintuple_entity', 'span')


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

    def merge(self, other: 'SentenceScores') -> None:
        r"""Adds what another process has collected. A window that is known already is
        not added again."""
        for key, windows in other.windows.items():
            known = self.windows.setdefault(key, [])
            offsets = {offset for offset, _ in known}
            known += [w for w in windows if w[0] not in offsets]
        self.targets.update(other.targets)
        self.entities.update(other.entities)

    def extractions(self) -> List[Extraction]:
        r"""What was extracted from each sentence, in the order of :attr:`targets`."""
        return [
            merge_windows(w) if len(w) > 1 else w[0][1] for w in self.windows.values()
        ]

    def interval(self) -> Tuple[float, float]:
        r"""The 95 % bootstrap interval of the F1 of quintuples, see
        :func:`~eega_pyg.scoring.resampling.resampled_f1`."""
        counts = [
            Counts.of(undirected(extraction.quintuples), undirected(target))
            for extraction, target in zip(self.extractions(), self.targets.values())
        ]
        return interval(resampled_f1(np.array(counts)))

    def caveat(self, held_out: bool = False) -> str:
        r"""What is to be said beside the scores: that their sentences were held out of
        the training file, and how far the scores of few sentences may be off."""
        number, parts = len(self.targets), []
        if held_out:
            parts.append(f'There is no validation file: the scores are those of '
                         f'{number} sentences that were held out of the training file.')
        if number < FEW and any(self.targets.values()):
            low, high = self.interval()
            parts.append(f'Scores on {number} sentences are noisy: with 95 % '
                         f'confidence, the F1 of quintuples is between '
                         f'{100 * low:.0f} and {100 * high:.0f} %.')
        return ' '.join(parts)

    def compute(self) -> Dict[str, float]:
        r"""The scores of :obj:`VIEWS`, as fractions."""
        given = map(Content, self.entities.values(), self.targets.values())
        return total_scores(self.extractions(), given, VIEWS)


def sorted_loader(dataset: Pairs, batch_size: int) -> DataLoader:
    r"""Batches of pairs of similar length, the shortest first; its ``sampler`` is the
    order of the pairs."""
    num_pieces = lengths(dataset)
    order = sorted(range(len(dataset)), key=lambda i: num_pieces[i])
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


def predicted_texts(model: EEGA, dataset: PairDataset, scores: SentenceScores,
                    signatures: Optional[Signatures] = None) -> List[AnnotatedText]:
    r"""What was extracted from each sentence of a data set, in its order, as texts that
    :func:`~eega_pyg.formats.write_texts` writes.

    Args:
        model (EEGA): The model.
        dataset (PairDataset): The data set.
        scores (SentenceScores): What :func:`collect_scores` made of the two.
        signatures (set, optional): As of :func:`evaluate`.
    """
    words: Dict[Tuple[str, int], List[str]] = {}
    for window in dataset:
        known = words.setdefault((window.image_id, int(window.sentence)), [])
        known[int(window.offset):] = window.words  # Windows overlap.
    found = dict(zip(scores.targets, scores.extractions()))
    texts = []
    for key in sorted(found, key=lambda key: key[1]):
        entities = found[key].entities
        spans = from_word_spans(words[key], [e.span for e in entities])
        index = {e.span: i for i, e in enumerate(entities)}
        texts.append(
            AnnotatedText(
                words=tuple(words[key]), image_id=key[0], entities=tuple(
                    AnnotatedEntity(*span, e.type, probability=e.probability)
                    for span, e in zip(spans, entities)), relations=tuple(
                        AnnotatedRelation(index[q.head.span], index[q.tail.span],
                                          q.relation, q.probability,
                                          is_directed(q, model.table, signatures))
                        for q in found[key].quintuples)))
    return texts
