r"""Which entities are one under several names."""
from typing import Dict, Iterable, List, Mapping, Tuple

from .linking import wikidata_id


def same_entities(types: Mapping[str, str], counts: Mapping[str, int],
                  names: Iterable[Tuple[str, str, float]]) -> Dict[str, str]:
    r"""The id that each entity is merged into.

    Entities of one type that are joined by a path of names become one, and take the id
    that is one of Wikidata, else that of the one with the most mentions, else the first
    of the alphabet. Two ids of Wikidata are two entities: where a path joins them, the
    name that is stated least often, and with the least probability, does not count. So
    the result does not depend on the order of the names.

    Args:
        types (dict): The type of each entity, by its id.
        counts (dict): How often each is mentioned.
        names (iterable): Two ids and the probability that they name the same entity.
    """
    stated: Dict[Tuple[str, str], List[float]] = {}
    for a, b, probability in names:
        if a != b and types[a] == types[b]:
            stated.setdefault((min(a, b), max(a, b)), []).append(probability)
    group = {link: link for link in types}

    def root(link: str) -> str:
        while group[link] != link:
            group[link] = group[group[link]]
            link = group[link]
        return link

    ranked = sorted(stated, key=lambda k: (-len(stated[k]), -max(stated[k]), k))
    for pair in ranked:
        # The root is the one whose id is taken.
        first, second = sorted(map(root, pair), key=lambda k:
                               (wikidata_id(k) is None, -counts[k], k))
        if first != second and wikidata_id(second) is None:
            group[second] = first
    return {link: root(link) for link in types}
