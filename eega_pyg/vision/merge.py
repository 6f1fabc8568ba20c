r"""Two scene graphs of one image to one."""
from typing import Callable, Dict, List, Sequence, Tuple

import torch
from torch import Tensor

from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision.captions.words import ANIMALS, COMPOUNDS, head_of, is_person

#: Raised whenever what is merged changes: a data set's processed files carry it.
MERGE_RULES = 3

#: Of a graph with more objects, which no image has, the others are not compared.
MAX_OBJECTS = 1000

GENERIC = frozenset({'person', 'people', 'individual', 'human', 'figure'})
_PERSON = 0.9

Embed = Callable[[Sequence[str]], Tensor]


def merge_graphs(first: SceneGraph, second: SceneGraph, embed: Embed,
                 threshold: float = 0.7) -> SceneGraph:
    r"""Makes one scene graph of a detector's and a caption's.

    Objects are the same if the cosine of their labels' vectors is high: the most
    similar pair is matched first, each object once. A caption's label counts with and
    without its attributes ("red car", "car"). "Person" and its like are close to any
    noun that names somebody, which their vectors are not. A hot dog is no dog.

    An object that is matched has the label of more words, which carries the attributes,
    and of equals the caption's; box and feature of whichever has them (if both, the
    detector's); and the higher score. The objects of the first graph come first, in
    their order. The predicates of both are kept; of the same one twice, the higher
    score. Of each graph, the first :obj:`MAX_OBJECTS` objects are compared.

    Args:
        first (SceneGraph): The detector's graph.
        second (SceneGraph): The caption's graph.
        embed (callable): Labels to vectors of length one :obj:`[n, D]`, *e.g.*, a
            :class:`~eega_pyg.vision.LabelEmbedder`.
        threshold (float, optional): The least cosine of a match.
            (default: :obj:`0.7`)

    Raises:
        ValueError: If features of both graphs are kept and differ in size.
    """
    partner = _matches(first.objects[:MAX_OBJECTS], second.objects[:MAX_OBJECTS], embed,
                       threshold)
    objects: List[SceneObject] = list(first.objects)
    place: Dict[int, int] = {}
    for j, item in enumerate(second.objects):
        if (i := partner.get(j)) is None:
            place[j] = len(objects)
            objects.append(item)
        else:
            place[j] = i
            objects[i] = _joined(objects[i], item)
    predicates: Dict[Tuple[int, str, int], float] = {}
    moved = [
        ScenePredicate(place[p.subject], p.predicate, place[p.object], p.score)
        for p in second.predicates
    ]
    for p in (*first.predicates, *moved):
        key = (p.subject, p.predicate, p.object)
        predicates[key] = max(p.score, predicates.get(key, 0.))
    return SceneGraph(
        tuple(objects),
        tuple(
            ScenePredicate(s, name, o, score)
            for (s, name, o), score in predicates.items()))


def _joined(first: SceneObject, second: SceneObject) -> SceneObject:
    longer = len(first.label.split()) > len(second.label.split())
    seen = first if first.box is not None or second.box is None else second
    other = second if seen is first else first
    return SceneObject(first.label if longer else second.label,
                       max(first.score, second.score), seen.box,
                       seen.feature if seen.feature is not None else other.feature)


def _matches(first: Sequence[SceneObject], second: Sequence[SceneObject], embed: Embed,
             threshold: float) -> Dict[int, int]:
    # Positions in the second graph -> in the first.
    if not first or not second:
        return {}
    names = [[o.label for o in objects] for objects in (first, second)]
    heads = [head_of(label) for label in names[1]]
    similarity = embed(names[0]) @ torch.stack([embed(names[1]), embed(heads)]).mT
    similarity = similarity.amax(0)  # [first, second]
    people, generic = ([
        torch.tensor([test(word) for word in words]) for words in (names[0], heads)
    ] for test in (lambda word: is_person(word) and word not in ANIMALS,
                   GENERIC.__contains__))
    same = people[0][:, None] & people[1] & (generic[0][:, None] | generic[1])
    similarity = torch.where(same, similarity.clamp(min=_PERSON), similarity)
    # A hot dog is near a dog to the encoder.
    named = [head_of(label) for label in names[0]]
    for i, j in ((i, j) for i, a in enumerate(named) for j, b in enumerate(heads)
                 if (a in COMPOUNDS or b in COMPOUNDS) and a != b
                 and a.split()[-1] == b.split()[-1]):
        similarity[i, j] = -1.
    similarity = similarity.flatten()
    near = (similarity >= threshold).nonzero()[:, 0]
    order = near[similarity[near].argsort(descending=True, stable=True)]
    matches: Dict[int, int] = {}
    used = set()
    for index in order.tolist():
        i, j = divmod(index, len(second))
        if j not in matches and i not in used:
            matches[j] = i
            used.add(i)
    return matches
