r"""Whether the boxes of entities are right."""
from typing import FrozenSet, Mapping, Sequence, Tuple

from eega_pyg.schema import Entity

#: ``(x1, y1, x2, y2)`` as fractions of the image's width and height.
Box = Tuple[float, float, float, float]
Boxes = Mapping[Entity, Sequence[Box]]

#: How far two boxes have to agree, see :func:`elsewhere`.
LEAST = 0.5


def elsewhere(found: Boxes, given: Boxes) -> FrozenSet[Entity]:
    r"""The predicted entities that are given, but not at that place of the image.

    As in `"Grounded Multimodal Named Entity Recognition on Social Media"
    <https://aclanthology.org/2023.acl-long.508>`_, the place is right if

    .. math::
        \max_{b \in B(e)} \frac{|\hat{b} \cap b|}{|\hat{b} \cup b|} \geq 0.5,

    where :math:`\hat{b}` is the predicted box and :math:`B(e)` are all boxes that are
    given of the entity, or if neither side has one. Of several predicted boxes the
    first counts.

    Args:
        found (mapping): The boxes of each predicted entity; none if it is said not to
            be seen.
        given (mapping): The same of the given entities.
    """
    return frozenset(entity for entity, boxes in found.items()
                     if entity in given and not _agree(boxes, given[entity]))


def _agree(found: Sequence[Box], given: Sequence[Box]) -> bool:
    if not found or not given:
        return not found and not given
    return max(iou(found[0], box) for box in given) >= LEAST


def iou(a: Box, b: Box) -> float:
    r"""The area that two boxes share, as a share of the area of both together; 0 for
    boxes without an area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    both = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)) - shared
    return shared / both if both > 0 else 0.0
