r"""The command ``eega scene``."""
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import typer

from .console import err, out, tell
from .options import Detector, Device, Quiet, output

if TYPE_CHECKING:
    from eega_pyg.schema import SceneGraph
    from eega_pyg.vision import SceneParser
    from eega_pyg.vision.captions.parser import CaptionParser
    from eega_pyg.vision.scene_run import SceneRun


def scene(
    sources: List[Path] = typer.Argument(
        ..., metavar='IMAGE|FOLDER|CAPTIONS.jsonl...', show_default=False,
        help='Images, folders of images, and JSON lines with "img_id" and "caption".'),
    folder: Path = output('Folder of the scene graphs, a JSON file each.'),
    detector: Optional[str] = Detector,
    weights: Optional[str] = typer.Option(
        None, show_default=False, help='Weights of mask-rcnn and ssdlite: a name of '
        'torchvision\'s, a file, or "random", whose objects mean nothing '
        '\\[default: COCO_V1].'),
    labels: List[str] = typer.Option(
        [], '--label', show_default=False, help='What a zero-shot detector (hf:MODEL) '
        'looks for; may be repeated \\[default: what the captions of the images name].'
    ),
    top_k: Optional[int] = typer.Option(
        None, min=1, show_default=False, help='The most objects of an image, but for a '
        'function of your own \\[default: 10].'),
    score: Optional[float] = typer.Option(
        None, min=0, max=1, show_default=False, help='The least score of an object, '
        'but for a function of your own \\[default: 0.3, of zero-shot detectors less].'
    ),
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
    run = scene_run(folder, detector or 'mask-rcnn', weights, labels, top_k, score,
                    device, features, draw, spatial)
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


def scene_run(folder: Path, detector: str, weights: Optional[str], labels: List[str],
              top_k: Optional[int], score: Optional[float], device: Optional[str],
              features: bool, draw: bool, spatial: bool = True) -> 'SceneRun':
    r"""A run with the parsers that the options name. Those of captions, and of images
    if they are torchvision's, are loaded only if there is something to parse.

    Args:
        folder (Path): Where the graphs go.
        detector (str): See
            :func:`~eega_pyg.vision.detectors.named.named_detector`.
        weights (str, optional): A name of torchvision's weights, a file, or
            ``'random'``.
        labels (list of str): What a zero-shot detector looks for.
        top_k (int, optional): The most objects of an image that are kept.
        score (float, optional): The least score of an object.
        device (str, optional): Where the detector runs.
        features (bool): Whether feature vectors are written.
        draw (bool): Whether graphs are drawn.
        spatial (bool): Whether purely spatial predicates count.

    Raises:
        ValueError: If an option means nothing to the detector.
    """
    from eega_pyg.vision.detectors.named import BUILT_IN, is_own
    if weights is not None and detector not in BUILT_IN:
        raise ValueError(f"--weights belongs to {' and '.join(BUILT_IN)} (got the "
                         f"detector '{detector}')")
    if is_own(detector) and (top_k, score) != (None, None):
        raise ValueError(f"--top-k and --score mean nothing to a function of your own "
                         f"(got the detector '{detector}')")
    if labels and detector in BUILT_IN:
        raise ValueError(f"--label belongs to a zero-shot detector (got the detector "
                         f"'{detector}')")
    from eega_pyg.device import find_device
    from eega_pyg.vision.predicates.model import weights_fingerprint
    from eega_pyg.vision.scene_run import SceneRun
    place = find_device(device)  # Before anything is downloaded.
    weights = weights or 'COCO_V1'
    top_k = top_k or 10
    settings: Dict[str, Any] = {'detector': detector, 'spatial': spatial}

    @lru_cache(maxsize=1)
    def parser() -> 'SceneParser':
        from eega_pyg.vision import SceneParser
        from eega_pyg.vision.detectors.named import named_detector
        return SceneParser(
            named_detector(detector, None if weights == 'random' else weights, top_k,
                           score, labels or None, place), spatial=spatial)

    if detector in BUILT_IN:
        settings.update(weights=_content(weights), top_k=top_k,
                        score=0.3 if score is None else score)
    else:  # A name may stand for another model some day.
        from eega_pyg.function_identity import function_identity
        from eega_pyg.identity import digest
        settings['weights'] = digest(function_identity(parser().detector))
    settings['predicates'] = weights_fingerprint()
    drawing = None
    if draw:
        from eega_pyg.visualize.scene import save_scene
        drawing = save_scene
    return SceneRun(folder, parser, _caption_parser, _merged, settings, features,
                    drawing, reads_text=detector not in BUILT_IN
                    and parser().reads_text)


def _content(weights: str) -> str:
    from eega_pyg.identity import file_sha256
    return file_sha256(weights) if Path(weights).is_file() else weights


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
