r"""Pictures as users give them: paths or Pillow images."""
import base64
import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    import PIL.Image

#: A picture: the path of a file, or a Pillow image.
ImageLike = Union[str, 'os.PathLike[str]', 'PIL.Image.Image']


def open_image(image: ImageLike) -> 'PIL.Image.Image':
    r"""Reads a picture as RGB, the way up that its camera says.

    Args:
        image (path or PIL.Image.Image): The picture.

    Raises:
        OSError: If there is no such file or it is no picture.
        ValueError: If the picture has more pixels than ``PIL.Image.MAX_IMAGE_PIXELS``
            (by default 89 million), which take a gigabyte to work on.
    """
    from PIL import Image, ImageOps
    if not isinstance(image, Image.Image) and not Path(image).is_file():
        raise FileNotFoundError(f"There is no image '{os.fspath(image)}'")
    name = image_name(image) or 'the image'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            opened = image if isinstance(image, Image.Image) else Image.open(image)
            _check_size(name, *opened.size)
            return ImageOps.exif_transpose(opened).convert('RGB')
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as e:
        raise ValueError(f"'{name}' is too large: {e}; scale it down first") from None
    except (OSError, SyntaxError) as e:  # Pillow's PNG reader raises the latter.
        raise OSError(f"'{name}' cannot be read as an image: {e}") from None


def image_name(image: ImageLike) -> str:
    r"""The name of the file, without its folder; empty for an image in memory."""
    path = image if isinstance(image, (str, os.PathLike)) else getattr(
        image, 'filename', '')
    return os.path.basename(os.fspath(path))


def data_uri(image: ImageLike, max_size: int = 900) -> str:
    r"""The picture as a ``data:`` URI for a page that needs no other file: a JPEG of
    at most :obj:`max_size` pixels a side."""
    picture = open_image(image)
    picture.thumbnail((max_size, max_size))
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=85)
    return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'


def _check_size(name: str, width: int, height: int) -> None:
    from PIL import Image
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise ValueError(f"'{name}' is too large: {width} x {height} pixels are more "
                         f"than {limit}; scale it down first")
