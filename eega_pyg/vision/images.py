r"""Image files to pictures, whatever state they are in."""
import io
import os
import warnings
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Collection,
    Iterable,
    List,
    Sequence,
    Set,
    Union,
)

from eega_pyg.files import short_reason
from eega_pyg.schema import SceneGraph, short

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    ImageSource = Union[str, Path, Image]
else:
    ImageSource = Union[str, Path, Any]

#: Reads pictures: a scene graph each. See also :func:`parse_images`.
ImageParser = Callable[[Sequence[ImageSource]], List[SceneGraph]]


def parse_images(parser: ImageParser, images: Sequence[ImageSource],
                 texts: Sequence[str]) -> List[SceneGraph]:
    r"""The scene graph of each image. A parser whose attribute ``reads_text`` is true
    is told the text beside each, as a second argument.

    Raises:
        ValueError: If the parser is none, or does not return a scene graph for each
            image.
    """
    if not callable(parser):
        raise ValueError(f"Expected an image parser, e.g. SceneParser() (got "
                         f"{short(parser)})")
    reads_text: bool = getattr(parser, 'reads_text', False)
    told: Callable[..., Any] = parser
    found = told(images, texts) if reads_text else told(images)
    graphs = list(found) if isinstance(found, Iterable) else [found]
    for graph in graphs:
        if not isinstance(graph, SceneGraph):
            raise ValueError(f"Expected scene graphs from the image parser (got "
                             f"{short(graph)}): a detector goes into "
                             f"SceneParser(detector)")
    if len(graphs) != len(images):
        raise ValueError(f"Expected a scene graph of each of {len(images)} images from "
                         f"the image parser (got {len(graphs)})")
    return graphs


#: Larger images are refused before they are decoded: 10,000 x 10,000.
MAX_PIXELS = 100_000_000
#: The formats of photographs. Pillow knows others that it opens by starting another
#: program (EPS) or that hold no picture at all.
FORMATS = ('AVIF', 'BMP', 'GIF', 'JPEG', 'JPEG2000', 'MPO', 'PNG', 'PPM', 'TIFF',
           'WEBP')
# Rows of which a copy in double precision is made at a time.
_ROWS = 64


def image_extensions() -> Set[str]:
    r"""The endings, in lower case, of the files that :func:`load_image` opens here:
    those of :obj:`FORMATS` that this Pillow was built with."""
    from PIL import Image
    known = Image.registered_extensions()
    return {ending for ending, name in known.items() if name in FORMATS}


