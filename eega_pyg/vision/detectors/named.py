r"""Detectors by the names that the command line takes."""
import importlib.util
import os
from typing import TYPE_CHECKING, Optional, Sequence, Union

from eega_pyg.files import short_reason

if TYPE_CHECKING:
    import torch

    from eega_pyg.vision.detectors.detection import Detector
    from eega_pyg.vision.scene_parser import SceneParser

#: Detectors of torchvision.
BUILT_IN = ('mask-rcnn', 'ssdlite')
_HUB = 'hf:'


def check_name(name: str) -> None:
    r"""Checks whether a name can lead to a detector; loads nothing.

    Raises:
        FileNotFoundError: If a file of one's own is missing.
        ValueError: If it is no name.
    """
    if name in BUILT_IN or name.startswith(_HUB) and len(name) > len(_HUB):
        return
    if not is_own(name):
        raise ValueError(f"There is no detector '{name}': expected "
                         f"{', '.join(BUILT_IN)}, hf:MODEL, hf:FOLDER or "
                         f"FILE.py:FUNCTION")
    if not os.path.isfile(path := name.rpartition(':')[0]):
        raise FileNotFoundError(f"There is no detector '{name}': no file '{path}'")


def is_own(name: str) -> bool:
    r"""Whether a name leads to a function of one's own."""
    return not name.startswith(_HUB) and name.rpartition(':')[0].endswith('.py')


def named_detector(name: str, weights: Optional[str] = 'COCO_V1', top_k: int = 10,
                   score_threshold: Optional[float] = None,
                   labels: Optional[Sequence[str]] = None,
                   device: Optional[Union[str, 'torch.device']] = None) -> 'Detector':
    r"""Loads a detector.

    Args:
        name (str): ``'mask-rcnn'`` or ``'ssdlite'``; ``'hf:'`` and a model or a folder
            of :func:`~eega_pyg.vision.from_transformers`; or a Python file, a colon and
            the name of a function in it, see :class:`~eega_pyg.vision.SceneParser`.
            The file is run.
        weights (str, optional): Of the first two: a name of torchvision's, a file, or
            :obj:`None` for random numbers. (default: :obj:`"COCO_V1"`)
        top_k (int, optional): Of all but the last: objects kept of an image.
            (default: :obj:`10`)
        score_threshold (float, optional): Of all but the last: lower scores are no
            objects; by default 0.3, of zero-shot models less.
        labels (sequence of str, optional): Of a zero-shot model: what is looked for.
        device (torch.device or str, optional): Where it runs.

    Raises:
        OSError: If files are missing, or can be neither found nor downloaded.
        ValueError: If there is no such detector.
    """
    check_name(name)
    if name.startswith(_HUB):
        from eega_pyg.vision.detectors.hub import from_transformers
        return from_transformers(name[len(_HUB):], labels=labels, top_k=top_k,
                                 score_threshold=score_threshold, device=device)
    if labels is not None:
        raise ValueError(f"Labels are given to a zero-shot model (hf:NAME), and "
                         f"'{name}' is none")
    if is_own(name):
        return _own(name)
    if score_threshold is None:
        score_threshold = 0.3
    if name == 'ssdlite':
        from eega_pyg.vision.detectors.ssdlite import SSDLiteDetector
        return SSDLiteDetector(weights, top_k=top_k, score_threshold=score_threshold,
                               device=device)
    from eega_pyg.vision.detectors.rcnn import RCNNDetector
    return RCNNDetector.mask_rcnn(weights, top_k=top_k, score_threshold=score_threshold,
                                  device=device)


def named_parser(name: str,
                 device: Optional[Union[str, 'torch.device']] = None) -> 'SceneParser':
    r"""The parser of images with a detector, see :func:`named_detector`."""
    from eega_pyg.vision.scene_parser import SceneParser
    return SceneParser(named_detector(name, device=device))


def _own(name: str) -> 'Detector':
    path, _, attribute = name.rpartition(':')
    spec = importlib.util.spec_from_file_location('eega_detector', path)
    assert spec is not None and spec.loader is not None  # It ends in '.py'.
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as e:  # Whatever is wrong in it.
        raise ValueError(f"'{path}' cannot be run: {type(e).__name__}: "
                         f"{short_reason(e, 200)}") from e
    detector = getattr(module, attribute, None)
    if not callable(detector):
        raise ValueError(f"'{path}' has no function '{attribute}'")
    return detector
