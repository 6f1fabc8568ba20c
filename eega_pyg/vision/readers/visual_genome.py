r"""Scene graphs in Visual Genome's form."""
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, Tuple, Union

from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import NotRequired, TypedDict

from eega_pyg.json_yaml import read_json
from eega_pyg.schema import (
    Name,
    Number,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    Text,
    short,
    validated,
)

# Whole numbers in the published file, strings in others.
_Id = Annotated[Name, BeforeValidator(lambda v: str(v) if type(v) is int else v)]


class _Object(TypedDict):
    __pydantic_config__ = ConfigDict(extra='allow')  # type: ignore[misc]
    object_id: _Id
    name: NotRequired[Name]
    names: NotRequired[List[Any]]
    attributes: NotRequired[Optional[List[Text]]]


class _Relationship(TypedDict):
    subject_id: _Id
    predicate: Text
    object_id: _Id


class _Graph(TypedDict):
    image_id: _Id
    objects: List[_Object]
    relationships: List[_Relationship]


class _Box(TypedDict):
    x: Number
    y: Number
    w: Annotated[Number, Field(ge=0)]
    h: Annotated[Number, Field(ge=0)]


class _Size(TypedDict):
    image_id: _Id
    width: Annotated[Number, Field(gt=0)]
    height: Annotated[Number, Field(gt=0)]


def read_visual_genome(
        path: Union[str, Path],
        image_data: Union[str, Path, None] = None) -> Dict[str, SceneGraph]:
    r"""Reads ``scene_graphs.json`` of `"Visual Genome: Connecting Language and Vision
    Using Crowdsourced Dense Image Annotations" <https://arxiv.org/abs/1602.07332>`_: a
    list of ``{"image_id", "objects": [{"object_id", "names" or "name", "x", "y", "w",
    "h", "attributes"}], "relationships": [{"subject_id", "predicate", "object_id"}]}``.

    An object's label is its first name behind its attributes. Boxes are in pixels and
    the size of an image stands in another file: without it, objects have no box.

    Args:
        path (str or Path): ``scene_graphs.json``, read at once (the published one has
            740 MB).
        image_data (str or Path, optional): ``image_data.json``, a list of
            ``{"image_id", "width", "height"}``. (default: :obj:`None`)

    Returns:
        The scene graph of each image, by its ``image_id`` as a string.

    Raises:
        OSError: If a file cannot be opened.
        ValueError: Naming file and field, if anything is not as expected.
    """
    sizes: Dict[str, _Size] = {}
    if image_data is not None:
        for size in validated(List[_Size], read_json(image_data), image_data):
            sizes[size['image_id']] = size
    graphs: Dict[str, SceneGraph] = {}
    for i, value in enumerate(validated(List[Any], read_json(path), path)):
        where = f'{path}: [{i}]'
        item: _Graph = validated(_Graph, value, where)
        image = item['image_id']
        if image in graphs:
            raise ValueError(
                f"{where}: image_id: there are two graphs of {short(image)}")
        graphs[image] = _graph(where, item, sizes.get(image))
    return graphs


def _graph(where: str, item: _Graph, size: Optional[_Size]) -> SceneGraph:
    objects: List[SceneObject] = []
    places: Dict[str, int] = {}
    for i, found in enumerate(item['objects']):
        at = f'{where}: objects[{i}]'
        if found['object_id'] in places:
            raise ValueError(f"{at}.object_id: there are two objects "
                             f"{short(found['object_id'])}")
        places[found['object_id']] = i
        box = None if size is None else _fractions(validated(_Box, found, at), size)
        objects.append(SceneObject(_label(at, found), box=box))
    predicates = []
    for relation in item['relationships']:
        subject, end = (places.get(relation[key])
                        for key in ('subject_id', 'object_id'))
        name = relation['predicate'].strip().lower()
        # In the published file some are empty, and some name an object that is missing.
        if name and subject is not None and end is not None:
            predicates.append(ScenePredicate(subject, name, end))
    return SceneGraph(tuple(objects), tuple(predicates))


def _label(where: str, item: _Object) -> str:
    name = item.get('name') or next(iter(item.get('names', ())), None)
    words = [
        *(item.get('attributes') or ()),
        validated(Name, name, f'{where}.names[0]')
    ]
    return ' '.join(' '.join(words).lower().split())


def _fractions(box: _Box, size: _Size) -> Tuple[float, float, float, float]:
    x1, x2 = (min(1., max(0., v / size['width']))
              for v in (box['x'], box['x'] + box['w']))
    y1, y2 = (min(1., max(0., v / size['height']))
              for v in (box['y'], box['y'] + box['h']))
    return x1, y1, x2, y2