def load_image(source: ImageSource, max_pixels: int = MAX_PIXELS) -> 'Image':
    r"""Opens an image as an upright RGB picture.

    The first frame of an animation counts; a rotation that a camera has noted (EXIF) is
    applied; what is transparent becomes white; palettes, CMYK, one and 16 bits a
    channel are converted. Only files of :obj:`FORMATS` are opened, whatever their
    ending is.

    Args:
        source (str, Path or PIL.Image.Image): A file, or a picture.
        max_pixels (int, optional): Larger images are refused.
            (default: :obj:`100_000_000`)

    Raises:
        OSError: Naming the file and what is wrong with it, if it is missing, empty,
            no image, cut short, damaged, or larger than :obj:`max_pixels`.
    """
    from PIL import Image
    if isinstance(source, Image.Image):
        return _converted(source, _name(source), max_pixels)
    name = os.fspath(source)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"'{name}': there is no such image file")
    if os.path.getsize(name) == 0:
        raise OSError(f"'{name}': the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with open_picture(name, name, max_pixels) as image:
            return _converted(image, name, max_pixels)


def open_picture(content: Union[str, bytes], name: str,
                 max_pixels: int = MAX_PIXELS) -> 'Image':
    r"""Opens a file, or what a file holds, as a picture that is not decoded yet, so
    that it takes no more memory than the file. :func:`load_image` decodes it.

    Args:
        content (str or bytes): The path, or the content of a file.
        name (str): What an error calls it.
        max_pixels (int, optional): Larger images are refused.
            (default: :obj:`100_000_000`)

    Raises:
        OSError: If it is none of :obj:`FORMATS`, or larger than :obj:`max_pixels`.
    """
    from PIL import Image
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    with warnings.catch_warnings():  # Pillow warns where we raise.
        warnings.simplefilter('ignore')
        try:
            image = Image.open(file, formats=[f for f in FORMATS if f in _readers()])
        except Image.DecompressionBombError:
            raise OSError(f"'{name}': the image has more than {max_pixels:,} "
                          f"pixels") from None
        except Exception:  # Readers of damaged headers raise nearly anything.
            raise OSError(f"'{name}': not an image that can be read (expected "
                          f"{', '.join(FORMATS)})") from None
    try:
        _check_size(image, name, max_pixels)
    except OSError:
        image.close()
        raise
    return image


def _check_size(image: 'Image', name: str, max_pixels: int) -> None:
    if image.width < 1 or image.height < 1:
        raise OSError(f"'{name}': the image has no pixels")
    if image.width * image.height > max_pixels:
        raise OSError(f"'{name}': the image has {image.width:,} x {image.height:,} "
                      f"pixels, more than {max_pixels:,}")


def _converted(image: 'Image', name: str, max_pixels: int) -> 'Image':
    from PIL import Image, ImageOps
    _check_size(image, name, max_pixels)
    try:
        image.seek(0)
        image.load()
        # EXIF is read from the file's own bytes, which may be anything.
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith('I') or image.mode == 'F':
            image = _to_8_bit(image)
        if image.mode in ('RGBA', 'LA', 'PA', 'La',
                          'RGBa') or 'transparency' in (image.info):
            image = image.convert('RGBA')
            white = Image.new('RGB', image.size, 'white')
            white.paste(image, mask=image.getchannel('A'))
            return white
        return image.convert('RGB')
    except Exception as e:  # Decoders of damaged files raise nearly anything.
        raise OSError(f"'{name}': the image is damaged or cut short "
                      f"({short_reason(e, 200)})") from None


def _to_8_bit(image: 'Image') -> 'Image':
    # Pillow's own conversion cuts off whatever is above 255. 32 bits and floating point
    # do not say where white is: it is the next of 1, 255 and 65,535.
    import numpy as np
    from PIL import Image
    values = np.asarray(image)
    blocks = [slice(row, row + _ROWS) for row in range(0, len(values), _ROWS)]
    white = 65535.
    if not image.mode.startswith('I;16'):
        most = max(np.nan_to_num(values[block]).max() for block in blocks)
        white = next(
            (w
             for w in (1., 255., 65535.) if most <= w and (w > 1 or image.mode == 'F')),
            most)
    out = np.empty(values.shape, np.uint8)
    for block in blocks:
        scaled = np.nan_to_num(values[block].astype(np.float64)) / white
        out[block] = (np.clip(scaled, 0, 1) * 255).round()
    return Image.fromarray(out)


def _readers() -> Collection[str]:
    from PIL import Image
    Image.init()
    return Image.OPEN


def _name(image: 'Image') -> str:
    return getattr(image, 'filename', '') or 'image'


def widened(image: 'Image', least: int = 1) -> 'Image':
    r"""A picture of which no side is shorter than a 64th of the other, nor than some
    pixels: it is filled up with black, for a detector's scaling would leave nothing of
    it."""
    from PIL import Image
    least = max(max(image.size) // 64, least)
    if min(image.size) >= least:
        return image
    wider = Image.new('RGB', (max(image.width, least), max(image.height, least)))
    wider.paste(image)
    return wider


def to_tensor(image: 'Image') -> 'Tensor':
    r"""An RGB picture, :func:`widened`, as numbers in ``[0, 1]``
    :obj:`[3, height, width]`."""
    from torchvision.transforms.v2.functional import pil_to_tensor
    return pil_to_tensor(widened(image)).float() / 255
