r"""Images to scene graphs."""
from typing import Any, List, Optional, Sequence, Union

import torch

from eega_pyg.function_identity import function_identity
from eega_pyg.schema import SceneGraph
from eega_pyg.vision.detectors.detection import Detection, Detector, scene_objects
from eega_pyg.vision.images import ImageSource, load_image
from eega_pyg.vision.predicates.model import PredicateModel
from eega_pyg.vision.predicates.ranking import RANKING_RULES

# Images that are held in memory at once.
_WINDOW = 16


class SceneParser:
    r"""A detector and a predicate model: images to scene graphs.

    .. code-block:: python

        graph, = SceneParser()(['photo.jpg'])

    Args:
        detector (callable, optional): An upright RGB picture to boxes, labels, scores
            and features, see :class:`~eega_pyg.vision.Detection`; if it has a method
            ``batch`` that takes several pictures, that is called instead. If its
            attribute ``reads_text`` is true, ``batch`` is also given the texts beside
            the pictures. By default Mask R-CNN with COCO's weights, which torchvision
            downloads once.
        predicates (PredicateModel, optional): By default the one of the package.
        max_predicates (int, optional): Predicates kept of an image. (default:
            :obj:`20`)
        min_score (float, optional): The least score of a predicate.
            (default: :obj:`0.1`)
        spatial (bool, optional): If :obj:`False`, no predicates that only tell where
            two boxes are to each other ("behind", "next to").
            (default: :obj:`True`)
        device (torch.device or str, optional): Where the default detector runs; by
            default on the first accelerator, else the CPU.

    Raises:
        OSError: If the detector's weights cannot be downloaded, telling what to do.
    """
    def __init__(self, detector: Optional[Detector] = None,
                 predicates: Optional[PredicateModel] = None, max_predicates: int = 20,
                 min_score: float = 0.1, spatial: bool = True,
                 device: Optional[Union[str, torch.device]] = None) -> None:
        if detector is None:
            from eega_pyg.vision.detectors.rcnn import RCNNDetector
            detector = RCNNDetector.mask_rcnn(device=device)
        self.detector = detector
        self.predicates = predicates or PredicateModel.pretrained()
        self.max_predicates = max_predicates
        self.min_score = min_score
        self.spatial = spatial

    @property
    def reads_text(self) -> bool:
        r"""Whether the detector wants to be told the text beside an image."""
        return getattr(self.detector, 'reads_text', False)

    def __call__(self, images: Sequence[ImageSource],
                 texts: Optional[Sequence[str]] = None) -> List[SceneGraph]:
        r"""Parses images.

        Args:
            images (sequence): Files or pictures, see
                :func:`~eega_pyg.vision.load_image`.
            texts (sequence of str, optional): The text beside each image. They are read
                only if :attr:`reads_text` is true, and needed then.

        Returns:
            A graph for each: its objects have boxes, and features if the detector gives
            some; an image without objects has an empty one.

        Raises:
            OSError: Naming the file, if an image cannot be read.
            ValueError: If the detector gives something else than it should, or lacks
                texts.
        """
        if isinstance(images, str):
            raise ValueError(f"Expected a sequence of images (got the string "
                             f"'{images}')")
        if self.reads_text and (texts is None or len(texts) != len(images)):
            raise ValueError(
                f"{self.detector!r} looks for what a text beside the image "
                f"names: give a text for each of {len(images)} images (got "
                f"{'none' if texts is None else len(texts)}), or give it "
                f"its labels")
        graphs: List[SceneGraph] = []
        for start in range(0, len(images), _WINDOW):
            pictures = [load_image(i) for i in images[start:start + _WINDOW]]
            beside = texts and texts[start:start + _WINDOW]
            for picture, detection in zip(pictures, self._detect(pictures, beside)):
                objects = scene_objects(detection, picture.width, picture.height)
                graphs.append(
                    self.predicates.relate(SceneGraph(tuple(objects)),
                                           max_predicates=self.max_predicates,
                                           min_score=self.min_score,
                                           spatial=self.spatial))
        return graphs

    def _detect(self, pictures: List[Any],
                texts: Optional[Sequence[str]]) -> List[Detection]:
        batch = getattr(self.detector, 'batch', None)
        if batch is None:
            return [self.detector(p) for p in pictures]
        return batch(pictures, texts) if self.reads_text else batch(pictures)

    def identity(self) -> List[Any]:
        r"""All that its graphs depend on, as plain values; of a detector of one's own
        what :func:`~eega_pyg.function_identity.function_identity` knows."""
        return [
            function_identity(self.detector),
            self.predicates.identity(), self.max_predicates, self.min_score,
            self.spatial, RANKING_RULES
        ]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.detector!r}, {self.predicates!r})"
