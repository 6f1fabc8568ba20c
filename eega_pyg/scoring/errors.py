r"""What is wrong with predictions: the reasons of what is lost and of what is too
much, and what is taken for what."""
from collections import Counter
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from eega_pyg.schema import Entity, Quintuple

from .views import Contents, items

#: Why a given quintuple is not found; the first that holds counts.
REASONS = ('found', 'direction', 'relation', 'no relation', 'type', 'overlap', 'missed')
#: What is wrong with a predicted one; the first that holds counts.
SPURIOUS = ('correct', 'other relation or direction', 'entities given, not related',
            'an entity not given')


def reason(quintuple: Quintuple, found: Contents) -> str:
    r"""Why a given quintuple is not among the predicted ones, out of :obj:`REASONS`: an
    entity is not among the predicted ones at all (``'missed'``), or only overlaps one;
    its type is another; the two stand in no predicted relation; the relation is
    another; head and tail have changed places."""
    ends = (quintuple.head, quintuple.tail)
    spans = {e.span for e in found.entities}
    lost = [e for e in ends if e.span not in spans]
    if lost:
        near = [any(_overlap(e, other) for other in found.entities) for e in lost]
        return 'overlap' if all(near) else 'missed'
    if not set(ends) <= set(found.entities):
        return 'type'
    between = [q for q in found.quintuples if {q.head, q.tail} == set(ends)]
    if not between:
        return 'no relation'
    if all(q.relation != quintuple.relation for q in between):
        return 'relation'
    return 'found' if quintuple in between else 'direction'


def spurious(quintuple: Quintuple, given: Contents) -> str:
    r"""What is wrong with a predicted quintuple, out of :obj:`SPURIOUS`."""
    if quintuple in given.quintuples:
        return 'correct'
    if not {quintuple.head, quintuple.tail} <= set(given.entities):
        return 'an entity not given'
    pairs = [{q.head, q.tail} for q in given.quintuples]
    related = {quintuple.head, quintuple.tail} in pairs
    return SPURIOUS[1] if related else SPURIOUS[2]


def lost_by_relation(
        pairs: Iterable[Tuple[Contents, Contents]]) -> Dict[str, Dict[str, int]]:
    r"""How many of the given quintuples of each relation are not found for which
    reason.

    Args:
        pairs (iterable of tuple): What was found in each text, and what is given.
    """
    out: 'Dict[str, Counter[str]]' = {}
    for found, given in pairs:
        for q in set(given.quintuples):
            out.setdefault(q.relation, Counter())[reason(q, found)] += 1
    return {
        relation: {
            name: counts[name]
            for name in REASONS if counts[name]
        }
        for relation, counts in sorted(out.items(), key=lambda item:
                                       (-item[1].total(), item[0]))
    }


class Confusion(NamedTuple):
    r"""What is taken for what.

    Args:
        labels (list of str): All labels, in the order of their names.
        counts (dict): How often a given label is predicted as another one, by both;
            :obj:`None` is none.
    """
    labels: List[str]
    counts: 'Counter[Tuple[Optional[str], Optional[str]]]'

    def most_common(self) -> List[Tuple[Optional[str], Optional[str], int]]:
        r"""Given label, predicted label and count; the most frequent first."""
        rows = [(a, b, count) for (a, b), count in self.counts.items()]
        return sorted(rows, key=lambda r: (-r[2], r[0] or '', r[1] or ''))

    def table(self) -> List[List[int]]:
        r"""A row for each given label and a column for each predicted one; the last of
        both is none."""
        names: List[Optional[str]] = [*self.labels, None]
        return [[self.counts[a, b] for b in names] for a in names]


def confused(pairs: Iterable[Tuple[Contents, Contents]], types: bool) -> Confusion:
    r"""How often each type, or relation, is predicted as each other one.

    Types are those of entities with the same span, relations those between the same two
    spans, whatever their direction and their types. What is given there and predicted
    as well counts as that (the diagonal); of the rest the first is taken for the first,
    in the order of the names, and what has no counterpart is none. The diagonal sums up
    to what is correct in the view ``entity``, or ``triple``.

    Args:
        pairs (iterable of tuple): What was found in each text, and what is given.
        types (bool): Whether types or relations are compared.
    """
    view = 'entity' if types else 'triple'
    counts: 'Counter[Tuple[Optional[str], Optional[str]]]' = Counter()
    for found, given in pairs:
        ours, theirs = items(view, found), items(view, given)
        counts.update((label, label) for _, label in ours & theirs)
        rest = _by_place(theirs - ours), _by_place(ours - theirs)
        for place in rest[0].keys() | rest[1].keys():
            a, b = (side.get(place, []) for side in rest)
            size = max(len(a), len(b))
            counts.update(zip(_filled(a, size), _filled(b, size)))
    labels = {label for pair in counts for label in pair if label is not None}
    return Confusion(sorted(labels), counts)


def _by_place(some: Iterable[tuple]) -> Dict[tuple, List[str]]:
    out: Dict[tuple, List[str]] = {}
    for ends, label in sorted(some):
        place = tuple(e.span if isinstance(e, Entity) else e for e in ends)
        out.setdefault(place, []).append(label)
    return out


def _filled(labels: Sequence[str], size: int) -> List[Optional[str]]:
    return [*labels, *[None] * (size - len(labels))]


def _overlap(a: Entity, b: Entity) -> bool:
    return a.start < b.end and b.start < a.end
