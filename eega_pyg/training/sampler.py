r"""The order in which examples are trained on."""
from typing import Iterator, List, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler


class LengthGroupedSampler(Sampler[int]):
    r"""Random order in which the examples of a batch are of similar length.

    The order depends on the seed and the epoch alone, so a resumed run sees the batches
    an uninterrupted one would have seen.

    Args:
        lengths (sequence of int): Length of each example.
        batch_size (int): Examples a batch.
        seed (int, optional): Seed. (default: :obj:`0`)
        pool (int, optional): How many batches are sorted together; the larger, the less
            padding and the less mixing. (default: :obj:`32`)
    """
    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0,
                 pool: int = 32) -> None:
        self.lengths = torch.as_tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.pool = pool
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        r"""Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self), generator=generator)
        batches: List[Tensor] = []
        for chunk in order.split(self.batch_size * self.pool):
            chunk = chunk[self.lengths[chunk].argsort(stable=True)]
            batches += chunk.split(self.batch_size)
        # The short batch of a chunk, if any, must stay last.
        full = [b for b in batches if len(b) == self.batch_size]
        rest = [b for b in batches if len(b) < self.batch_size]
        for i in torch.randperm(len(full), generator=generator).tolist():
            yield from full[i].tolist()
        for batch in rest:
            yield from batch.tolist()
