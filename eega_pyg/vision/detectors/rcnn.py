r"""Mask R-CNN and its relatives as detectors with box-head features."""
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from eega_pyg.device import find_device
from eega_pyg.identity import tensors_sha256
from eega_pyg.vision.detectors.detection import Detection
from eega_pyg.vision.detectors.weights import coco_labels, fill, load_weights, seeded
from eega_pyg.vision.images import to_tensor

if TYPE_CHECKING:
    from PIL.Image import Image
    from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN


class RCNNDetector:
    r"""A two-stage detector of torchvision: Mask R-CNN as in `"Joint Multimodal
    Entity-Relation Extraction Based on Edge-enhanced Graph Alignment Network and
    Word-pair Relation Tagging" <https://arxiv.org/abs/2211.15028>`_ (Eq. 2), or Faster
    R-CNN.

    The :math:`k` objects with the highest scores are kept after a non-maximum
    suppression within each class. An object's feature vector is what the box head says
    about its final box: :obj:`[k, 1024]` for :meth:`mask_rcnn`. Masks are not computed.

    An image is found the same objects in alone and among others: only images that
    are padded to the same size share a batch.

    Args:
        model (torchvision.models.detection.GeneralizedRCNN): The detector.
        labels (sequence of str): The name of each class, the background first.
        top_k (int, optional): Objects kept of an image. (default: :obj:`10`)
        score_threshold (float, optional): Lower scores are no objects.
            (default: :obj:`0.3`)
        nms_threshold (float, optional): Of two boxes of a class with a larger
            intersection over union, the better one is kept. (default: :obj:`0.5`)
        batch_size (int, optional): Images in one batch. (default: :obj:`4`)
        device (torch.device or str, optional): Where the model runs; by default on
            the first accelerator, else the CPU.

    Raises:
        ValueError: If a number is out of range, or :obj:`labels` are not those of the
            model's classes.
    """
    def __init__(self, model: 'GeneralizedRCNN', labels: Sequence[str], top_k: int = 10,
                 score_threshold: float = 0.3, nms_threshold: float = 0.5,
                 batch_size: int = 4,
                 device: Optional[Union[str, torch.device]] = None) -> None:
        if top_k < 1 or batch_size < 1:
            raise ValueError(f"Expected top_k and batch_size >= 1 (got {top_k} and "
                             f"{batch_size})")
        heads = model.roi_heads
        classes = heads.box_predictor.cls_score.out_features
        if len(labels) != classes:
            raise ValueError(f"Expected a label for each of the model's {classes} "
                             f"classes (got {len(labels)})")
        heads.mask_roi_pool = None  # Nobody reads the masks.
        heads.detections_per_img = top_k
        heads.score_thresh = score_threshold
        heads.nms_thresh = nms_threshold
        self.device = find_device(device)
        self.model = model.to(self.device).eval()
        self.labels = tuple(labels)
        self.top_k = top_k
        self.batch_size = batch_size

    @classmethod
    def mask_rcnn(cls, weights: Union[str, Path,
                                      None] = 'COCO_V1', seed: int = 0, top_k: int = 10,
                  score_threshold: float = 0.3, nms_threshold: float = 0.5,
                  batch_size: int = 4, device: Optional[Union[str,
                                                              torch.device]] = None,
                  min_size: int = 800) -> 'RCNNDetector':
        r"""torchvision's ``maskrcnn_resnet50_fpn_v2``, with features of 1,024 numbers.

        Args:
            weights (str or Path, optional): A name of torchvision's weights, which are
                downloaded once; a file (``.safetensors``, or ``.pth`` read without
                unpickling); or :obj:`None` for random numbers. (default:
                :obj:`"COCO_V1"`)
            seed (int, optional): Of the random numbers. (default: :obj:`0`)
            top_k (int, optional): See :class:`RCNNDetector`.
            score_threshold (float, optional): See :class:`RCNNDetector`.
            nms_threshold (float, optional): See :class:`RCNNDetector`.
            batch_size (int, optional): See :class:`RCNNDetector`.
            device (torch.device or str, optional): See :class:`RCNNDetector`.
            min_size (int, optional): Pixels that the shorter side of an image is
                scaled to; the longer one gets five thirds of it at most.
                (default: :obj:`800`)

        Raises:
            OSError: If the weights can be neither found nor downloaded, telling what to
                do; or if the file is not one.
            ValueError: If the weights are those of another network.
        """
        from torchvision.models import detection
        kind = detection.MaskRCNN_ResNet50_FPN_V2_Weights
        # Before the model is built, which takes a second:
        state = load_weights(weights, kind)
        with seeded(seed):
            model = detection.maskrcnn_resnet50_fpn_v2(weights=None,
                                                       weights_backbone=None,
                                                       min_size=min_size,
                                                       max_size=min_size * 5 // 3)
        if state is not None:
            fill(model, state, str(weights))
        return cls(model, coco_labels(kind), top_k, score_threshold, nms_threshold,
                   batch_size, device)

    @property
    def feature_size(self) -> int:
        r"""The size :math:`D` of an object's feature vector."""
        return self.model.roi_heads.box_predictor.cls_score.in_features

    def __call__(self, image: 'Image') -> Detection:
        return self.batch([image])[0]

    @torch.no_grad()
    def batch(self, images: Sequence['Image']) -> List[Detection]:
        r"""Detects objects in upright RGB pictures, in their order."""
        found: Dict[int, Detection] = {}
        groups: Dict[Tuple[int, ...], List[int]] = {}
        scaled = []
        for i, image in enumerate(images):
            scaled.append(self.model.transform([to_tensor(image).to(self.device)])[0])
            groups.setdefault(tuple(scaled[i].tensors.shape), []).append(i)
        for group in groups.values():
            for start in range(0, len(group), self.batch_size):
                chosen = group[start:start + self.batch_size]
                original = [(images[i].height, images[i].width) for i in chosen]
                inputs = torch.cat([scaled[i].tensors for i in chosen])
                sizes = [scaled[i].image_sizes[0] for i in chosen]
                found.update(zip(chosen, self._detect(inputs, sizes, original)))
        return [found[i] for i in range(len(images))]

    def _detect(self, inputs: Tensor, sizes: List[Tuple[int, int]],
                original: List[Tuple[int, int]]) -> List[Detection]:
        from torchvision.models.detection.image_list import ImageList
        model, heads = self.model, self.model.roi_heads
        maps = model.backbone(inputs)
        proposals, _ = model.rpn(ImageList(inputs, sizes), maps)
        results, _ = heads(maps, proposals, sizes)
        boxes = [r['boxes'] for r in results]
        pooled = heads.box_roi_pool(maps, boxes, sizes)  # [sum of k, C, 7, 7]
        if len(pooled):
            features = heads.box_head(pooled)
        else:  # Batch normalisation takes no empty batch.
            features = pooled.new_zeros(0, self.feature_size)
        parts = features.split([len(b) for b in boxes])
        results = model.transform.postprocess(results, sizes, original)
        return [
            Detection(r['boxes'].cpu(), [self.labels[i] for i in r['labels'].tolist()],
                      r['scores'].cpu(), f.cpu()) for r, f in zip(results, parts)
        ]

    def identity(self) -> List[Any]:
        r"""All that its detections depend on, as plain values."""
        heads, transform = self.model.roi_heads, self.model.transform
        return [
            tensors_sha256(self.model.state_dict()), self.labels, self.top_k,
            heads.score_thresh, heads.nms_thresh, transform.min_size, transform.max_size
        ]

    def __repr__(self) -> str:
        return (f"{self.__class__.__name__}({self.model.__class__.__name__}, "
                f"top_k={self.top_k})")
