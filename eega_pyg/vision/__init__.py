r"""Images and captions to scene graphs."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.vision.captions.parser import (
        CAPTION_RULES,
        CaptionParser,
        read_captions,
    )
    from eega_pyg.vision.detectors.detection import Detection
    from eega_pyg.vision.detectors.hub import from_transformers
    from eega_pyg.vision.detectors.rcnn import RCNNDetector
    from eega_pyg.vision.detectors.ssdlite import SSDLiteDetector
    from eega_pyg.vision.detectors.transformers_detector import TransformersDetector
    from eega_pyg.vision.detectors.zero_shot import ZeroShotDetector
    from eega_pyg.vision.images import load_image
    from eega_pyg.vision.merge import merge_graphs
    from eega_pyg.vision.predicates.label_embedder import LabelEmbedder
    from eega_pyg.vision.predicates.model import PredicateModel
    from eega_pyg.vision.readers.scene_benchmark import SceneBenchmarkReader
    from eega_pyg.vision.readers.visual_genome import read_visual_genome
    from eega_pyg.vision.scene_parser import SceneParser

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
    'TransformersDetector',
    'ZeroShotDetector',
    'from_transformers',
    'load_image',
    'merge_graphs',
    'read_captions',
    'read_visual_genome',
]

__getattr__, __dir__ = attach(
    __name__, {
        'CAPTION_RULES': 'captions.parser',
        'CaptionParser': 'captions.parser',
        'Detection': 'detectors.detection',
        'LabelEmbedder': 'predicates.label_embedder',
        'PredicateModel': 'predicates.model',
        'RCNNDetector': 'detectors.rcnn',
        'SSDLiteDetector': 'detectors.ssdlite',
        'SceneBenchmarkReader': 'readers.scene_benchmark',
        'SceneParser': 'scene_parser',
        'TransformersDetector': 'detectors.transformers_detector',
        'ZeroShotDetector': 'detectors.zero_shot',
        'from_transformers': 'detectors.hub',
        'load_image': 'images',
        'merge_graphs': 'merge',
        'read_captions': 'captions.parser',
        'read_visual_genome': 'readers.visual_genome',
    })
