r"""Small copies of images inside a page."""
import base64
import io
from pathlib import Path
from typing import Dict, Iterable, Union

from eega_pyg.vision.images import ImageSource, load_image

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
    root = Path(folder).resolve(strict=True)
    if not root.is_dir():
        raise NotADirectoryError(f"'{folder}' is no folder")
    found: Dict[str, str] = {}
    size = 0
    for name in names:
        if len(found) == MOST:
            break
        try:
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                continue
            uri = data_uri(path, SIDE)
        except (OSError, ValueError):  # No image, or no name of a file at all.
            continue
        size += len(uri)
        if size > SIZE:
            break
        found[name] = uri
    return found


def data_uri(image: ImageSource, side: int) -> str:
    r"""A copy of an image as a URI that holds it.

    Args:
        image (str, Path or PIL.Image.Image): The image.
        side (int): Pixels of the longer side at most.

    Raises:
        OSError: If the image cannot be read.
    """
    picture = load_image(image)
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=80)
    return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'
