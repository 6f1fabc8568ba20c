r"""Quintuples from the scores of a word-pair table."""
from dataclasses import replace
from itertools import combinations
from typing import (
    Collection,
    Dict,
    FrozenSet,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np
from torch import Tensor

from eega_pyg.schema import Entity, Quintuple, Signatures, TagSet

from .table import check_table, index_of, without_overlaps

#: The log-odds that two neighbouring words of one type belong to one entity and not to
#: two: 4,255 to 4 in JMERE's training split.
TOUCHING = 7.0

# Lower log-probabilities are raised to this, so that a probability of 0 has one too.
_FLOOR = -100.0


class Extraction(NamedTuple):
    r"""What is decoded from the table of one sentence.

    Args:
        entities (list of Entity): All entities, in the order of the text.
        quintuples (list of Quintuple): All quintuples, sorted.
    """
    entities: List[Entity]
    quintuples: List[Quintuple]


def is_directed(quintuple: Quintuple, table: str,
                signatures: Optional[Signatures] = None) -> bool:
    r"""Whether decoding says which entity is the head: the table has directions, or
    the signatures allow the relation between these types in one direction alone.

    Args:
        quintuple (Quintuple): What was decoded.
        table (str): One of :obj:`TABLES`.
        signatures (set of tuple, optional): As of :func:`decode`.
    """
    q = quintuple
    return table == 'directed' or (signatures is not None and
                                   (q.tail.type, q.relation, q.head.type)
                                   not in signatures)


def decode(
        log_probs: Tensor,
        tags: TagSet,
        table: str = 'directed',
        signatures: Optional[Signatures] = None,
        max_span: Optional[int] = None,
        touching: float = TOUCHING,
        temperature: float = 1.0,
        borders: Collection[int] = (),
) -> Extraction:
    r"""Reads the most probable entities and quintuples off the log-probabilities of a
    word-pair table (Eq. 11).

    First the entities: the non-overlapping typed spans with the highest sum of

    .. math::
        \log p_{ij}(\mathrm{type}) - \log \Big( p_{ij}(\mathrm{none}) +
        \sum_r p_{ij}(r) \Big)

    over the unordered pairs of words in their blocks. Where two cells hold a pair,
    their mean counts, so that a pair weighs the same in every table. Relations are
    added to none because the cells between two neighbouring entities hold one or the
    other. Each entity that directly follows another one of its type costs
    :obj:`touching`, because such words are nearly always one entity. Then, for each two
    entities, the best of no relation and all (direction, relation) by the sum of the
    log-probabilities of what :func:`encode` would have written between them.

    :obj:`"symmetric"` and :obj:`"triangle"` carry no direction: the earlier entity is
    the head, unless :obj:`signatures` only knows the other order.

    An entity's probability is the geometric mean of :math:`p_{ij}(\mathrm{type})` over
    its block. A quintuple's is the product of those of its entities and of the
    posterior of the relation. For the posterior a block counts as one cell with its
    mean log-probability: neighbouring cells are not independent, and their product
    would be close to 0 or 1 for any long entity.

    Args:
        log_probs (torch.Tensor): Log-probabilities of the tags, ``[n, n, T]``.
        tags (TagSet): The :math:`T` tags.
        table (str, optional): One of :obj:`TABLES`. (default: :obj:`"directed"`)
        signatures (set of tuple, optional): The allowed (head type, relation, tail
            type), or :obj:`None` for all. (default: :obj:`None`)
        max_span (int, optional): The longest span in words, or :obj:`None` for any
            length. (default: :obj:`None`)
        touching (float, optional): The log-odds that neighbouring words of one type are
            one entity. (default: :obj:`TOUCHING`)
        temperature (float, optional): What scores are divided by for the reported
            probabilities. The entities and quintuples do not depend on it. See
            :func:`~eega_pyg.training.calibration.fit_temperature`.
            (default: :obj:`1.0`)
        borders (collection of int, optional): Words before which the text is broken,
            *e.g.*, the first ones of lines. No entity goes over a border, and two that
            touch there cost nothing. (default: :obj:`()`)

    Raises:
        ValueError: On a wrong shape, a NaN, an unknown table or name in
            :obj:`signatures`, :obj:`max_span` below 1, or a temperature that is not
            above 0.
    """
    if log_probs.dim() != 3 or log_probs.size(0) != log_probs.size(1):
        raise ValueError(f"Expected log-probabilities of shape [n, n, {len(tags)}] "
                         f"(got {list(log_probs.shape)})")
    flat = log_probs.flatten(0, 1)
    return decode_batch(flat, [len(log_probs)], tags, table, signatures, max_span,
                        touching, temperature, [borders])[0]


def decode_batch(
    logits: Tensor,
    sizes: Sequence[int],
    tags: TagSet,
    table: str = 'directed',
    signatures: Optional[Signatures] = None,
    max_span: Optional[int] = None,
    touching: float = TOUCHING,
    temperature: float = 1.0,
    borders: Optional[Sequence[Collection[int]]] = None,
) -> List[Extraction]:
    r"""Decodes the sentences of a batch as :func:`decode`, copying it to the host once.

    Args:
        logits (torch.Tensor): Scores of the tags for all ordered word pairs of each
            sentence, row-major, ``[sum(n * n for n in sizes), T]``. They need not be
            normalised.
        sizes (sequence of int): Number of words :math:`n` of each sentence.
        tags (TagSet): The :math:`T` tags.
        table, signatures, max_span, touching, temperature: As in :func:`decode`.
        borders (sequence of collection of int, optional): Those of each sentence, as in
            :func:`decode`.

    Raises:
        ValueError: As :func:`decode`, if :obj:`sizes` do not add up, or if there are
            borders of another number of sentences.
    """
    check_table(table)
    if max_span is not None and max_span < 1:
        raise ValueError(f"Expected 'max_span' of at least 1 (got {max_span})")
    borders = [()] * len(sizes) if borders is None else borders
    if len(borders) != len(sizes):
        raise ValueError(f"Expected borders of {len(sizes)} sentences (got "
                         f"{len(borders)})")
    cells = _log_probs(logits, sizes, tags)
    allowed = _allowed(tags, signatures)
    found = []
    for table_cells, own_borders in zip(cells, borders):
        entities = _entities(table_cells, tags, table, max_span, touching, own_borders)
        quintuples = _quintuples(table_cells, entities, tags, table, allowed)
        found.append(Extraction(entities, quintuples))
    calibrated = cells if temperature == 1 else _log_probs(logits, sizes, tags,
                                                           temperature)
    return [_rated(*x, tags, table, allowed) for x in zip(found, calibrated)]


def rescore_batch(
    extractions: Sequence[Extraction],
    logits: Tensor,
    sizes: Sequence[int],
    tags: TagSet,
    table: str = 'directed',
    signatures: Optional[Signatures] = None,
    temperature: float = 1.0,
) -> List[Extraction]:
    r"""Gives what :func:`decode_batch` has found the probabilities that it has at
    another temperature.

    Args:
        extractions (sequence of Extraction): What was found in each sentence.
        logits, sizes, tags, table, signatures: As they were given to
            :func:`decode_batch`.
        temperature (float, optional): As in :func:`decode`. (default: :obj:`1.0`)

    Raises:
        ValueError: As :func:`decode_batch`.
    """
    check_table(table)
    calibrated = _log_probs(logits, sizes, tags, temperature)
    allowed = _allowed(tags, signatures)
    return [_rated(*x, tags, table, allowed) for x in zip(extractions, calibrated)]


def merge_windows(windows: Sequence[Tuple[int, Extraction]]) -> Extraction:
    r"""Joins the extractions of overlapping windows of one sentence.

    Spans are moved by the offset of their window. An entity or quintuple that several
    windows found keeps its highest probability. Of spans that overlap, or have two
    types, the most probable stays (among equals the first in order), and the quintuples
    of the others are dropped. Of several relations between the same two entities the
    most probable stays. A missing probability counts as 0.

    Args:
        windows (sequence of tuple): The first word of each window in the sentence,
            and its extraction.
    """
    found = [e.shifted(offset) for offset, w in windows for e in w.entities]
    found.sort(key=lambda e: (-(e.probability or 0.0), e))
    entities = {e: e for e in without_overlaps(found)}

    relations: Dict[FrozenSet[Entity], Quintuple] = {}
    claims = [q.shifted(offset) for offset, w in windows for q in w.quintuples]
    for q in sorted(claims, key=lambda q: (-(q.probability or 0.0), q)):
        if q.head in entities and q.tail in entities:
            # Entities compare equal at any probability: take the kept one with its own.
            best = Quintuple(entities[q.head], entities[q.tail], q.relation,
                             q.probability)
            relations.setdefault(frozenset((q.head, q.tail)), best)
    return Extraction(sorted(entities), sorted(relations.values()))


def _log_probs(logits: Tensor, sizes: Sequence[int], tags: TagSet,
               temperature: float = 1.0) -> List[np.ndarray]:
    r"""The log-probabilities of the tags of each sentence, ``[n, n, T]``."""
    if not temperature > 0:
        raise ValueError(f"Expected 'temperature' above 0 (got {temperature})")
    counts = [n * n for n in sizes]
    if list(logits.shape) != [sum(counts), len(tags)]:
        raise ValueError(f"Expected scores of shape [{sum(counts)}, {len(tags)}] for "
                         f"{len(counts)} sentences (got {list(logits.shape)})")
    # In numpy, because torch would split these few rows among its threads.
    values = logits.detach().cpu().double().numpy()
    highest = values.max(-1, keepdims=True)
    if not np.isfinite(highest).all():
        raise ValueError('The scores of a word pair are NaN or infinite')
    values = (values - highest) / temperature
    values = values - np.log(np.exp(values).sum(-1, keepdims=True))
    values = np.maximum(values, _FLOOR)
    parts = np.split(values, np.cumsum(counts)[:-1])
    return [x.reshape(n, n, len(tags)) for x, n in zip(parts, sizes)]


def _allowed(tags: TagSet, signatures: Optional[Signatures]) -> np.ndarray:
    r"""Whether a relation may join a head type and a tail type,
    ``[types, types, R]``."""
    num_types, num_relations = len(tags.types), len(tags.relations)
    if signatures is None:
        return np.ones((num_types, num_types, num_relations), dtype=bool)
    allowed = np.zeros((num_types, num_types, num_relations), dtype=bool)
    for head, relation, tail in signatures:
        allowed[index_of('type', head, tags.types),
                index_of('type', tail, tags.types),
                index_of('relation', relation, tags.relations)] = True
    return allowed


def _entities(cells: np.ndarray, tags: TagSet, table: str, max_span: Optional[int],
              touching: float, borders: Collection[int]) -> List[Entity]:
    r"""The best non-overlapping typed spans of ``[n, n, T]`` log-probabilities."""
    n, num_types = len(cells), len(tags.types)
    types = cells[..., 1:1 + num_types]  # [n, n, types]
    other = np.exp(cells[..., 0]) + np.exp(cells[..., 1 + num_types:]).sum(-1)
    gain = types - np.log(other)[..., None]
    if table != 'triangle':
        gain = (gain + gain.transpose(1, 0, 2)) / 2
    upper = np.triu(np.ones((n, n)))[..., None]
    # total[i, j] = sum of the gains of rows < i and columns < j
    total = np.zeros((n + 1, n + 1, num_types))
    total[1:, 1:] = (gain * upper).cumsum(0).cumsum(1)

    diagonal = total[np.arange(n + 1), np.arange(n + 1)]  # [n + 1, types]
    # Block [start, end)²: [start, end, types]
    blocks = diagonal[None] - total - total.transpose(1, 0, 2) + diagonal[:, None]

    # score[end, k]: the highest score of the first `end` words if the last one ends a
    # span of type k, or (k = types) is in none; start[end, k]: where that span starts;
    # last[end, k]: the best k of the words before a span of type k that starts at end.
    score = np.full((n + 1, num_types + 1), -np.inf)
    start = np.zeros((n + 1, num_types), dtype=int)
    last = np.zeros((n + 1, num_types), dtype=int)
    ahead = np.zeros((n, num_types))
    score[0, -1] = 0.0
    border = 0  # The last one so far.
    for end in range(n):
        follows = np.tile(score[end], (num_types, 1))  # [types, types + 1]
        if end in borders:
            border = end
        else:
            follows[np.arange(num_types), np.arange(num_types)] -= touching
        last[end] = follows.argmax(1)
        ahead[end] = follows.max(1)
        first = max(border, end + 1 - (max_span or n))
        values = ahead[first:end + 1] + blocks[first:end + 1, end + 1]
        start[end + 1] = first + values.argmax(0)
        score[end + 1, :-1] = values.max(0)
        score[end + 1, -1] = score[end].max()

    entities, end, kind = [], n, int(score[n].argmax())
    while end > 0:
        if kind == num_types:
            end -= 1
            kind = int(score[end].argmax())
            continue
        begin = int(start[end, kind])
        entities.append(Entity(begin, end, tags.types[kind]))
        end, kind = begin, int(last[begin, kind])
    return entities[::-1]


def _quintuples(cells: np.ndarray, entities: List[Entity], tags: TagSet, table: str,
                allowed: np.ndarray) -> List[Quintuple]:
    r"""The best relation, if any, of each two of the entities."""
    if len(entities) < 2 or not tags.relations:
        return []
    a, b = np.array(list(combinations(range(len(entities)), 2))).T
    choices = _relations(cells, entities, a, b, tags, table, allowed).argmax(1)
    out = []
    for first, second, choice in zip(a, b, choices.tolist()):
        if choice == 0:
            continue
        backward, relation = divmod(choice - 1, len(tags.relations))
        head, tail = (second, first) if backward else (first, second)
        out.append(Quintuple(entities[head], entities[tail], tags.relations[relation]))
    return sorted(out)


def _rated(found: Extraction, cells: np.ndarray, tags: TagSet, table: str,
           allowed: np.ndarray) -> Extraction:
    r"""What was found, with the probabilities that ``[n, n, T]`` log-probabilities give
    it."""
    entities = []
    for e in found.entities:
        block = cells[e.start:e.end, e.start:e.end, tags.id(e.type)]
        if table == 'triangle':
            block = block[np.triu_indices(len(block))]
        entities.append(replace(e, probability=float(np.exp(block.mean()))))
    if not found.quintuples:
        return Extraction(entities, [])

    place = {e: i for i, e in enumerate(entities)}
    ends = np.array([(place[q.head], place[q.tail]) for q in found.quintuples])
    a, b = ends.min(1), ends.max(1)
    backward = (ends[:, 0] > ends[:, 1]) * len(tags.relations)
    choices = 1 + backward + [
        tags.relations.index(q.relation) for q in found.quintuples
    ]
    scores = _relations(cells, entities, a, b, tags, table, allowed)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    posterior = weights[np.arange(len(choices)), choices] / weights.sum(1)
    of_entity = np.array([e.probability for e in entities])
    probability = (posterior * of_entity[a] * of_entity[b]).tolist()
    return Extraction(entities, [
        Quintuple(entities[i], entities[j], q.relation, p)
        for q, (i, j), p in zip(found.quintuples, ends, probability)
    ])


def _relations(cells: np.ndarray, entities: List[Entity], a: np.ndarray, b: np.ndarray,
               tags: TagSet, table: str, allowed: np.ndarray) -> np.ndarray:
    r"""The log-probabilities of what may join the entities :obj:`a` and :obj:`b`: no
    relation, each relation from a to b, and each from b to a. ``[pairs, 1 + 2R]``"""
    n, num_relations = len(cells), len(tags.relations)
    # member[e, i] = 1 / size of e for its words: products with it are block means.
    member = np.zeros((len(entities), n))
    for row, e in zip(member, entities):
        row[e.start:e.end] = 1 / (e.end - e.start)
    values = cells[..., [0, *tags.relation_ids]]  # [n, n, 1 + R]
    rows = (member @ values.reshape(n, -1)).reshape(-1, n, 1 + num_relations)
    means = np.matmul(member, rows)  # [e, e, 1 + R]

    # All choices for a pair fill the same cells, so means rank them as sums do.
    forward, backward = means[a, b], means[b, a]  # [pairs, 1 + R], a stands first
    kinds = np.array([tags.types.index(e.type) for e in entities])
    may_forward = allowed[kinds[a], kinds[b]]
    may_backward = allowed[kinds[b], kinds[a]]
    if table == 'directed':
        none = forward[:, :1] + backward[:, :1]
        ahead = forward[:, 1:] + backward[:, :1]
        behind = backward[:, 1:] + forward[:, :1]
    else:
        both = forward + backward if table == 'symmetric' else forward
        none, ahead, behind = both[:, :1], both[:, 1:], both[:, 1:]
        may_backward = may_backward & ~may_forward
    return np.concatenate([
        none,
        np.where(may_forward, ahead, -np.inf),
        np.where(may_backward, behind, -np.inf),
    ], axis=1)
