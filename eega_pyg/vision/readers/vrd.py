r"""Annotations of visual relationships and how a predicate model is scored on them."""
import hashlib
from pathlib import Path
from typing import Annotated, Any, Dict, List, NamedTuple, Set, Tuple, Union

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypedDict

from eega_pyg.json_yaml import read_json
from eega_pyg.schema import Index, Name, Number, short, validated

Box = Tuple[float, float, float, float]


class _Thing(TypedDict):
    category: Index
    bbox: Tuple[Number, Number, Number, Number]  # Top, bottom, left and right.


class _Row(TypedDict):
    predicate: Index
    subject: _Thing
    object: _Thing


class _Size(TypedDict):
    width: Annotated[Number, Field(ge=1)]
    height: Annotated[Number, Field(ge=1)]


class AnnotatedImage(NamedTuple):
    r"""The annotations of one image.

    Args:
        name (str): Its file name.
        labels (list of str): The label of each distinct object.
        boxes (list of tuple): The box of each, as fractions ``(x1, y1, x2, y2)``.
        triples (dict): Positions of subject and object -> indices of the predicates
            between them.
    """
    name: str
    labels: List[str]
    boxes: List[Box]
    triples: Dict[Tuple[int, int], Set[int]]

    @property
    def split(self) -> int:
        r"""The first hexadecimal digit of the SHA-1 of the file name."""
        return int(hashlib.sha1(self.name.encode()).hexdigest()[0], 16)


def read_vrd(folder: Union[str, Path]) -> Tuple[List[AnnotatedImage], List[str]]:
    r"""Reads the annotations of `"Visual Relationship Detection with Language Priors"
    <https://arxiv.org/abs/1608.00187>`_: ``annotations_train.json``, ``objects.json``,
    ``predicates.json`` and ``train_image_metadata.json``.

    Args:
        folder (str or Path): The folder of the four files.

    Returns:
        The images that have any triple, and the names of the predicates.

    Raises:
        OSError: If a file cannot be read.
        ValueError: Naming the file and the image, if an annotation is not as expected.
    """
    folder = Path(folder)
    files = [
        folder / f'{name}.json' for name in ('annotations_train', 'objects',
                                             'predicates', 'train_image_metadata')
    ]
    kinds: List[Any] = [Dict[Name, Any], List[Name], List[Name], Dict[Name, _Size]]
    annotations, names, predicates, sizes = (validated(kind, read_json(file), file)
                                             for kind, file in zip(kinds, files))
    images = []
    for name, rows in annotations.items():
        if not rows:
            continue
        where = f'{files[0]}: {short(name)[1:-1]}'
        found: List[_Row] = validated(List[_Row], rows, where)
        if name not in sizes:
            raise ValueError(f"{where}: its size is not in '{files[3].name}'")
        for i, row in enumerate(found):
            _check(f'{where}: [{i}].predicate', row['predicate'], predicates)
            for key in ('subject', 'object'):
                _check(f'{where}: [{i}].{key}.category', row[key]['category'], names)
        images.append(_image(name, found, names, **sizes[name]))
    return images, predicates


def _check(where: str, index: int, names: List[str]) -> None:
    if index >= len(names):
        raise ValueError(f"{where}: expected an index below {len(names)} (got "
                         f"{short(index)})")


def _image(name: str, rows: List[_Row], names: List[str], width: float,
           height: float) -> AnnotatedImage:
    objects: Dict[Tuple[str, Box], int] = {}
    triples: Dict[Tuple[int, int], Set[int]] = {}
    for row in rows:
        ends = []
        for key in ('subject', 'object'):
            top, bottom, left, right = row[key]['bbox']
            box = (left / width, top / height, right / width, bottom / height)
            item = (names[row[key]['category']], box)
            ends.append(objects.setdefault(item, len(objects)))
        triples.setdefault((ends[0], ends[1]), set()).add(row['predicate'])
    return AnnotatedImage(name, [label for label, _ in objects],
                          [box for _, box in objects], triples)


class Recall(NamedTuple):
    r"""The share of the annotated triples that are among the first predictions of their
    image.

    Args:
        total (float): Over all images' distinct (pair, predicate).
        by_predicate (dict): The same of each predicate that occurs.
    """
    total: float
    by_predicate: Dict[int, float]

    @property
    def mean(self) -> float:
        r"""The mean over the predicates that occur, 0 if none does."""
        return sum(self.by_predicate.values()) / max(1, len(self.by_predicate))


def recall(images: List[Dict[Tuple[int, int], Set[int]]], scores: List[Tensor],
           per_pair: int, k: int = 50) -> Recall:
    r"""Recall@\ :math:`k` of predicates between given pairs, micro-averaged.

    Args:
        images (list of dict): The triples of each image, see :class:`AnnotatedImage`.
        scores (list of torch.Tensor): The score of each predicate for each pair of an
            image, in the order of its dict :obj:`[P, C]`.
        per_pair (int): How many predictions of a pair count at most.
        k (int, optional): How many predictions of an image count at most.
            (default: :obj:`50`)
    """
    hits: Dict[int, int] = {}
    found: Dict[int, int] = {}
    for triples, score in zip(images, scores):
        best, names = score.topk(min(per_pair, score.size(1)), dim=1)
        first = best.flatten().topk(min(k, best.numel())).indices
        chosen = {(int(i) // best.size(1), int(names.flatten()[i])) for i in first}
        for row, predicates in enumerate(triples.values()):
            for p in predicates:
                found[p] = found.get(p, 0) + 1
                hits[p] = hits.get(p, 0) + ((row, p) in chosen)
    total = sum(hits.values()) / max(1, sum(found.values()))
    return Recall(total, {p: hits[p] / found[p] for p in sorted(found)})


def split_images(
    images: List[AnnotatedImage]
) -> Tuple[List[AnnotatedImage], List[AnnotatedImage], List[AnnotatedImage]]:
    r"""The images to train on, those to tune on (the SHA-1 of their names begins with 1
    or 2) and those to report on (it begins with 0)."""
    return ([i for i in images
             if i.split > 2], [i for i in images if i.split in (1, 2)],
            [i for i in images if i.split == 0])


def pair_tensors(
        images: List[AnnotatedImage]) -> Tuple[List[str], List[str], Tensor, Tensor]:
    r"""The labels and boxes of all annotated pairs, in the images' order.

    Returns:
        Labels of subjects and objects, and boxes of subjects and objects
        :obj:`[P, 4]`.
    """
    ends = [(image, pair) for image in images for pair in image.triples]
    boxes = [
        torch.tensor([image.boxes[pair[n]] for image, pair in ends]) for n in (0, 1)
    ]
    return ([image.labels[pair[0]] for image, pair in ends],
            [image.labels[pair[1]] for image, pair in ends], boxes[0], boxes[1])
