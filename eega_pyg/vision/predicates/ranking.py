r"""Which of the predicates that a model finds likely make a scene graph."""
import heapq
from collections import Counter
from typing import FrozenSet, List, Sequence, Set, Tuple

from eega_pyg.schema import SceneObject, ScenePredicate

#: Raised whenever another choice is made: graphs that are kept carry it.
RANKING_RULES = 1

#: Predicates that tell no more than where two boxes are to each other.
SPATIAL = frozenset({
    'above', 'across', 'adjacent to', 'behind', 'below', 'beneath', 'beside', 'by',
    'in the front of', 'near', 'next to', 'on the left of', 'on the right of',
    'on the top of', 'outside of', 'over', 'taller than', 'under'
})  # yapf: disable

#: Predicates whose object has one subject: a hat has one wearer.
EXCLUSIVE = frozenset({'wear'})


def chosen(objects: Sequence[SceneObject], candidates: Sequence[Tuple[float,
                                                                      ScenePredicate]],
           most: int, min_score: float, repeat: float) -> List[ScenePredicate]:
    r"""The predicates that a graph keeps: what is worth most is taken first, and each
    two objects have one.

    A spatial predicate between two labels counts :obj:`repeat` times when the graph has
    it once already, in either direction, :obj:`repeat` squared when it has it twice,
    and so on (a non-maximum suppression that lets what stands out stay). So "person
    behind person" does not fill the picture of a group: the next two people have
    another predicate, if one is likely enough, or none. Of the others, each repeat is
    news: ten people may wear ten hats, but no two the same hat, see :obj:`EXCLUSIVE`.

    Args:
        objects (sequence of SceneObject): The objects.
        candidates (sequence of tuple): What may be kept, and what each is worth.
        most (int): How many are kept at most.
        min_score (float): The least score of what is kept, after repeats are counted.
        repeat (float): What each repeat counts of the one before, from 0 to 1; with 1,
            as much.

    Returns:
        The predicates, the highest scores first.
    """
    seen: Counter = Counter()
    related: Set[FrozenSet[int]] = set()
    taken: Set[Tuple[str, int]] = set()
    found: List[ScenePredicate] = []
    # What is worth most when repeats do not count is looked at first; what counts less
    # by now goes back.
    heap = [(-worth, n, 0) for n, (worth, _) in enumerate(candidates)]
    heapq.heapify(heap)
    while heap and len(found) < most:
        _, n, before = heapq.heappop(heap)
        worth, p = candidates[n]
        pair = frozenset((p.subject, p.object))
        if pair in related or (p.predicate, p.object) in taken:
            continue
        kind = (p.predicate, frozenset(objects[i].label for i in pair))
        repeats = seen[kind]
        if p.score * repeat**repeats < min_score:
            continue
        if repeats > before:
            heapq.heappush(heap, (-worth * repeat**repeats, n, repeats))
            continue
        found.append(p)
        related.add(pair)
        if p.predicate in SPATIAL:
            seen[kind] += 1
        if p.predicate in EXCLUSIVE:
            taken.add((p.predicate, p.object))
    return sorted(found, key=lambda p: -p.score)
