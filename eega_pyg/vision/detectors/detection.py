r"""What a detector says about an image."""
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from eega_pyg.schema import SceneObject, short

if TYPE_CHECKING:
    from PIL.Image import Image


class Detection(NamedTuple):
    r"""The objects found in one image.

    Args:
        boxes (torch.Tensor): ``(x1, y1, x2, y2)`` in pixels :obj:`[k, 4]`.
        labels (sequence of str): Their labels, :math:`k` of them.
        scores (torch.Tensor): Confidences in ``[0, 1]`` :obj:`[k]`.
        features (torch.Tensor, optional): A feature vector each :obj:`[k, D]`.
    """
    boxes: Tensor
    labels: Sequence[str]
    scores: Tensor
    features: Optional[Tensor] = None


#: Anything that takes an upright RGB picture and gives the four parts of a
#: :class:`Detection`, as one or as a plain tuple.
Detector = Callable[['Image'], Detection]


def scene_objects(detection: Detection, width: int, height: int) -> List[SceneObject]:
    r"""The objects of a scene graph, the highest score first, boxes as fractions.

    Boxes are cut at the border of the image.

    Args:
        detection (Detection): What a detector has given.
        width (int): Width of the image in pixels.
        height (int): Height of the image in pixels.

    Raises:
        ValueError: Naming the part, if the four parts are not as
            :class:`Detection` says.
    """
    try:
        boxes, labels, scores, features = Detection(*detection)
    except TypeError:
        raise ValueError(f"Expected boxes, labels, scores and features from a detector "
                         f"(got a {type(detection).__name__})") from None
    boxes, scores = _tensor('boxes', boxes), _tensor('scores', scores)
    k = len(labels)
    for label in labels:
        if not isinstance(label, str):
            raise ValueError(f"Expected labels as words from a detector (got "
                             f"{short(label)}): give the names of its classes")
    if boxes.numel() == 0:
        boxes = boxes.view(-1, 4)
    if tuple(boxes.shape) != (k, 4) or tuple(scores.shape) != (k, ):
        raise ValueError(
            f"Expected boxes [{k}, 4] and scores [{k}] for {k} labels from "
            f"a detector (got {list(boxes.shape)} and "
            f"{list(scores.shape)})")
    if features is not None:
        features = _tensor('features', features)
        if k == 0 and features.numel() == 0:
            features = features.new_zeros(0, 0)
        if features.dim() != 2 or len(features) != k:
            raise ValueError(f"Expected features [{k}, D] from a detector (got "
                             f"{list(features.shape)})")
    for name, value in (('boxes', boxes), ('scores', scores), ('features', features)):
        if value is not None and not torch.isfinite(value).all():
            raise ValueError(f"Expected finite {name} from a detector")
    if (boxes[:, 2:] < boxes[:, :2] - 1).any():  # But for rounding.
        wrong = boxes[(boxes[:, 2:] < boxes[:, :2] - 1).any(1)][0].tolist()
        raise ValueError(f"Expected boxes (x1, y1, x2, y2) in pixels from a detector "
                         f"(got {wrong}): are these x, y, width and height?")
    size = torch.tensor([width, height, width, height], dtype=torch.float64)
    fractions = (boxes.detach().cpu().double() / size).clamp(0, 1)
    fractions[:, 2:] = torch.maximum(fractions[:, 2:], fractions[:, :2])
    order = scores.argsort(descending=True, stable=True).tolist()
    box_list, score_list = fractions.tolist(), scores.tolist()
    feature_list = None if features is None else features.tolist()
    return [
        SceneObject(labels[i], score_list[i], tuple(box_list[i]),
                    None if feature_list is None else tuple(feature_list[i]))
        for i in order
    ]


def _tensor(name: str, value: Any) -> Tensor:
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"Expected {name} from a detector as a tensor, an array or "
                         f"numbers (got {short(value)})") from None
