r"""How sure a model is of what it says of a text."""
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple

from eega_pyg.saving.thresholds import Thresholds


class Rated(NamedTuple):
    r"""A result, and how certain it is.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
        certainty (float): The lowest probability with which anything in it is right.
    """
    result: Dict[str, Any]
    certainty: float


def rated(result: Mapping[str, Any], thresholds: Thresholds = Thresholds()) -> Rated:
    r"""A result without what is less probable than the thresholds, and its certainty

    .. math::
        c = \min\Big(\min_{i \in S} p_i, \min_{j \in L} (1 - p_j)\Big),

    where :math:`S` are the entities and relations that are stated and :math:`L` those
    that are left out, with their probabilities :math:`p`: what is stated is
    right with :math:`p`, and it is right to leave something out with :math:`1 - p`. A
    text in which nothing was found has a certainty of one.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
            It knows what is left out only if it was made with a threshold of zero.
        thresholds (Thresholds, optional): The least probabilities of what is stated. By
            default all is.
    """
    quintuples = [q for q in result['quintuples'] if _at_least(q, thresholds.quintuple)]
    ends = [q[end] for q in quintuples for end in ('head', 'tail')]
    places = {(e['start'], e['end']) for e in ends}
    entities = [
        e for e in result['entities']
        if (e['start'], e['end']) in places or _at_least(e, thresholds.entity)
    ]
    right = [
        x['probability'] if x in stated else 1 - x['probability']
        for found, stated in ((result['entities'], entities),
                              (result['quintuples'], quintuples)) for x in found
        if x['probability'] is not None
    ]
    kept = {**result, 'entities': entities, 'quintuples': quintuples}
    return Rated(kept, min(right, default=1.0))


def _at_least(found: Mapping[str, Any], threshold: float) -> bool:
    return found['probability'] is None or found['probability'] >= threshold


def least_certain_first(results: Iterable[Rated]) -> List[Rated]:
    r"""The same in the order of their certainty; equal ones stay as they are."""
    return sorted(results, key=lambda r: r.certainty)
