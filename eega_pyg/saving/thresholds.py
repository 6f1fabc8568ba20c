r"""From which probability on something is said to be there."""
from typing import NamedTuple, Union

from eega_pyg.schema import Share, validated
from eega_pyg.tagging import Extraction


class Thresholds(NamedTuple):
    r"""The least probabilities of what is stated, see
    :func:`~eega_pyg.training.calibration.fit_scales`.

    Args:
        quintuple (float): Of a quintuple.
        entity (float): Of an entity that is in no stated quintuple.
    """
    quintuple: float = 0.0
    entity: float = 0.0

    @classmethod
    def of(cls, value: Union[float, 'Thresholds']) -> 'Thresholds':
        r"""One number stands for both.

        Raises:
            ValueError: If one is not in :math:`[0, 1]`.
        """
        both = value if isinstance(value, cls) else cls(value, value)  # type: ignore
        for number in both:
            validated(Share, number, 'threshold')
        return both

    def keep(self, extraction: Extraction) -> Extraction:
        r"""What is stated of all that was found."""
        quintuples = [
            q for q in extraction.quintuples if (q.probability or 0.0) >= self.quintuple
        ]
        ends = {(e.start, e.end) for q in quintuples for e in (q.head, q.tail)}
        entities = [
            e for e in extraction.entities
            if (e.start, e.end) in ends or (e.probability or 0.0) >= self.entity
        ]
        return Extraction(entities, quintuples)
