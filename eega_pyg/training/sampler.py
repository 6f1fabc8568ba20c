r"""The order in which examples are trained on."""
from typing import Iterator, List, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.utils.data import Sampler


class LengthGroupedSampler(Sampler[int]):
    r"""A random order in which the examples of a batch have similar lengths.

    It depends on the seed and the epoch alone, so a resumed run sees the batches that
    an uninterrupted one would have seen.

    Args:
        lengths (sequence of int): Length of each example.
        batch_size (int): Examples a batch.
        seed (int, optional): Seed. (default: :obj:`0`)
        pool (int, optional): How many batches are sorted together; the larger, the less
            padding and the less mixing. (default: :obj:`32`)
        groups (sequence of tuple, optional): Consecutive groups of the examples: for
            each its size, and how many of its examples an epoch has, drawn at random.
            By default every epoch has all. (default: :obj:`None`)
    """
    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0,
                 pool: int = 32, groups: Optional[Sequence[Tuple[int,
                                                                 int]]] = None) -> None:
        self.lengths = torch.as_tensor(lengths)
        all_of_them = [(len(self.lengths), len(self.lengths))]
        self.groups = all_of_them if groups is None else list(groups)
        if sum(size for size, _ in self.groups) != len(self.lengths):
            raise ValueError(f"Expected groups of {len(self.lengths)} examples (got "
                             f"{self.groups})")
        self.batch_size = batch_size
        self.seed = seed
        self.pool = pool
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        r"""Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(min(size, drawn) for size, drawn in self.groups)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self), generator=generator)
        if len(self) < len(self.lengths):
            start, chosen = 0, []
            for size, drawn in self.groups:
                some = torch.randperm(size, generator=generator)[:drawn]
                chosen.append(start + some)
                start += size
            order = torch.cat(chosen)[order]
        batches: List[Tensor] = []
        for chunk in order.split(self.batch_size * self.pool):
            chunk = chunk[self.lengths[chunk].argsort(stable=True)]
            batches += chunk.split(self.batch_size)
        # A short batch is the last one and stays there.
        full = len(self) // self.batch_size
        shuffled = torch.randperm(full, generator=generator).tolist()
        for i in [*shuffled, *range(full, len(batches))]:
            yield from batches[i].tolist()


class SharedBatches(Sampler[List[int]]):
    r"""The part that one of several processes has of each batch. Together the parts are
    the batches of one process, and every process has as many steps.

    Where fewer examples than processes would be left for the last batch, the one before
    it has them too.

    Args:
        sampler (Sampler): The order of the examples, the same in all processes.
        batch_size (int): Examples a batch, of all processes together.
        rank (int, optional): The number of the process, from 0. (default: :obj:`0`)
        world_size (int, optional): The number of processes. (default: :obj:`1`)

    Raises:
        ValueError: If there are fewer examples, or smaller batches, than processes.
    """
    def __init__(self, sampler: Sampler[int], batch_size: int, rank: int = 0,
                 world_size: int = 1) -> None:
        num = len(sampler)  # type: ignore[arg-type]
        for size, what in ((num, 'examples'), (batch_size, 'examples a batch')):
            if size < world_size:
                raise ValueError(f"Expected at least {world_size} {what}, one for each "
                                 f"process (got {size})")
        self.sampler = sampler  # By this name Lightning finds it before each epoch.
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore
        return full + (rest >= self.world_size)

    def __iter__(self) -> Iterator[List[int]]:
        order, size = list(self.sampler), self.batch_size
        for i in range(len(self) - 1):
            yield order[i * size:(i + 1) * size][self.rank::self.world_size]
        yield order[(len(self) - 1) * size:][self.rank::self.world_size]
