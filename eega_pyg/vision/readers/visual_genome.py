r"""Scene graphs in Visual Genome's form."""
import os
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision.readers.scene_json import (
    expect_dict,
    expect_list,
    expect_number,
    expect_text,
    read_json,
    short,
)


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
    sizes = {} if image_data is None else _sizes(image_data)
    source = os.fspath(path)
    graphs: Dict[str, SceneGraph] = {}
    for i, item in enumerate(expect_list(source, read_json(path))):
        where = f'{source}: [{i}]'
        expect_dict(where, item, 'image_id', 'objects', 'relationships')
        image = _identifier(f'{where}.image_id', item['image_id'])
        if image in graphs:
            raise ValueError(f"{where}.image_id: there are two graphs of '{image}'")
        graphs[image] = _graph(where, item, sizes.get(image))
    return graphs


def _graph(where: str, item: dict, size: Optional[Tuple[float, float]]) -> SceneGraph:
    objects, places = [], {}
    for i, value in enumerate(expect_list(f'{where}.objects', item['objects'])):
        at = f'{where}.objects[{i}]'
        expect_dict(at, value, 'object_id')
        identifier = _identifier(f'{at}.object_id', value['object_id'])
        if identifier in places:
            raise ValueError(f"{at}.object_id: there are two objects '{identifier}'")
        places[identifier] = i
        objects.append(SceneObject(_label(at, value), box=_box(at, value, size)))
    predicates = []
    relations = expect_list(f'{where}.relationships', item['relationships'])
    for i, value in enumerate(relations):
        at = f'{where}.relationships[{i}]'
        expect_dict(at, value, 'subject_id', 'predicate', 'object_id')
        ends = []
        for key in ('subject_id', 'object_id'):
            identifier = _identifier(f'{at}.{key}', value[key])
            if identifier not in places:
                raise ValueError(f"{at}.{key}: there is no object '{identifier}'")
            ends.append(places[identifier])
        name = value['predicate']
        if isinstance(name, str) and not name.strip():
            continue  # The published file has some.
        name = expect_text(f'{at}.predicate', name).strip().lower()
        predicates.append(ScenePredicate(ends[0], name, ends[1]))
    return SceneGraph(tuple(objects), tuple(predicates))


def _label(where: str, value: dict) -> str:
    names = expect_list(f'{where}.names',
                        [value['name']] if 'name' in value else value.get('names'))
    if not names:
        raise ValueError(f"{where}.names: expected at least one name")
    name = expect_text(f'{where}.names[0]', names[0])
    attributes = [
        expect_text(f'{where}.attributes[{i}]', a) for i, a in enumerate(
            expect_list(f'{where}.attributes',
                        value.get('attributes') or []))
    ]
    return ' '.join(' '.join([*attributes, name]).lower().split())


def _box(
        where: str, value: dict,
        size: Optional[Tuple[float,
                             float]]) -> Optional[Tuple[float, float, float, float]]:
    if size is None:
        return None
    expect_dict(where, value, 'x', 'y', 'w', 'h')
    x, y, w, h = (expect_number(f'{where}.{k}', value[k]) for k in 'xywh')
    if w < 0 or h < 0:
        raise ValueError(f"{where}: expected w and h >= 0 (got {short([w, h])})")
    x1, x2 = (min(1., max(0., v / size[0])) for v in (x, x + w))
    y1, y2 = (min(1., max(0., v / size[1])) for v in (y, y + h))
    return x1, y1, x2, y2


def _sizes(path: Union[str, Path]) -> Dict[str, Tuple[float, float]]:
    source = os.fspath(path)
    sizes = {}
    for i, item in enumerate(expect_list(source, read_json(path))):
        where = f'{source}: [{i}]'
        expect_dict(where, item, 'image_id', 'width', 'height')
        size = (expect_number(f'{where}.width', item['width']),
                expect_number(f'{where}.height', item['height']))
        if min(size) <= 0:
            raise ValueError(f"{where}: expected a width and height above 0 "
                             f"(got {short(list(size))})")
        sizes[_identifier(f'{where}.image_id', item['image_id'])] = size
    return sizes


def _identifier(where: str, value: Any) -> str:
    if type(value) is int:
        try:
            return str(value)
        except ValueError:  # Too many digits.
            pass
    return expect_text(where, value)
