r"""The ``Co`` channel of a pair."""
import torch
from torch_geometric.data import HeteroData

from eega_pyg.schema import PAIR

from .pair import Pair
from .vocabulary import Vocabularies


class CoOccurrence:
    r"""Adds :obj:`pmi`, the bucket of each ordered word pair's pointwise mutual
    information (see :class:`~eega_pyg.transforms.PMI`), row-major, ``[n * n]``.
    The parts of a joined text are looked up one by one, because :class:`PMI` leaves out
    what a text of the training split itself has added to the counts.

    Args:
        vocabularies (Vocabularies): The statistics of the training split.
    """
    def __init__(self, vocabularies: Vocabularies) -> None:
        self.vocabularies = vocabularies

    def __call__(self, data: HeteroData, pair: Pair) -> HeteroData:
        buckets = self.vocabularies.pmi(pair.words)
        for part in pair.parts:
            start, stop = (min(max(word - pair.offset, 0), len(pair.words))
                           for word in part)
            if start < stop:
                buckets[start:stop,
                        start:stop] = self.vocabularies.pmi(pair.words[start:stop])
        data[PAIR].pmi = torch.from_numpy(buckets).view(-1)
        return data

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}()'
