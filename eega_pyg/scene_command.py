r"""What ``eega scene`` puts together."""
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Optional

from eega_pyg.schema import SceneGraph
from eega_pyg.vision.caption import CaptionParser
from eega_pyg.vision.scene_run import SceneRun


def scene_run(folder: Path, detector: str, weights: str, top_k: int, score: float,
              device: str, features: bool, draw: bool) -> SceneRun:
    r"""A run with the parsers that the options name; they are loaded when there is
    something to parse.

    Args:
        folder (Path): Where the graphs go.
        detector (str): ``'mask-rcnn'`` or ``'ssdlite'``.
        weights (str): A name of torchvision's weights, a file, or ``'random'``.
        top_k (int): Objects kept of an image.
        score (float): The least score of an object.
        device (str): Where the detector runs.
        features (bool): Whether feature vectors are written.
        draw (bool): Whether graphs are drawn.
    """
    from eega_pyg.device import find_device
    from eega_pyg.vision.predicate_model import weights_fingerprint
    find_device(device)  # Before anything is downloaded.
    settings: Dict[str, Any] = {
        'detector': detector,
        'weights': _content(weights),
        'top_k': top_k,
        'score': score,
        'predicates': weights_fingerprint(),
    }
    drawing = None
    if draw:
        from eega_pyg.visualize.scene import save_scene
        drawing = save_scene
    return SceneRun(folder,
                    lambda: _image_parser(detector, weights, top_k, score, device),
                    _caption_parser, _merged, settings, features, drawing)


def _content(weights: str) -> str:
    from eega_pyg.datasets.download import file_sha256
    return file_sha256(weights) if Path(weights).is_file() else weights


def _image_parser(detector: str, weights: str, top_k: int, score: float,
                  device: str) -> Any:
    from eega_pyg.vision import RCNNDetector, SceneParser, SSDLiteDetector
    source: Optional[str] = None if weights == 'random' else weights
    if detector == 'ssdlite':
        return SceneParser(
            SSDLiteDetector(source, top_k=top_k, score_threshold=score, device=device))
    return SceneParser(
        RCNNDetector.mask_rcnn(source, top_k=top_k, score_threshold=score,
                               device=device))


def _caption_parser() -> CaptionParser:
    from eega_pyg.resolve import load_spacy
    return CaptionParser(load_spacy('en_core_web_sm'))


@lru_cache(maxsize=1)
def _embedder() -> Any:
    from eega_pyg.vision import LabelEmbedder
    return LabelEmbedder()


def _merged(image: SceneGraph, caption: SceneGraph) -> SceneGraph:
    from eega_pyg.vision import merge_graphs
    return merge_graphs(image, caption, _embedder())
