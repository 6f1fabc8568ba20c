r"""Quintuples as a word-pair table."""
from collections import Counter
from typing import Hashable, List, Sequence, Set, Tuple

import torch
from torch import Tensor

from eega_pyg.schema import (
    UNSCORED,
    Annotation,
    Entity,
    Quintuple,
    TagSet,
    listed,
    short,
)

TABLES = ('directed', 'symmetric', 'triangle')


def encode(
        quintuples: Sequence[Quintuple],
        num_words: int,
        tags: TagSet,
        table: str = 'directed',
        annotation: Annotation = Annotation(),
) -> Tensor:
    r"""Writes the quintuples of one sentence into a word-pair table, as in Figure 3 of
    the `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper.

    An entity fills the block of its span with its type. A relation fills the block
    between its two spans:

    - :obj:`"directed"`: the rows of the head and the columns of the tail; the mirrored
      block stays none.
    - :obj:`"symmetric"` (the paper's): both blocks.
    - :obj:`"triangle"` (the released code's): the cells with :math:`i \leq j`; the
      cells below the diagonal are not scored.

    A cell holds one tag, so only one of several overlapping spans is written: the one
    in the most quintuples; among equals the longest, then the earliest, then the one
    whose type comes first in :obj:`tags`. Relations of a span that is not written, and
    relations of an entity with itself, are left out. Of several relations between the
    same two entities the first is written; a directed table has room for the first in
    each direction. See :func:`written`.

    Args:
        quintuples (sequence of Quintuple): The quintuples.
        num_words (int): Number of words :math:`n` of the sentence.
        tags (TagSet): The tags.
        table (str, optional): One of :obj:`TABLES`. (default: :obj:`"directed"`)
        annotation (Annotation, optional): Entities that are in no quintuple, and what
            stands in the cells that no entity or relation fills; by default these are
            none.

    Returns:
        The tag ids, ``[n, n]``, with :obj:`~eega_pyg.schema.UNSCORED` where a cell is
        not scored, and :obj:`~eega_pyg.schema.SOME_TYPE`,
        :obj:`~eega_pyg.schema.UNSTATED` or :obj:`~eega_pyg.schema.UNKNOWN` where
        :obj:`annotation` leaves the tag open.

    Raises:
        ValueError: On an unknown type, relation or table, or a span that ends outside
            the sentence.
    """
    entities, relations = _written(quintuples, tags, table, annotation)
    for entity in (*annotation.entities, *(e for q in quintuples
                                           for e in (q.head, q.tail))):
        if entity.end > num_words:
            raise ValueError(f"Expected the span [{entity.start}, {entity.end}) to lie "
                             f"within a sentence of {num_words} words")
    out = torch.full((num_words, num_words), annotation.rest)
    for block in annotation.blocks:
        out[slice(*block.rows), slice(*block.columns)] = block.label
    for entity in entities:
        out[slice(*entity.span), slice(*entity.span)] = tags.id(entity.type)
    for q in relations:
        out[slice(*q.head.span), slice(*q.tail.span)] = tags.id(q.relation)
        if table != 'directed':
            out[slice(*q.tail.span), slice(*q.head.span)] = tags.id(q.relation)
    if table == 'triangle':
        lower = torch.ones_like(out, dtype=torch.bool).tril(-1)
        out[lower] = UNSCORED
    return out


def written(quintuples: Sequence[Quintuple], tags: TagSet,
            table: str = 'directed') -> List[Quintuple]:
    r"""Those of the quintuples of a sentence that :func:`encode` writes into its table.

    Args:
        quintuples, tags, table: As in :func:`encode`.

    Raises:
        ValueError: As :func:`encode`.
    """
    return _written(quintuples, tags, table)[1]


def _written(
    quintuples: Sequence[Quintuple], tags: TagSet, table: str,
    annotation: Annotation = Annotation()
) -> Tuple[Set[Entity], List[Quintuple]]:
    r"""The entities and the quintuples that have room in a table."""
    check_table(table)
    # A quintuple that is given twice counts once.
    distinct = list(dict.fromkeys(quintuples))
    uses = Counter(e for q in distinct for e in {q.head, q.tail})
    uses.update({e: 0 for e in annotation.entities})
    for entity in uses:
        index_of('type', entity.type, tags.types)
    ranked = sorted(
        uses, key=lambda e:
        (-uses[e], e.start - e.end, e.start, tags.types.index(e.type)))
    entities = without_overlaps(ranked)

    taken: Set[Hashable] = set()
    relations: List[Quintuple] = []
    for q in distinct:
        index_of('relation', q.relation, tags.relations)
        pair = (q.head, q.tail)
        cells: Hashable = pair if table == 'directed' else frozenset(pair)
        if entities.issuperset(pair) and q.head != q.tail and cells not in taken:
            taken.add(cells)
            relations.append(q)
    return entities, relations


def without_overlaps(ranked: Sequence[Entity]) -> Set[Entity]:
    r"""The entities that overlap none of those kept before them."""
    kept: List[Entity] = []
    for e in ranked:
        if all(e.end <= other.start or other.end <= e.start for other in kept):
            kept.append(e)
    return set(kept)


def check_table(table: str) -> None:
    if table not in TABLES:
        raise ValueError(f"Expected a table of {', '.join(TABLES)} (got '{table}')")


def index_of(what: str, name: str, names: Tuple[str, ...]) -> int:
    if name not in names:
        raise ValueError(f'Unknown {what} {short(name)} (known: {listed(names)})')
    return names.index(name)
