r"""The batches of a run."""
from typing import Any, Iterator, Tuple, Union

import torch
from torch.utils.data import ConcatDataset
from torch_geometric.loader import DataLoader

from eega_pyg.config import TrainConfig
from eega_pyg.datasets import PairDataset
from eega_pyg.schema import num_pieces
from eega_pyg.training.distillation import DistillationDataset
from eega_pyg.training.evaluation import sorted_loader
from eega_pyg.training.sampler import LengthGroupedSampler

#: The training examples: of the data alone, with further texts, or with the predictions
#: of teachers.
Examples = Union[PairDataset, ConcatDataset]


def loaders(train: Examples, val: PairDataset,
            config: TrainConfig) -> Tuple[DataLoader, DataLoader]:
    r"""Batches of examples of similar length. They draw from generators of their own,
    so the global one stays as it is."""
    groups = None
    if config.drawn > 0 and isinstance(train, ConcatDataset):
        sizes = [len(part) for part in train.datasets]  # type: ignore[arg-type]
        drawn = round(config.drawn * sizes[0] / max(len(sizes) - 1, 1))
        groups = [(sizes[0], sizes[0]), *((size, drawn) for size in sizes[1:])]
    sampler = LengthGroupedSampler(list(_lengths(train)), config.batch_size,
                                   config.seed, groups=groups)
    return (
        DataLoader(train, config.batch_size, sampler=sampler,
                   generator=torch.Generator()),
        sorted_loader(val, 2 * config.batch_size),
    )


def _lengths(data: Any) -> Iterator[int]:
    if isinstance(data, ConcatDataset):
        for part in data.datasets:
            yield from _lengths(part)
    elif isinstance(data, DistillationDataset):  # It makes a target for each text.
        yield from _lengths(data.graphs)
    else:
        yield from map(num_pieces, data)
