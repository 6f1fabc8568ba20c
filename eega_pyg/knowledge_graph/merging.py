r"""Which entities are one under several names."""
from typing import Dict, Mapping, Tuple

from .linking import wikidata_id


def same_entities(types: Mapping[str, str], counts: Mapping[str, int],
                  names: Mapping[Tuple[str, str], Tuple[int, float]]) -> Dict[str, str]:
    r"""The id that each entity is merged into.

    Entities of one type that are joined by a path of names become one, and take the id
    that is one of Wikidata, else that of the one with the most mentions, else the first
    of the alphabet. Two ids of Wikidata are two entities: where a path joins them, the
    name that is stated least often, and with the least probability, does not count. So
    the result does not depend on the order of the names.

    Args:
        types (dict): The type of each entity, by its id.
        counts (dict): How often each is mentioned.
        names (dict): Two ids in the order of the alphabet, how often it is stated that
            they name the same entity, and with which probability at best.
    """
    stated = [(a, b) for a, b in names if a != b and types[a] == types[b]]
    group = {link: link for link in types}

    def root(link: str) -> str:
        while group[link] != link:
            group[link] = group[group[link]]
            link = group[link]
        return link

    ranked = sorted(stated, key=lambda k: (-names[k][0], -names[k][1], k))
    for pair in ranked:
        # The root is the one whose id is taken.
        first, second = sorted(map(root, pair), key=lambda k:
                               (wikidata_id(k) is None, -counts[k], k))
        if first != second and wikidata_id(second) is None:
            group[second] = first
    return {link: root(link) for link in types}
