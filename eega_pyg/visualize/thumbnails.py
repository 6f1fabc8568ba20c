r"""Small copies of images inside a page."""
import base64
import io
import math
from pathlib import Path
from typing import Dict, Iterable, Optional, Tuple, Union

from eega_pyg.vision.images import ImageSource, load_image

Box = Tuple[float, float, float, float]

#: Pixels of the longer side of a small copy, how many there are at most, and how many
#: characters of a page they take together.
SIDE, MOST, SIZE = 160, 300, 4_000_000


def thumbnails(names: Iterable[str], folder: Union[str, Path]) -> Dict[str, str]:
    r"""Small JPEG copies of images, as URIs that hold them.

    What is no image in the folder is left out, and so is all that comes after the first
    :obj:`MOST` images or :obj:`SIZE` characters.

    Args:
        names (iterable of str): The names of the images, the most important first.
        folder (str or Path): Where they are; a name cannot lead out of it.

    Raises:
        OSError: If the folder does not exist.
    """
    found = _copies(((name, None) for name in names), folder)
    return {name: uri for (name, _), uri in found.items()}


def cutouts(places: Iterable[Tuple[str, Box]],
            folder: Union[str, Path]) -> Dict[Tuple[str, Box], str]:
    r"""The same of parts of images, each given by the name of the image and a box,
    ``(x1, y1, x2, y2)`` as fractions of its width and height.

    Args:
        places (iterable of tuple): The parts, the most important first.
        folder (str or Path): As of :func:`thumbnails`.

    Raises:
        OSError: If the folder does not exist.
    """
    found = _copies(places, folder)
    return {(name, box): uri for (name, box), uri in found.items() if box is not None}


def _copies(places: Iterable[Tuple[str, Optional[Box]]],
            folder: Union[str, Path]) -> Dict[Tuple[str, Optional[Box]], str]:
    root = Path(folder).resolve(strict=True)
    if not root.is_dir():
        raise NotADirectoryError(f"'{folder}' is no folder")
    found: Dict[Tuple[str, Optional[Box]], str] = {}
    size = 0
    for name, box in places:
        if len(found) == MOST:
            break
        try:
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                continue
            uri = data_uri(path, SIDE, box)
        except (OSError, ValueError):  # No image, or no name of a file at all.
            continue
        size += len(uri)
        if size > SIZE:
            break
        found[name, box] = uri
    return found


def data_uri(image: ImageSource, side: int, box: Optional[Box] = None) -> str:
    r"""A copy of an image as a URI that holds it.

    Args:
        image (str, Path or PIL.Image.Image): The image.
        side (int): Pixels of the longer side at most.
        box (tuple of float, optional): The part of the image that is copied, as
            fractions of its width and height. (default: :obj:`None`)

    Raises:
        OSError: If the image cannot be read.
    """
    picture = load_image(image)
    if box is not None:
        picture = picture.crop(_pixels(box, *picture.size))
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=80)
    return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'


def _pixels(box: Box, width: int, height: int) -> Tuple[int, int, int, int]:
    # At least one pixel of the image, whatever the box.
    x1 = min(max(int(box[0] * width), 0), width - 1)
    y1 = min(max(int(box[1] * height), 0), height - 1)
    x2 = min(max(math.ceil(box[2] * width), x1 + 1), width)
    y2 = min(max(math.ceil(box[3] * height), y1 + 1), height)
    return x1, y1, x2, y2
