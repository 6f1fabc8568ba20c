r"""How sure a model is of what it says of a text."""
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple


class Rated(NamedTuple):
    r"""A result, and how certain it is.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
        certainty (float): The lowest probability with which anything in it is right.
    """
    result: Dict[str, Any]
    certainty: float


def rated(result: Mapping[str, Any], threshold: float = 0.0) -> Rated:
    r"""A result without what is less probable than a threshold, and its certainty

    .. math::
        c = \min\Big(\min_{i \in S} p_i, \min_{j \in L} (1 - p_j)\Big),

    where :math:`S` are the entities and relations that are stated and :math:`L` the
    relations that are left out, with their probabilities :math:`p`: what is stated is
    right with :math:`p`, and it is right to leave something out with :math:`1 - p`. A
    text in which nothing was found has a certainty of one.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
            It knows what is left out only if it was made with a threshold of zero.
        threshold (float, optional): The lowest probability of a relation that is
            stated. (default: :obj:`0.0`)
    """
    kept, right = [], [e['probability'] for e in result['entities']]
    for q in result['quintuples']:
        stated = q['probability'] is None or q['probability'] >= threshold
        kept += [q] if stated else []
        right.append(q['probability'] if stated else 1 - q['probability'])
    certainty = min((p for p in right if p is not None), default=1.0)
    return Rated({**result, 'quintuples': kept}, certainty)


def least_certain_first(results: Iterable[Rated]) -> List[Rated]:
    r"""The same in the order of their certainty; equal ones stay as they are."""
    return sorted(results, key=lambda r: r.certainty)
