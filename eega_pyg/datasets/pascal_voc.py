r"""Boxes of images, as Pascal VOC's XML."""
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import List, Tuple, Union

from eega_pyg.schema import located, short

#: Larger files are no list of boxes.
MAX_BYTES = 1_000_000
#: No image is that wide or high.
MAX_PIXELS = 1_000_000

NamedBox = Tuple[str, Tuple[float, float, float, float]]


def read_boxes(path: Union[str, Path]) -> List[NamedBox]:
    r"""Reads the objects of an image: for each its name and its box, ``(x1, y1, x2,
    y2)`` as fractions of the image's width and height.

    Args:
        path (str or Path): A file of `"The Pascal Visual Object Classes (VOC)
            Challenge" <https://doi.org/10.1007/s11263-009-0275-4>`_: ``annotation``
            with ``size`` (``width``, ``height``) and, for each ``object``, ``name`` and
            ``bndbox`` (``xmin``, ``ymin``, ``xmax``, ``ymax``) in pixels.

    Raises:
        ValueError: Naming the file and what is wrong or missing.
        OSError: If it cannot be read.
    """
    with located(path):
        with open(path, 'rb') as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f'has more than {MAX_BYTES:,} bytes')
        if b'<!' in content.replace(b'<!--', b''):  # Entities can stand for anything.
            raise ValueError('declarations are not read')
        try:
            root = ElementTree.fromstring(content)
        except (ElementTree.ParseError, ValueError, LookupError) as e:
            raise ValueError(f'not valid XML: {short(str(e))}') from None
        width, height = (_number(root, f'size/{name}') for name in ('width', 'height'))
        if not (0 < width < MAX_PIXELS and 0 < height < MAX_PIXELS):
            raise ValueError(f'size: expected pixels (got {width:g} x {height:g})')
        found = []
        for i, element in enumerate(root.iter('object')):
            with located(f'object {i}'):
                x1, y1, x2, y2 = (_number(element, f'bndbox/{name}')
                                  for name in ('xmin', 'ymin', 'xmax', 'ymax'))
                if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
                    raise ValueError(f'bndbox: [{x1:g}, {y1:g}, {x2:g}, {y2:g}] is no '
                                     f'box within {width:g} x {height:g} pixels')
                name = (element.findtext('name') or '').strip()
                if not name:
                    raise ValueError("missing 'name'")
            found.append((name, (x1 / width, y1 / height, x2 / width, y2 / height)))
        return found


def _number(element: ElementTree.Element, place: str) -> float:
    text = element.findtext(place)
    try:
        return float(text or '')
    except ValueError:
        raise ValueError(f'{place}: expected a number (got {short(text)})') from None
