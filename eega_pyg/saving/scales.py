r"""Probabilities made to agree with the share that is right."""
import math
import re
from dataclasses import replace
from typing import List, NamedTuple, Optional

from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

# What posts are known by: hashtags, mentions, links and the mark of a retweet.
_MARK = re.compile(r'(?<![\w/&])[#@](?=\w)|(?i:https?://|(?<![\w.])www\.)'
                   r'|(?<!\S)RT(?!\S)')
# Between words, a hashtag's mark may be one of its own. At the beginning of a line of
# another text it makes a heading.
_MARK_OF_WORDS = re.compile(rf'{_MARK.pattern}|(?<!\S)[#@]')
# Probabilities closer to 0 or 1 have odds of this.
_LEAST = 1e-6


def is_post(text: str, of_words: bool = False) -> bool:
    r"""Whether a text has a hashtag, a mention, a link or the mark of a retweet. With
    :obj:`of_words` it is made of words with blanks between them, where ``'# Brexit'``
    is a hashtag."""
    return bool((_MARK_OF_WORDS if of_words else _MARK).search(text))


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

    def of_quintuples(self, post: bool) -> Scale:
        r"""The scale for the quintuples of a text that is a post or none."""
        return self.quintuple if self.prose is None or post else self.prose

    def apply(self, extraction: Extraction, post: bool) -> Extraction:
        r"""The same entities and quintuples of a text, which is a post or none, with
        scaled probabilities."""
        if self == Scales():
            return extraction
        scale = self.of_quintuples(post)

        def scaled(entity: Entity) -> Entity:
            return replace(entity, probability=self.entity(entity.probability or 0.0))

        quintuples: List[Quintuple] = [
            Quintuple(scaled(q.head), scaled(q.tail), q.relation,
                      scale(q.probability or 0.0)) for q in extraction.quintuples
        ]
        return Extraction([scaled(e) for e in extraction.entities], quintuples)
