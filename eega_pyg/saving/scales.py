r"""Probabilities made to agree with the share that is right."""
import math
from dataclasses import replace
from typing import List, NamedTuple, Optional

from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

#: How words of posts begin by which these are known: hashtags, mentions, links.
_MARKS = ('#', '@', 'http://', 'https://', 'www.')
_RETWEET = 'RT'
# Probabilities closer to 0 or 1 have odds of this.
_LEAST = 1e-6


def is_post(text: str) -> bool:
    r"""Whether a text has a hashtag, a mention, a link or the mark of a retweet."""
    return any(word.startswith(_MARKS) or word == _RETWEET for word in text.split())


def log_odds(probability: float) -> float:
    r"""The logarithm of :math:`p / (1 - p)`; finite for 0 and 1 too."""
    p = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(p / (1 - p))


class Scale(NamedTuple):
    r"""Turns a probability :math:`p` into another,

    .. math::
        p' = \sigma \left( a \log \frac{p}{1 - p} + b \right)

    (Platt scaling). A greater probability stays greater.

    Args:
        slope (float): :math:`a`, above 0.
        offset (float): :math:`b`.
    """
    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, probability: float) -> float:
        if self == Scale():
            return probability
        return 1 / (1 + math.exp(-self.slope * log_odds(probability) - self.offset))


class Scales(NamedTuple):
    r"""The scales of a saved model, see
    :func:`~eega_pyg.training.calibration.fit_scales`.

    Args:
        entity (Scale): For the probabilities of entities.
        quintuple (Scale): For those of quintuples.
        prose (Scale, optional): For those of quintuples in texts that are no posts:
            that have no hashtag, mention, link or mark of a retweet. By default as
            :obj:`quintuple`.
    """
    entity: Scale = Scale()
    quintuple: Scale = Scale()
    prose: Optional[Scale] = None

    def of_quintuples(self, text: str) -> Scale:
        r"""The scale for the quintuples of a text."""
        return self.quintuple if self.prose is None or is_post(text) else self.prose

    def apply(self, extraction: Extraction, text: str) -> Extraction:
        r"""The same entities and quintuples of a text with scaled probabilities."""
        if self == Scales():
            return extraction
        scale = self.of_quintuples(text)

        def scaled(entity: Entity) -> Entity:
            return replace(entity, probability=self.entity(entity.probability or 0.0))

        quintuples: List[Quintuple] = [
            Quintuple(scaled(q.head), scaled(q.tail), q.relation,
                      scale(q.probability or 0.0)) for q in extraction.quintuples
        ]
        return Extraction([scaled(e) for e in extraction.entities], quintuples)
