r"""The command ``eega scene``."""
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import typer

from .console import err, out, tell
from .options import Device, Quiet, output

if TYPE_CHECKING:
    import torch

    from eega_pyg.schema import SceneGraph
    from eega_pyg.vision.captions.parser import CaptionParser
    from eega_pyg.vision.scene_run import SceneRun


class Detector(str, Enum):
    mask_rcnn = 'mask-rcnn'
    ssdlite = 'ssdlite'


def scene(
    sources: List[Path] = typer.Argument(
        ..., metavar='IMAGE|FOLDER|CAPTIONS.jsonl...', show_default=False,
        help='Images, folders of images, and JSON lines with "img_id" and "caption".'),
    folder: Path = output('Folder of the scene graphs, a JSON file each.'),
    detector: Detector = typer.Option(Detector.mask_rcnn, help='The detector.'),
    weights: str = typer.Option(
        'COCO_V1', help='Weights of the detector: a name of torchvision\'s, a file, or '
        '"random", whose objects mean nothing.'),
    top_k: int = typer.Option(10, min=1, help='The most objects of an image.'),
    score: float = typer.Option(0.3, min=0, max=1,
                                help='The least score of an object.'),
    spatial: bool = typer.Option(
        True, '--spatial/--no-spatial', help='Whether predicates count that only tell '
        'where two boxes are to each other, like "behind".'),
    device: Optional[str] = Device,
    features: bool = typer.Option(False, '--features', help='Also write the objects\' '
                                  'feature vectors.'),
    draw: bool = typer.Option(
        False, '--draw', help='Also draw each graph on its image '
        '(needs matplotlib).'),
    quiet: bool = Quiet,
) -> None:
    r"""Turns images and captions into scene graphs.

    Images that a run before has parsed are not parsed again. If an image cannot be
    read, it is reported, the others are parsed, and the exit code is 1.
    """
    run = scene_run(folder, detector.value, weights, top_k, score, device, features,
                    draw, spatial)
    from eega_pyg.files import remove_leftovers
    for place in (folder, folder / 'cache'):
        if place.is_dir():
            remove_leftovers(place)
    if weights == 'random':
        tell('The detector has random weights: its objects mean nothing.')
    from rich.progress import Progress
    with Progress(console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task('Parsing', total=None)
        summary = run.run(
            sources,
            lambda done, total: progress.update(task, completed=done, total=total))
    for name, why in summary.failed.items():
        tell(f'{name}: {why}')
    out.print(
        f'{len(summary.written)} scene graphs in {folder} ({summary.cached} '
        f'from the cache), {len(summary.failed)} failed', markup=False, highlight=False,
        soft_wrap=True)
    if summary.failed:
        raise typer.Exit(1)


def scene_run(folder: Path, detector: str, weights: str, top_k: int, score: float,
              device: Optional[str], features: bool, draw: bool,
              spatial: bool = True) -> 'SceneRun':
    r"""A run with the parsers that the options name. They are loaded only if there is
    something to parse.

    Args:
        folder (Path): Where the graphs go.
        detector (str): ``'mask-rcnn'`` or ``'ssdlite'``.
        weights (str): A name of torchvision's weights, a file, or ``'random'``.
        top_k (int): The most objects of an image that are kept.
        score (float): The least score of an object.
        device (str, optional): Where the detector runs.
        features (bool): Whether feature vectors are written.
        draw (bool): Whether graphs are drawn.
        spatial (bool): Whether purely spatial predicates count.
    """
    from eega_pyg.device import find_device
    from eega_pyg.vision.predicates.model import weights_fingerprint
    from eega_pyg.vision.scene_run import SceneRun
    place = find_device(device)  # Before anything is downloaded.
    settings: Dict[str, Any] = {
        'detector': detector,
        'weights': _content(weights),
        'top_k': top_k,
        'score': score,
        'predicates': weights_fingerprint(),
        'spatial': spatial,
    }
    drawing = None
    if draw:
        from eega_pyg.visualize.scene import save_scene
        drawing = save_scene
    return SceneRun(
        folder, lambda: _image_parser(detector, weights, top_k, score, place, spatial),
        _caption_parser, _merged, settings, features, drawing)


def _content(weights: str) -> str:
    from eega_pyg.identity import file_sha256
    return file_sha256(weights) if Path(weights).is_file() else weights


def _image_parser(detector: str, weights: str, top_k: int, score: float,
                  device: 'torch.device', spatial: bool) -> Any:
    from eega_pyg.vision import RCNNDetector, SceneParser, SSDLiteDetector
    source: Optional[str] = None if weights == 'random' else weights
    if detector == 'ssdlite':
        return SceneParser(
            SSDLiteDetector(source, top_k=top_k, score_threshold=score, device=device),
            spatial=spatial)
    return SceneParser(
        RCNNDetector.mask_rcnn(source, top_k=top_k, score_threshold=score,
                               device=device), spatial=spatial)


def _caption_parser() -> 'CaptionParser':
    from eega_pyg.resolve import load_spacy
    from eega_pyg.vision.captions.parser import CaptionParser
    return CaptionParser(load_spacy('en_core_web_sm'))


@lru_cache(maxsize=1)
def _embedder() -> Any:
    from eega_pyg.vision import LabelEmbedder
    return LabelEmbedder()


def _merged(image: 'SceneGraph', caption: 'SceneGraph') -> 'SceneGraph':
    from eega_pyg.vision import merge_graphs
    return merge_graphs(image, caption, _embedder())
