r"""Counts the contents of a data set."""
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from torch_geometric.data import HeteroData
from torch_geometric.data.collate import collate

from eega_pyg.schema import OBJECT, REL, TOKEN, Quintuple, Span, TagSet
from eega_pyg.tagging import written

# What has a row for each word, object and predicate.
_COUNTED = ((TOKEN, 'upos'), (OBJECT, 'score'), (REL, 'edge_type'))


def told_of_left_out(counts: Mapping[str, Union[int, float]], split: str) -> str:
    r"""A sentence about the quintuples of a split that no table has room for; empty if
    there is none.

    Args:
        counts (dict): As of :func:`statistics`.
        split (str): The split.
    """
    if not counts['left out']:
        return ''
    return (f"{counts['left out']:,} of {counts['quintuples']:,} quintuples of the "
            f"{split} split have no place in a table: their spans overlap others, "
            f"their entities have another relation already, or they are in no common "
            f"window")


def statistics(data: HeteroData, slices: Optional[Dict[Any,
                                                       Any]], indices: Sequence[int],
               tags: TagSet, table: str) -> Dict[str, Union[int, float]]:
    r"""Counts the sentences of a data set and their contents. The windows of one
    sentence count once.

    Args:
        data (HeteroData): Collated graphs as of
            :class:`~eega_pyg.transforms.PairTransform`. They are not separated, because
            that takes seconds.
        slices (dict, optional): Where each graph begins; :obj:`None` for a single one.
        indices (sequence of int): Which graphs to count.
        tags (TagSet): The tags.
        table (str): The word-pair table.

    Returns:
        ``sentences``, ``windows``, ``words``, ``quintuples``, ``entities`` (distinct
        spans of a sentence, also of those in no quintuple), ``objects``,
        ``predicates``, ``with objects`` (share of the sentences), ``overlapping spans``
        (sentences that have some), ``left out`` (quintuples for which there is no room
        in the tables, see :func:`~eega_pyg.tagging.encode`, or whose entities are in no
        common window).

    Raises:
        ValueError: If the graphs are of another class.
    """
    if not isinstance(data, HeteroData):
        raise ValueError(f"Expected graphs of the class HeteroData to count (the "
                         f"'pre_transform' made them {type(data).__name__})")
    if slices is None:
        sizes = [[data[TOKEN].num_nodes], [data[OBJECT].num_nodes],
                 [data[REL].num_edges]]
        all_quintuples, all_entities = [data.quintuples], [data.entities]
    else:
        sizes = [slices[store][key].diff().tolist() for store, key in _COUNTED]
        all_quintuples, all_entities = data.quintuples, data.entities
    sentence, offset = data.sentence.tolist(), data.offset.tolist()

    words: Dict[int, int] = {}
    first: Dict[int, int] = {}  # Of each sentence, its first window.
    kept: Set[Tuple[int, Quintuple]] = set()
    for i in indices:
        key = sentence[i]
        for q in _written(all_quintuples[i], offset[i], sizes[0][i], tags, table):
            kept.add((key, q))
        words[key] = max(words.get(key, 0), offset[i] + sizes[0][i])
        first.setdefault(key, i)
    quintuples = [all_quintuples[i] for i in first.values()]
    spans = [{(a, z) for a, z, _ in all_entities[i]} for i in first.values()]
    objects = [sizes[1][i] for i in first.values()]
    edges = sum(sizes[2][i] for i in first.values())
    return {
        'sentences': len(first),
        'windows': len(indices),
        'words': sum(words.values()),
        'quintuples': sum(map(len, quintuples)),
        'entities': sum(map(len, spans)),
        'objects': sum(objects),
        # An edge in each direction, and a self-loop for each object.
        'predicates': (edges - sum(objects)) // 2,
        'with objects': sum(k > 0 for k in objects) / max(len(first), 1),
        'overlapping spans': sum(map(_overlap, spans)),
        'left out': sum(map(len, quintuples)) - len(kept),
    }


def collated(graphs: Iterable[HeteroData]) -> Tuple[HeteroData, Any, Sequence[int]]:
    r"""What :func:`statistics` reads of graphs, of which few are held at a time."""
    def light(data: HeteroData) -> HeteroData:
        if not isinstance(data, HeteroData):
            raise ValueError(f"Expected graphs of the class HeteroData to count (the "
                             f"'pre_transform' made them {type(data).__name__})")
        out = HeteroData()
        for store, key in _COUNTED:
            out[store][key] = data[store][key]
        for name in ('quintuples', 'entities', 'sentence', 'offset', 'words'):
            out[name] = data[name]
        return out

    found = [light(data) for data in graphs]
    data, slices, _ = collate(HeteroData, found, increment=False, add_batch=False)
    return data, slices, range(len(found))


def _written(quintuples: List[list], start: int, size: int, tags: TagSet,
             table: str) -> List[Quintuple]:
    r"""The quintuples in the table of a window."""
    inside = [
        Quintuple.from_list(q) for q in quintuples
        if all(start <= q[i] and q[i + 1] <= start + size for i in (0, 3))
    ]
    return written(inside, tags, table)


def _overlap(spans: Set[Span]) -> bool:
    ranked = sorted(spans)
    return any(a[1] > b[0] for a, b in zip(ranked, ranked[1:]))
