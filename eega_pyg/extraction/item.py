r"""One text and its image, as an extractor takes them."""
import os
from dataclasses import field
from typing import Annotated, Any, Dict, Optional, Sequence, Tuple, Union

from pydantic import AfterValidator, Field

from eega_pyg.schema import (
    Name,
    SceneGraph,
    Text,
    record,
    short,
    split_fields,
    validated,
)
from eega_pyg.vision.images import ImageSource

MAX_CHARACTERS = 200_000
MAX_CAPTION = 2_000
#: A longer text is refused. It would be cut into many hundreds of passages, and the
#: caller can as well give each of them as a text.
MAX_WORDS = 20_000


def _image(value: Any) -> Any:
    if isinstance(value, (str, os.PathLike, type(None))) or hasattr(value, 'convert'):
        return value or None
    raise ValueError(f"expected a path or a picture (got {short(value)})")


@record
class Item:
    r"""One text and what is seen in its image.

    Args:
        text (str): The text. Where :obj:`words` are given, it is these words joined by
            blanks.
        words (tuple of str, optional): The words of the text, which are then not cut
            any further.
        caption (str, optional): A sentence that says what the image shows. A blank one
            counts as none.
        scene_graph (SceneGraph, optional): What the image shows. Give a caption or a
            scene graph, not both.
        image_id (str, optional): A name to find the image by. By default it is the name
            of the image's file.
        image (path or PIL.Image.Image, optional): The image itself. The model looks at
            it only if there is neither a caption nor a scene graph; pages show it in
            any case.
        metadata (dict, optional): What else is known of the text, *e.g.*, its number
            and its author. It is passed on to the result and to the graph.

    Raises:
        ValueError: Naming the field, if one has another type; if the text is empty or
            has more than :obj:`MAX_CHARACTERS` characters; if the caption has more than
            :obj:`MAX_CAPTION`; if a string holds half of a surrogate pair; or if both a
            caption and a scene graph, or a text and other words, are given.
    """
    text: Text = ''
    words: Optional[Annotated[Tuple[Name, ...], Field(min_length=1)]] = None
    caption: Optional[Text] = None
    scene_graph: Optional[SceneGraph] = None
    image_id: Text = ''
    image: Annotated[Optional[ImageSource],
                     AfterValidator(_image)] = field(default=None, compare=False)
    metadata: Dict[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.words is not None:
            joined = ' '.join(self.words)
            if self.text not in ('', joined):
                raise ValueError("text: there are other words beside it: give one of "
                                 "the two")
            object.__setattr__(self, 'text', joined)
        if not self.text.strip():
            raise ValueError("The text is empty: give at least one word")
        for name, most in (('text', MAX_CHARACTERS), ('caption', MAX_CAPTION)):
            length = len(getattr(self, name) or '')
            if length > most:
                raise ValueError(f"{name}: has {length} characters, and at most {most} "
                                 f"are read at once: shorten or split it")
        if self.caption is not None and not self.caption.strip():
            object.__setattr__(self, 'caption', None)
        if self.caption is not None and self.scene_graph is not None:
            raise ValueError("Give a caption or a scene graph, not both")
        if self.image is not None and not self.image_id:
            object.__setattr__(self, 'image_id', _file_name(self.image))

    @classmethod
    def from_dict(cls, value: Any) -> 'Item':
        r"""Reads ``{"text" or "words", "caption" or "scene_graph", "image_id" or
        "img_id", "image"}``, the last a path. A field that is ``null`` is absent. All
        other fields become :attr:`metadata`; one whose name is nearly that of a field
        is warned of.

        Raises:
            ValueError: Naming the field, if one is wrong or there is no text.
        """
        if not isinstance(value, dict):
            return validated(Item, value)
        known, metadata = split_fields(value, FIELDS, ('text', 'words'))
        return validated(Item, {**known, 'metadata': metadata})


#: The fields of an item that have a meaning.
FIELDS = tuple(name for name in Item.__annotations__ if name != 'metadata')


def item_of(text: Union[str, Sequence[str]], caption: Optional[str],
            scene_graph: Optional[SceneGraph], image: Optional[ImageSource]) -> Item:
    r"""The item of a text or its words.

    Raises:
        TypeError: If it is something else, *e.g.*, several texts.
        ValueError: As of :class:`Item`.
    """
    if isinstance(text, Item):
        raise TypeError("Expected a text or its words (got an Item): call "
                        "extractor.batch([item])")
    if isinstance(text, str):
        return Item(text, None, caption, scene_graph, image=image)
    if not isinstance(text, Sequence):
        raise TypeError(f"Expected a text or its words (got {short(text)})")
    # A word of a text in two lines, or that is a sentence, is no word.
    if any(isinstance(word, str) and len(word.split()) > 1 for word in text):
        raise TypeError("Expected a text or its words, and there are blanks in these: "
                        "for several texts, call extractor.batch(texts)")
    return Item('', tuple(text), caption, scene_graph, image=image)


def _file_name(image: ImageSource) -> str:
    # Without its folder; empty for a picture that was never a file.
    path = image if isinstance(image,
                               (str, os.PathLike)) else getattr(image, 'filename', '')
    name = os.path.basename(os.fspath(path))
    return os.fsencode(name).decode('utf-8', 'replace')  # No half of a character.
