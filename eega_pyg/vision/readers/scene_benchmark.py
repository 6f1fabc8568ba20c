r"""What the scene-graph benchmark writes for one's own images."""
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, TypeVar, Union

from typing_extensions import TypedDict

from eega_pyg.json_yaml import read_json
from eega_pyg.schema import (
    Index,
    Name,
    Number,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    Share,
    short,
    validated,
)

Item = TypeVar('Item')


class _Info(TypedDict):
    idx_to_files: List[Name]
    ind_to_classes: List[Name]
    ind_to_predicates: List[Name]


class _Prediction(TypedDict):
    bbox: List[Tuple[Number, Number, Number, Number]]
    bbox_labels: List[Index]
    bbox_scores: List[Share]
    rel_pairs: List[Tuple[Index, Index]]
    rel_labels: List[Index]
    rel_scores: List[Share]


class SceneBenchmarkReader:
    r"""Reads the pair ``custom_prediction.json`` and ``custom_data_info.json`` of
    `Scene-Graph-Benchmark.pytorch
    <https://github.com/KaihuaTang/Scene-Graph-Benchmark.pytorch>`_, with which EEGA's
    visual graphs were made.

    Its boxes are in pixels of the image as it was scaled for the network. The files do
    not say how large that was; it is computed from the images if they are given, and
    otherwise objects have no box.

    Args:
        images (str or Path, optional): The folder of the images.
            (default: :obj:`None`)
        max_objects (int, optional): How many objects of an image are kept: the first
            ones, which have the highest scores. (default: :obj:`80`)
        max_predicates (int, optional): How many predicates between them are kept: the
            first ones. (default: :obj:`100`)
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
        if info is None:
            info = Path(prediction).parent / 'custom_data_info.json'
        names: _Info = validated(_Info, read_json(info), info)
        graphs: Dict[str, SceneGraph] = {}
        predictions = validated(Dict[str, Any], read_json(prediction), prediction)
        for key, item in predictions.items():
            where = f'{prediction}: {short(key)[1:-1]}'
            if not key.isdecimal() or len(key) > 18:
                raise ValueError(f"{where}: expected the index of an image")
            file = _at(where, names['idx_to_files'], int(key))
            # The benchmark may have run under another system than this one.
            name = file.replace('\\', '/').rsplit('/', 1)[-1]
            if not name:
                raise ValueError(f"{where}: {short(file)} is no file name")
            if name in graphs:
                raise ValueError(f"{where}: there are two images named {short(name)}")
            graphs[name] = self._graph(where, validated(_Prediction, item, where),
                                       names, name)
        return graphs

    def _graph(self, where: str, item: _Prediction, names: _Info,
               name: str) -> SceneGraph:
        for keys in (('bbox', 'bbox_labels', 'bbox_scores'), ('rel_pairs', 'rel_labels',
                                                              'rel_scores')):
            sizes = [len(item[k]) for k in keys]
            if len(set(sizes)) > 1:
                raise ValueError(
                    f"{where}: {', '.join(keys)} differ in length {short(sizes)}")
        size = self._frame(name)
        boxes = item['bbox'][:self.max_objects]
        objects = [
            SceneObject(
                _at(f'{where}: bbox_labels[{i}]', names['ind_to_classes'],
                    item['bbox_labels'][i]), item['bbox_scores'][i], size
                and _fractions(box, size)) for i, box in enumerate(boxes)
        ]
        relations: List[ScenePredicate] = []
        for i, (subject, target) in enumerate(item['rel_pairs']):
            if len(relations) == self.max_predicates:
                break
            for end in (subject, target):
                _at(f'{where}: rel_pairs[{i}]', item['bbox'], end)
            if max(subject, target) < len(objects):
                kind = _at(f'{where}: rel_labels[{i}]', names['ind_to_predicates'],
                           item['rel_labels'][i])
                relations.append(
                    ScenePredicate(subject, kind, target, item['rel_scores'][i]))
        return SceneGraph(tuple(objects), tuple(relations))

    def _frame(self, name: str) -> Optional[Tuple[float, float]]:
        # The width and height of an image as the benchmark scaled it.
        if self.images is None:
            return None
        from PIL import Image, UnidentifiedImageError
        path = os.path.join(self.images, name)
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (UnidentifiedImageError, Image.DecompressionBombError, ValueError):
            raise OSError(f"{short(path)}: not an image that can be read") from None
        shorter, longer = sorted((width, height))
        side = self.min_size
        if longer / shorter * side > self.max_size:
            side = round(self.max_size * shorter / longer)
        if width < height:
            return side, int(side * height / width)
        return int(side * width / height), side


def _at(where: str, items: List[Item], index: int) -> Item:
    if index >= len(items):
        raise ValueError(f"{where}: expected an index below {len(items)} (got "
                         f"{short(index)})")
    return items[index]


def _fractions(box: Tuple[float, ...],
               size: Tuple[float, float]) -> Tuple[float, float, float, float]:
    x1, y1, x2, y2 = (min(1., max(0., v / max(1., size[i % 2])))
                      for i, v in enumerate(box))
    return x1, y1, max(x1, x2), max(y1, y2)
