r"""What a data set says of a text beside its quintuples, and what it leaves open."""
from typing import FrozenSet, NamedTuple, Optional, Tuple

from .quintuple import Entity, Span


class Block(NamedTuple):
    r"""A rectangle of a word-pair table and what stands in its cells.

    Args:
        rows (tuple of int): Half-open range of words.
        columns (tuple of int): Half-open range of words.
        label (int): The id of a tag, or one of :obj:`~eega_pyg.schema.SOME_TYPE`,
            :obj:`~eega_pyg.schema.UNSTATED` and :obj:`~eega_pyg.schema.UNKNOWN`.
    """
    rows: Span
    columns: Span
    label: int

    def shifted(self, offset: int) -> 'Block':
        r"""The same block, moved by :obj:`offset` words."""
        (a, b), (c, d) = self.rows, self.columns
        return Block((a + offset, b + offset), (c + offset, d + offset), self.label)

    def within(self, start: int, stop: int) -> 'Block':
        r"""The part of the block between two words; it may be empty."""
        (a, b), (c, d) = self.rows, self.columns
        return Block((max(a, start), max(min(b, stop), start)),
                     (max(c, start), max(min(d, stop), start)), self.label)


class Annotation(NamedTuple):
    r"""What a data set says of a text beside its quintuples, and what it leaves open.

    The defaults are those of JMERE: its quintuples count as complete, so that every
    cell of the table that they do not fill is none.

    Args:
        entities (tuple of Entity): Further entities, which are in no quintuple.
        blocks (tuple of Block): Parts of the table with another content. They are
            written in this order, and all entities and relations after them.
        rest (int): What stands in all other cells: :obj:`0` for none,
            :obj:`~eega_pyg.schema.UNSTATED` or :obj:`~eega_pyg.schema.UNKNOWN`.
        tags (frozenset of str, optional): The types and relations that the data set
            annotates, or :obj:`None` for all of them.
    """
    entities: Tuple[Entity, ...] = ()
    blocks: Tuple[Block, ...] = ()
    rest: int = 0
    tags: Optional[FrozenSet[str]] = None

    def window(self, start: int, stop: int) -> 'Annotation':
        r"""What is known of the words from :obj:`start` to :obj:`stop`, counted from
        :obj:`start`: the entities that lie wholly inside, and parts of blocks."""
        blocks = (b.within(start, stop).shifted(-start) for b in self.blocks)
        return self._replace(
            entities=tuple(
                e.shifted(-start) for e in self.entities
                if start <= e.start and e.end <= stop),
            blocks=tuple(b for b in blocks if all(a < z for a, z in b[:2])))
