r"""One text and its image, as an extractor takes them."""
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

from eega_pyg.files import read_lines
from eega_pyg.schema import SceneGraph
from eega_pyg.vision.images import ImageSource

MAX_CHARACTERS = 200_000
MAX_CAPTION = 2_000


@dataclass(frozen=True)
class Item:
    r"""One text and what is seen in its image.

    Args:
        text (str): The text. Where :obj:`words` are given it is their join.
        words (tuple of str, optional): The text's words, taken as they are.
        caption (str, optional): A sentence that says what the image shows.
        scene_graph (SceneGraph, optional): What the image shows; at most one of the
            two.
        image_id (str, optional): A name to find the image by; by default the name of
            the image's file.
        image (path or PIL.Image.Image, optional): The image itself. It is looked at
            only where there is neither a caption nor a scene graph; beside one of them
            it is there for the pages that show it.

    Raises:
        ValueError: If the text is empty, if it is longer than :obj:`MAX_CHARACTERS`
            characters or the caption than :obj:`MAX_CAPTION`, if either holds half of
            a surrogate pair, or if both a caption and a scene graph, or a text and
            other words, are given.
        TypeError: If :obj:`text` or :obj:`caption` is no string or
            :obj:`scene_graph` no :class:`~eega_pyg.schema.SceneGraph`.
    """
    text: str = ''
    words: Optional[Tuple[str, ...]] = None
    caption: Optional[str] = None
    scene_graph: Optional[SceneGraph] = None
    image_id: str = ''
    image: Optional[ImageSource] = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.words is not None:
            if self.text and self.text != ' '.join(self.words):
                raise ValueError("text: there are other words beside it: give one of "
                                 "the two")
            object.__setattr__(self, 'words', tuple(self.words))
            object.__setattr__(self, 'text', ' '.join(self.words))
        for name, value in (('text', self.text), ('caption', self.caption or '')):
            if not isinstance(value, str):
                raise TypeError(f"Expected a string as {name} (got {value!r})")
        if not isinstance(self.scene_graph, (SceneGraph, type(None))):
            raise TypeError(f"Expected a SceneGraph, as SceneGraph.from_dict makes it "
                            f"(got a {type(self.scene_graph).__name__})")
        if not self.text.strip():
            raise ValueError("The text is empty: give at least one word")
        for name in ('text', 'caption', 'image_id'):
            _check_unicode(name, getattr(self, name))
        for name, most in (('text', MAX_CHARACTERS), ('caption', MAX_CAPTION)):
            length = len(getattr(self, name) or '')
            if length > most:
                raise ValueError(f"{name}: has {length} characters, and at most {most} "
                                 f"are read at once: shorten or split it")
        if self.caption is not None and self.scene_graph is not None:
            raise ValueError("Give a caption or a scene graph, not both")
        if self.image is not None and not self.image_id:
            object.__setattr__(self, 'image_id', _file_name(self.image))

    @classmethod
    def from_dict(cls, value: Any) -> 'Item':
        r"""Reads ``{"text" or "words", "caption" or "scene_graph", "image_id",
        "image"}``, the last a path; a :class:`ValueError` names the field."""
        if not isinstance(value, dict):
            raise ValueError(
                f"Expected an object with 'text' or 'words' (got {value!r})")
        known = {'text', 'words', 'caption', 'scene_graph', 'image_id', 'image'}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"Unknown field '{unknown[0]}' (known: "
                             f"{', '.join(sorted(known))})")
        for name in ('text', 'caption', 'image_id', 'image'):
            if name in value and not isinstance(value[name], str):
                raise ValueError(f"{name}: expected a string (got {value[name]!r})")
        words = value.get('words')
        if words is not None:
            if not isinstance(words, list) or not words or not all(
                    isinstance(w, str) and w.strip() for w in words):
                raise ValueError(f"words: expected a list of non-empty strings (got "
                                 f"{words!r})")
        scene_graph = value.get('scene_graph')
        return cls(
            text=value.get('text', ''),
            words=None if words is None else tuple(words),
            caption=value.get('caption'),
            scene_graph=None
            if scene_graph is None else SceneGraph.from_dict(scene_graph),
            image_id=value.get('image_id', ''),
            image=value.get('image') or None,
        )


def read_items(path: Union[str, Path]) -> Dict[int, Item]:
    r"""Reads a file of JSON lines, see :meth:`Item.from_dict`: the item of each line by
    its number. Blank lines are skipped.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: Naming file and line, if one is wrong.
    """
    items = {}
    for number, value in read_lines(path):
        try:
            items[number] = Item.from_dict(value)
        except ValueError as e:
            raise ValueError(f'{path}:{number}: {e}') from None
    return items


def _file_name(image: ImageSource) -> str:
    # Without its folder; empty for a picture that was never a file.
    path = image if isinstance(image,
                               (str, os.PathLike)) else getattr(image, 'filename', '')
    return os.path.basename(os.fspath(path))


def _check_unicode(name: str, value: Optional[str]) -> None:
    try:
        (value or '').encode()
    except UnicodeEncodeError as e:
        raise ValueError(f"{name}: character {e.start} is half of a surrogate pair: "
                         f"decode the source as UTF-8 or UTF-16") from None
