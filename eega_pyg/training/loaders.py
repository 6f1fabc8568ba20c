r"""The batches of a run."""
from typing import Any, Iterator, List, Sequence, Tuple, Union

import torch
from torch.utils.data import ConcatDataset
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from eega_pyg.config import TrainConfig
from eega_pyg.datasets import PairDataset
from eega_pyg.datasets.graphs import Graphs
from eega_pyg.schema import num_pieces
from eega_pyg.training.evaluation import sorted_loader
from eega_pyg.training.sampler import LengthGroupedSampler

#: The training examples: of the data alone, with further texts, or with the predictions
#: of teachers.
Examples = Union[PairDataset, ConcatDataset]


def texts_of(examples: Any) -> Iterator[Sequence[HeteroData]]:
    r"""The graphs that examples are made of, in their order."""
    if isinstance(examples, ConcatDataset):
        for part in examples.datasets:
            yield from texts_of(part)
    else:  # With the predictions of teachers or without.
        yield getattr(examples, 'graphs', examples)


def _num_pieces(texts: Sequence[HeteroData]) -> List[int]:
    if isinstance(texts, Graphs):
        return texts.num_pieces
    return [num_pieces(texts[i]) for i in range(len(texts))]


def loaders(train: Examples, val: PairDataset,
            config: TrainConfig) -> Tuple[DataLoader, DataLoader]:
    r"""Batches of examples of similar length. They draw from generators of their own,
    so the global one stays as it is."""
    groups = None
    if config.drawn > 0 and isinstance(train, ConcatDataset):
        sizes = [len(part) for part in train.datasets]  # type: ignore[arg-type]
        drawn = round(config.drawn * sizes[0] / max(len(sizes) - 1, 1))
        groups = [(sizes[0], sizes[0]), *((size, drawn) for size in sizes[1:])]
    sampler = LengthGroupedSampler(
        [n for texts in texts_of(train) for n in _num_pieces(texts)], config.batch_size,
        config.seed, groups=groups)
    return (
        DataLoader(train, config.batch_size, sampler=sampler,
                   generator=torch.Generator()),
        sorted_loader(val, 2 * config.batch_size),
    )
