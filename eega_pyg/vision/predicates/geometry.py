r"""Where two boxes are to each other."""
import torch
from torch import Tensor

#: The number of features of a pair of boxes.
GEOMETRY_SIZE = 44

# Boxes are fractions of the image; thinner ones than this have no shape to speak of.
_LEAST = 1e-3
# Ratios of far and tiny boxes are cut here, so that none drowns the rest.
_MOST = 6.


def pair_geometry(subject: Tensor, object: Tensor) -> Tensor:
    r"""Describes pairs of boxes without a unit: a larger copy of the same picture has
    the same features.

    These are the offset of the centres in units of either box and of the box around
    both, its direction and length; the ratios of width, height and area; the overlap in
    each direction, by intersection over union and over either area; each box's
    corners within the box around both; and its place, area and shape in the image.

    Args:
        subject (torch.Tensor): ``(x1, y1, x2, y2)`` as fractions of the image's width
            and height :obj:`[P, 4]`.
        object (torch.Tensor): The same of the object :obj:`[P, 4]`.

    Returns:
        The features :obj:`[P, 44]`, each within :math:`\pm 6`.
    """
    low = torch.minimum(subject[:, :2], object[:, :2])
    high = torch.maximum(subject[:, 2:], object[:, 2:])
    around = (high - low).clamp(min=_LEAST)  # [P, 2]
    size_s = (subject[:, 2:] - subject[:, :2]).clamp(min=_LEAST)
    size_o = (object[:, 2:] - object[:, :2]).clamp(min=_LEAST)
    centre_s = (subject[:, :2] + subject[:, 2:]) / 2
    centre_o = (object[:, :2] + object[:, 2:]) / 2
    offset = centre_o - centre_s
    distance = offset.norm(dim=1, keepdim=True).clamp(min=1e-6)
    # Negative where the boxes are apart:
    shared = (torch.minimum(subject[:, 2:], object[:, 2:]) -
              torch.maximum(subject[:, :2], object[:, :2]))
    both = shared.clamp(min=0).prod(1, keepdim=True)
    area_s, area_o = size_s.prod(1, keepdim=True), size_o.prod(1, keepdim=True)
    features = [
        *(offset / size for size in (size_s, size_o, around)),
        offset / distance,
        distance / around.norm(dim=1, keepdim=True),
        (size_o / size_s).log(),
        (area_o / area_s).log(),
        both / (area_s + area_o - both),
        both / area_s,
        both / area_o,
        *(shared / size for size in (size_s, size_o, around)),
        *((corner - low) / around for box in (subject, object)
          for corner in (box[:, :2], box[:, 2:])),
        area_s.log(),
        area_o.log(),
        around.prod(1, keepdim=True).log(),
        centre_s,
        centre_o,
        (centre_s[:, :1] - 0.5).abs(),
        (centre_o[:, :1] - 0.5).abs(),
        (size_s[:, :1] / size_s[:, 1:]).log(),
        (size_o[:, :1] / size_o[:, 1:]).log(),
        subject[:, 1::2],
        object[:, 1::2],
    ]
    return torch.cat(features, dim=1).clamp(-_MOST, _MOST)
