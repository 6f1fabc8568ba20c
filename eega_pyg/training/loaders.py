r"""The batches of a run."""
from typing import Any, Iterator, Sequence, Tuple, Union

import torch
from torch.utils.data import ConcatDataset
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from eega_pyg.config import TrainConfig
from eega_pyg.datasets import PairDataset
from eega_pyg.datasets.graphs import lengths
from eega_pyg.training.evaluation import sorted_loader
from eega_pyg.training.sampler import LengthGroupedSampler, SharedBatches

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


def loaders(train: Examples, val: PairDataset, config: TrainConfig, rank: int = 0,
            world_size: int = 1) -> Tuple[DataLoader, DataLoader]:
    r"""Batches of examples of similar length. They draw from generators of their own,
    so the global one stays as it is.

    Args:
        train (Examples): The training examples.
        val (PairDataset): The validation split.
        config (TrainConfig): The options of the run.
        rank (int, optional): The number of the process among those that train together,
            from 0. Each has its part of every training batch, and whole batches of the
            validation. (default: :obj:`0`)
        world_size (int, optional): How many they are. (default: :obj:`1`)

    Raises:
        ValueError: If there are fewer examples than processes.
    """
    groups = None
    if config.drawn > 0 and isinstance(train, ConcatDataset):
        sizes = [len(part) for part in train.datasets]  # type: ignore[arg-type]
        drawn = round(config.drawn * sizes[0] / max(len(sizes) - 1, 1))
        groups = [(sizes[0], sizes[0]), *((size, drawn) for size in sizes[1:])]
    sampler = LengthGroupedSampler(
        [n for texts in texts_of(train) for n in lengths(texts)], config.batch_size,
        config.seed, groups=groups)
    batches = SharedBatches(sampler, config.batch_size, rank, world_size)
    return (
        DataLoader(train, batch_sampler=batches, generator=torch.Generator(),
                   num_workers=config.num_workers,
                   pin_memory=torch.cuda.is_available()),
        _val_loader(val, 2 * config.batch_size, rank, world_size),
    )


def _val_loader(val: PairDataset, batch_size: int, rank: int,
                world_size: int) -> DataLoader:
    r"""The batches are those of one process, so that scores are the same to the bit.
    All processes have equally many of them: the last round begins again with the first
    batch, and what is scored twice counts once (see
    :meth:`~eega_pyg.training.evaluation.SentenceScores.merge`)."""
    order = list(sorted_loader(val, batch_size).sampler)
    batches = [order[i:i + batch_size] for i in range(0, len(order), batch_size)]
    rounds = -(-len(batches) // world_size)
    own = [
        batches[i % len(batches)] for i in range(rank, rounds * world_size, world_size)
    ]
    return DataLoader(val, batch_sampler=own, generator=torch.Generator())
