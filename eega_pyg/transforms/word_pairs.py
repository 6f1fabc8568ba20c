r"""The word pairs of a sentence, with their tree distances and tags."""
import torch
from torch_geometric.data import HeteroData

from eega_pyg.parsing import tree_distance
from eega_pyg.schema import PAIR, TagSet
from eega_pyg.tagging import encode

from .pair import Pair

#: Hops on the dependency tree are clipped here.
MAX_HOPS = 10
#: The bucket of two words in different trees.
DIFFERENT_TREES = MAX_HOPS + 1
NUM_DISTANCES = MAX_HOPS + 2


class WordPairs:
    r"""Adds :obj:`distance` and :obj:`tag` for all ordered word pairs, row-major.

    - :obj:`distance` (``int8``, ``[n * n]``): hops on the dependency tree, clipped at
      :obj:`MAX_HOPS`; :obj:`DIFFERENT_TREES` where no path joins the words.
    - :obj:`tag` (``int16``, ``[n * n]``): the word-pair table of
      :func:`~eega_pyg.tagging.encode`. A window carries the quintuples that lie wholly
      inside it.

    The graph's :obj:`annotated` (:obj:`bool`, ``[1, T]``) says which tags the text was
    annotated with. Tag 0, none, counts as annotated in every text.

    There is no :obj:`edge_index`: pair :math:`(i, j)` of a sentence of :math:`n` words
    is entry :math:`i \cdot n + j`, and after batching :math:`n` is
    :obj:`batch['token'].ptr.diff()`.

    Args:
        tags (TagSet): The tags.
        table (str, optional): The table, see :func:`~eega_pyg.tagging.encode`.
            (default: :obj:`"directed"`)
    """
    def __init__(self, tags: TagSet, table: str = 'directed') -> None:
        self.tags = tags
        self.table = table

    def __call__(self, data: HeteroData, pair: Pair) -> HeteroData:
        num_words = len(pair.words)
        hops = torch.from_numpy(tree_distance(pair.parse.heads))
        distance = hops.clamp(max=MAX_HOPS)
        distance[hops < 0] = DIFFERENT_TREES
        data[PAIR].distance = distance.to(torch.int8).view(-1)

        start, stop = pair.offset, pair.offset + num_words
        inside = [
            q.shifted(-start) for q in pair.quintuples
            if all(start <= e.start and e.end <= stop for e in (q.head, q.tail))
        ]
        annotation = pair.annotation.window(start, stop)
        tag = encode(inside, num_words, self.tags, self.table, annotation)
        data[PAIR].tag = tag.to(torch.int16).view(-1)
        data.annotated = torch.tensor([[
            i == 0 or annotation.tags is None or name in annotation.tags
            for i, name in enumerate(self.tags.names)
        ]])
        return data

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({len(self.tags)}, table={self.table})'
