r"""Detectors of transformers with fixed classes."""
import json
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import torch
from torch import Tensor

from eega_pyg.device import find_device
from eega_pyg.identity import tensors_sha256
from eega_pyg.vision.detectors.detection import Detection
from eega_pyg.vision.detectors.families import (
    Family,
    family_of,
    probabilities,
    query_states,
)
from eega_pyg.vision.images import widened

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedModel

    Labels = Tuple[str, ...]

# Pixels: with three, older versions of transformers take a side for the colours.
_LEAST = 4


class TransformersDetector:
    r"""A detector of transformers: DETR and its relatives, RT-DETR, D-FINE and YOLOS.
    :func:`~eega_pyg.vision.from_transformers` loads one.

    A query of the model is one object, with its likeliest label. Of objects with the
    same label that overlap, the better one is kept, and of those the :math:`k` with the
    highest scores.

    An object's feature vector :obj:`[k, D]` is the state of its query, from which the
    model itself tells class and box:

    ==================================================  ================================
    family                                              feature
    ==================================================  ================================
    DETR, Conditional DETR, Deformable DETR, RT-DETR,   the query behind the decoder's
    RT-DETR v2, D-FINE                                  last layer (``d_model``)
    YOLOS                                               the detection token behind the
                                                        last layer (``hidden_size``)
    ==================================================  ================================

    An image is found the same objects in alone and among others: only images that are
    scaled to the same size share a batch.

    Args:
        model (transformers.PreTrainedModel): The model.
        processor (transformers.ImageProcessingMixin): Scales its images.
        labels (sequence of str, optional): The name of each class; by default those of
            the model's configuration.
        top_k (int, optional): Objects kept of an image. (default: :obj:`10`)
        score_threshold (float, optional): Lower scores are no objects; by default
            0.3, of Grounding DINO 0.25, and of OWL 0.1.
        nms_threshold (float, optional): Of two boxes with one label and a larger
            intersection over union, the better one is kept. (default: :obj:`0.5`)
        batch_size (int, optional): Images in one batch. (default: :obj:`4`)
        device (torch.device or str, optional): Where the model runs; by default on the
            first accelerator, else the CPU.

    Raises:
        ValueError: If a number is out of range, the model is of no known family, or
            there is not a label for each of its classes.
    """
    def __init__(self, model: 'PreTrainedModel', processor: Any,
                 labels: Optional[Sequence[str]] = None, top_k: int = 10,
                 score_threshold: Optional[float] = None, nms_threshold: float = 0.5,
                 batch_size: int = 4,
                 device: Optional[Union[str, torch.device]] = None) -> None:
        if top_k < 1 or batch_size < 1:
            raise ValueError(f"Expected top_k and batch_size >= 1 (got {top_k} and "
                             f"{batch_size})")
        self.family: Family = family_of(type(model).__name__, model.config.model_type)
        self.device = find_device(device)
        self.model = model.to(self.device).eval()  # type: ignore[arg-type]
        self.images = getattr(processor, 'image_processor', processor)
        self.top_k = top_k
        self.score_threshold = (self.family.score
                                if score_threshold is None else score_threshold)
        self.nms_threshold = nms_threshold
        self.batch_size = batch_size
        self.labels = self._checked(labels, processor)

    def _checked(self, labels: Optional[Sequence[str]],
                 processor: Any) -> Optional['Labels']:
        names: Mapping[int, str] = self.model.config.id2label or {}
        if labels is None:
            return tuple(str(names[i]) for i in sorted(names))
        if len(labels) != len(names):
            raise ValueError(f"Expected a label for each of the model's {len(names)} "
                             f"classes (got {len(labels)})")
        return tuple(labels)

    @property
    def reads_text(self) -> bool:
        r"""Whether it wants to be told the text beside an image."""
        return False

    def __call__(self, image: 'Image') -> Detection:
        return self.batch([image])[0]

    def batch(self, images: Sequence['Image']) -> List[Detection]:
        r"""Detects objects in upright RGB pictures, in their order."""
        return self._detect(images, [self.labels or ()] * len(images))

    @torch.no_grad()
    def _detect(self, images: Sequence['Image'],
                labels: Sequence['Labels']) -> List[Detection]:
        r"""Looks for the labels of each image."""
        found: Dict[int, Detection] = {}
        groups: Dict[Any, List[int]] = {}
        inputs = []
        images = [widened(image, _LEAST) for image in images]
        for i, image in enumerate(images):
            inputs.append(dict(self.images(images=[image], return_tensors='pt')))
            shape = tuple(inputs[i]['pixel_values'].shape)
            groups.setdefault((shape, labels[i]), []).append(i)
        for (_, wanted), group in groups.items():
            for start in range(0, len(group), self.batch_size):
                chosen = group[start:start + self.batch_size]
                together = {
                    key: torch.cat([inputs[i][key] for i in chosen]).to(self.device)
                    for key in inputs[chosen[0]]
                }
                sizes = [images[i].size for i in chosen]
                found.update(zip(chosen, self._found(together, sizes, wanted)))
        return [found[i] for i in range(len(images))]

    def _found(self, inputs: Dict[str, Tensor], sizes: List[Tuple[int, int]],
               labels: 'Labels') -> List[Detection]:
        r"""The objects in some images of one size."""
        inputs['pixel_values'] = inputs['pixel_values'].to(self.model.dtype)
        outputs, scores = self._scored(inputs, labels)  # [B, Q, labels]
        boxes, states = outputs.pred_boxes.float(), query_states(self.family, outputs)
        if torch.isnan(scores).any() or not torch.isfinite(boxes).all():
            raise ValueError(f"{self!r} gives boxes or scores that are no numbers: its "
                             f"weights are damaged, or of too little precision")
        return [
            self._kept(box, score, state, size, labels)
            for box, score, state, size in zip(boxes, scores, states.float(), sizes)
        ]

    def _scored(self, inputs: Dict[str, Tensor],
                labels: 'Labels') -> Tuple[Any, Tensor]:
        outputs = self.model(**inputs)
        return outputs, probabilities(self.family, outputs.logits.float())

    def _kept(self, boxes: Tensor, scores: Tensor, states: Tensor,
              size: Tuple[int, int], labels: 'Labels') -> Detection:
        from torchvision.ops import batched_nms, box_convert
        width, height = (max(size), max(size)) if self.family.square else size
        best, label = scores.max(-1)  # [Q]
        likely = (best >= self.score_threshold).nonzero()[:, 0]
        scale = boxes.new_tensor([width, height, width, height])
        boxes = box_convert(boxes[likely], 'cxcywh', 'xyxy') * scale
        kept = batched_nms(boxes, best[likely], label[likely], self.nms_threshold)
        boxes, chosen = boxes[kept[:self.top_k]], likely[kept[:self.top_k]]
        return Detection(boxes.cpu(), [labels[i] for i in label[chosen].tolist()],
                         best[chosen].cpu(), states[chosen].cpu())

    def identity(self) -> List[Any]:
        r"""All that its detections depend on, as plain values."""
        return [
            self.model.config.model_type,
            tensors_sha256(self.model.state_dict()), self.labels, self.top_k,
            self.score_threshold, self.nms_threshold,
            json.loads(self.images.to_json_string())
        ]

    # A model that has run may hold hooks of transformers that cannot be pickled.
    def __getstate__(self) -> Dict[str, Any]:
        weights = {key: value.cpu() for key, value in self.model.state_dict().items()}
        return {
            **self.__dict__, 'model':
            (type(self.model), self.model.config, self.model.dtype, weights)
        }

    def __setstate__(self, state: Dict[str, Any]) -> None:
        kind, config, dtype, weights = state['model']
        model = kind(config).to(dtype)
        model.load_state_dict(weights)
        self.__dict__.update(state, model=model.to(state['device']).eval())

    def __repr__(self) -> str:
        return (f"{self.__class__.__name__}({self.model.config.model_type}, "
                f"top_k={self.top_k})")
