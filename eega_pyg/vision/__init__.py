r"""Images and captions to scene graphs."""
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eega_pyg.vision.caption import CAPTION_RULES, CaptionParser, read_captions
from eega_pyg.vision.images import load_image
from eega_pyg.vision.scene_benchmark import SceneBenchmarkReader
from eega_pyg.vision.visual_genome import read_visual_genome

if TYPE_CHECKING:
    from eega_pyg.vision.detection import Detection
    from eega_pyg.vision.label_embedder import LabelEmbedder
    from eega_pyg.vision.merge import merge_graphs
    from eega_pyg.vision.predicate_model import PredicateModel
    from eega_pyg.vision.rcnn_detector import RCNNDetector
    from eega_pyg.vision.scene_parser import SceneParser
    from eega_pyg.vision.ssdlite_detector import SSDLiteDetector

# Looked up when asked for: whoever reads captions needs neither torch nor torchvision.
_LAZY = {
    'Detection': 'detection',
    'LabelEmbedder': 'label_embedder',
    'PredicateModel': 'predicate_model',
    'RCNNDetector': 'rcnn_detector',
    'SSDLiteDetector': 'ssdlite_detector',
    'SceneParser': 'scene_parser',
    'merge_graphs': 'merge',
}

__all__ = [
    'CAPTION_RULES',
    'CaptionParser',
    'Detection',
    'LabelEmbedder',
    'PredicateModel',
    'RCNNDetector',
    'SSDLiteDetector',
    'SceneBenchmarkReader',
    'SceneParser',
    'load_image',
    'merge_graphs',
    'read_captions',
    'read_visual_genome',
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f'{__name__}.{_LAZY[name]}'), name)
