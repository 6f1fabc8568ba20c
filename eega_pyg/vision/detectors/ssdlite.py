r"""SSDLite as a detector: a small one-stage network for a CPU."""
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Union

import torch

from eega_pyg.device import find_device
from eega_pyg.identity import tensors_sha256
from eega_pyg.vision.detectors.detection import Detection
from eega_pyg.vision.detectors.weights import coco_labels, fill, load_weights, seeded
from eega_pyg.vision.images import to_tensor

if TYPE_CHECKING:
    from PIL.Image import Image


class SSDLiteDetector:
    r"""torchvision's ``ssdlite320_mobilenet_v3_large``, a small one-stage detector.

    It has no box head: an object's feature vector :obj:`[k, 672]` is the mean of the
    finest feature map over its box.

    Args:
        weights (str or Path, optional): A name of torchvision's weights, a file, or
            :obj:`None` for random numbers, see
            :meth:`~eega_pyg.vision.RCNNDetector.mask_rcnn`.
            (default: :obj:`"COCO_V1"`)
        seed (int, optional): Of the random numbers. (default: :obj:`0`)
        top_k (int, optional): Objects kept of an image. (default: :obj:`10`)
        score_threshold (float, optional): Lower scores are no objects.
            (default: :obj:`0.3`)
        nms_threshold (float, optional): Of two boxes of a class with a larger
            intersection over union, the better one is kept. (default: :obj:`0.5`)
        device (torch.device or str, optional): Where the model runs; by default on
            the first accelerator, else the CPU.

    Raises:
        OSError: If the weights can be neither found nor downloaded.
        ValueError: If the weights are those of another network.
    """
    def __init__(self, weights: Union[str, Path,
                                      None] = 'COCO_V1', seed: int = 0, top_k: int = 10,
                 score_threshold: float = 0.3, nms_threshold: float = 0.5,
                 device: Optional[Union[str, torch.device]] = None) -> None:
        from torchvision.models import detection
        kind = detection.SSDLite320_MobileNet_V3_Large_Weights
        state = load_weights(weights, kind)
        with seeded(seed):
            model = detection.ssdlite320_mobilenet_v3_large(
                weights=None, weights_backbone=None, score_thresh=score_threshold,
                nms_thresh=nms_threshold, detections_per_img=top_k)
        if state is not None:
            fill(model, state, str(weights))
        self.device = find_device(device)
        self.model = model.to(self.device).eval()
        self.labels: Sequence[str] = coco_labels(kind)

    @torch.no_grad()
    def __call__(self, image: 'Image') -> Detection:
        from torchvision.ops import roi_align
        maps = []
        hook = self.model.backbone.register_forward_hook(
            lambda module, inputs, output: maps.append(next(iter(output.values()))))
        try:
            result = self.model([to_tensor(image).to(self.device)])[0]
        finally:
            hook.remove()
        finest = maps[0]  # [1, 672, h, w]
        # SSD scales each side on its own, so that boxes are fractions of the map.
        height, width = finest.shape[-2:]
        scale = result['boxes'].new_tensor([
            width / image.width, height / image.height, width / image.width,
            height / image.height
        ])
        features = roi_align(finest, [result['boxes'] * scale], output_size=1)
        return Detection(result['boxes'].cpu(),
                         [self.labels[i] for i in result['labels'].tolist()],
                         result['scores'].cpu(),
                         features.flatten(1).cpu())

    def identity(self) -> List[Any]:
        r"""All that its detections depend on, as plain values."""
        model = self.model
        return [
            tensors_sha256(model.state_dict()), self.labels, model.detections_per_img,
            model.score_thresh, model.nms_thresh
        ]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"
