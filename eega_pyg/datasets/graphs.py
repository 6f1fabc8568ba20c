r"""Graphs in memory."""
from bisect import bisect_right
from itertools import accumulate, islice
from typing import Any, Iterable, Iterator, List, Sequence, Tuple

from torch_geometric.data import HeteroData
from torch_geometric.data.collate import collate
from torch_geometric.data.separate import separate

from eega_pyg.schema import PIECE, num_pieces

#: How many graphs are collated at once.
_BLOCK = 512


class Graphs(Sequence[HeteroData]):
    r"""Graphs that lie one after another in a few large tensors, as in
    :class:`~torch_geometric.data.InMemoryDataset`. A list of them would have some
    thirty tensors a graph, of which each takes half a kilobyte beside its values.

    A graph is made anew at each access. Its tensors are views.

    Args:
        graphs (iterable of HeteroData): The graphs, of which few are held at a time.
    """
    def __init__(self, graphs: Iterable[HeteroData] = ()) -> None:
        self._blocks: List[Tuple[HeteroData, Any]] = []
        graphs = iter(graphs)
        while block := list(islice(graphs, _BLOCK)):
            self._blocks.append(
                collate(HeteroData, block, increment=False, add_batch=False)[:2])
        self._count()

    @classmethod
    def of(cls, data: HeteroData, slices: Any) -> 'Graphs':
        r"""Graphs that are collated already; a single one has no slices."""
        if slices is None:
            return cls([data])
        out = cls()
        out._blocks.append((data, slices))
        out._count()
        return out

    def _count(self) -> None:
        sizes = (len(data.words) for data, _ in self._blocks)
        self._starts = list(accumulate(sizes, initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"Expected an index below {len(self)} (got {index})")
        index %= len(self)
        block = bisect_right(self._starts, index) - 1
        data, slices = self._blocks[block]
        return separate(HeteroData, data, index - self._starts[block], slices,
                        decrement=False)

    @property
    def words(self) -> Iterator[List[str]]:
        r"""The words of each graph, without making it."""
        for data, _ in self._blocks:
            yield from data.words

    @property
    def num_pieces(self) -> List[int]:
        r"""The number of word pieces of each graph, without making it."""
        return [
            n for _, slices in self._blocks
            for n in slices[PIECE]['input_ids'].diff().tolist()
        ]


def lengths(graphs: Sequence[HeteroData]) -> List[int]:
    r"""The number of word pieces of each graph: noted, or counted by reading it."""
    noted = getattr(graphs, 'num_pieces', None)
    if noted is not None:
        return noted
    return [num_pieces(graphs[i]) for i in range(len(graphs))]
