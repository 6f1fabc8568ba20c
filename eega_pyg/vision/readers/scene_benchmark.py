r"""What the scene-graph benchmark writes for one's own images."""
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision.readers.scene_json import (
    expect_dict,
    expect_index,
    expect_list,
    expect_numbers,
    expect_score,
    expect_text,
    read_json,
)

_PARTS = ('bbox', 'bbox_labels', 'bbox_scores', 'rel_pairs', 'rel_labels', 'rel_scores')


class SceneBenchmarkReader:
    r"""Reads the pair ``custom_prediction.json`` and ``custom_data_info.json`` of
    `Scene-Graph-Benchmark.pytorch
    <https://github.com/KaihuaTang/Scene-Graph-Benchmark.pytorch>`_, with which EEGA's
    visual graphs were made.

    Its boxes are in pixels of the image as it was scaled for the network, of which the
    files do not tell the size: it is worked out from the images where they are given,
    and else objects have no box.

    Args:
        images (str or Path, optional): The folder of the images.
            (default: :obj:`None`)
        max_objects (int, optional): Objects kept of an image, the first ones, which
            have the highest scores. (default: :obj:`80`)
        max_predicates (int, optional): Predicates kept between them, the first ones.
            (default: :obj:`100`)
        min_size (int, optional): Pixels that the benchmark scaled the shorter side of
            an image to (``INPUT.MIN_SIZE_TEST``). (default: :obj:`600`)
        max_size (int, optional): Pixels that the longer side had at most
            (``INPUT.MAX_SIZE_TEST``). (default: :obj:`1000`)
    """
    def __init__(self, images: Union[str, Path, None] = None, max_objects: int = 80,
                 max_predicates: int = 100, min_size: int = 600,
                 max_size: int = 1000) -> None:
        self.images = images
        self.max_objects = max_objects
        self.max_predicates = max_predicates
        self.min_size = min_size
        self.max_size = max_size

    def read(self, prediction: Union[str, Path],
             info: Union[str, Path, None] = None) -> Dict[str, SceneGraph]:
        r"""Reads both files.

        Args:
            prediction (str or Path): ``custom_prediction.json``.
            info (str or Path, optional): ``custom_data_info.json``; by default the one
                beside it.

        Returns:
            The scene graph of each image, by the name of its file without folders.

        Raises:
            OSError: If a file cannot be opened.
            ValueError: Naming file and field, if anything is not as expected.
        """
        info = Path(
            prediction).parent / 'custom_data_info.json' if info is None else info
        value = expect_dict(os.fspath(info), read_json(info), 'idx_to_files',
                            'ind_to_classes', 'ind_to_predicates')
        files, classes, predicates = ([
            expect_text(f'{os.fspath(info)}: {key}[{i}]', name)
            for i, name in enumerate(
                expect_list(f'{os.fspath(info)}: {key}', value[key]))
        ] for key in ('idx_to_files', 'ind_to_classes', 'ind_to_predicates'))
        graphs: Dict[str, SceneGraph] = {}
        source = os.fspath(prediction)
        for key, item in expect_dict(source, read_json(prediction)).items():
            where = f'{source}: {key}'
            if not key.isdecimal() or len(key) > 18:
                raise ValueError(f"{where}: expected the index of an image")
            file = files[expect_index(where, int(key), len(files))]
            # The benchmark may have run under another system than this one.
            name = file.replace('\\', '/').rsplit('/', 1)[-1]
            if not name:
                raise ValueError(f"{where}: '{file}' is no file name")
            if name in graphs:
                raise ValueError(f"{where}: there are two images named '{name}'")
            graphs[name] = self._graph(where, item, classes, predicates, name)
        return graphs

    def _graph(self, where: str, item: Any, classes: List[str], predicates: List[str],
               name: str) -> SceneGraph:
        expect_dict(where, item, *_PARTS)
        parts = {k: expect_list(f'{where}: {k}', item[k]) for k in _PARTS}
        for keys in (_PARTS[:3], _PARTS[3:]):
            sizes = [len(parts[k]) for k in keys]
            if len(set(sizes)) > 1:
                raise ValueError(f"{where}: {', '.join(keys)} differ in length {sizes}")
        size = self._frame(name)
        objects = []
        for i in range(min(self.max_objects, len(parts['bbox']))):
            box = expect_numbers(f'{where}: bbox[{i}]', parts['bbox'][i], 4)
            label = classes[expect_index(f'{where}: bbox_labels[{i}]',
                                         parts['bbox_labels'][i], len(classes))]
            score = expect_score(f'{where}: bbox_scores[{i}]', parts['bbox_scores'][i])
            objects.append(SceneObject(label, score, size and _fractions(box, size)))
        relations: List[ScenePredicate] = []
        for i, pair in enumerate(parts['rel_pairs']):
            if len(relations) == self.max_predicates:
                break
            at = f'{where}: rel_pairs[{i}]'
            if len(expect_list(at, pair)) != 2:
                raise ValueError(f"{at}: expected two indices (got {len(pair)})")
            subject, target = (expect_index(at, p, len(parts['bbox'])) for p in pair)
            if max(subject, target) < len(objects):
                kind = predicates[expect_index(f'{where}: rel_labels[{i}]',
                                               parts['rel_labels'][i], len(predicates))]
                score = expect_score(f'{where}: rel_scores[{i}]',
                                     parts['rel_scores'][i])
                relations.append(ScenePredicate(subject, kind, target, score))
        return SceneGraph(tuple(objects), tuple(relations))

    def _frame(self, name: str) -> Optional[Tuple[float, float]]:
        # The size an image had when it was given to the benchmark's network.
        if self.images is None:
            return None
        from PIL import Image, UnidentifiedImageError
        path = os.path.join(self.images, name)
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (UnidentifiedImageError, Image.DecompressionBombError):
            raise OSError(f"'{path}': not an image that can be read") from None
        short, long = sorted((width, height))
        side = self.min_size
        if long / short * side > self.max_size:
            side = round(self.max_size * short / long)
        if width < height:
            return side, int(side * height / width)
        return int(side * width / height), side


def _fractions(box: List[float],
               size: Tuple[float, float]) -> Tuple[float, float, float, float]:
    x1, y1, x2, y2 = (min(1., max(0., v / max(1., size[i % 2])))
                      for i, v in enumerate(box))
    return x1, y1, max(x1, x2), max(y1, y2)
