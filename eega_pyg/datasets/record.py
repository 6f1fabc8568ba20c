r"""What the readers of data sets give."""
from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

from eega_pyg.schema import Annotation, BoxOfSpan, Quintuple, SceneGraph, Span


class Seen(NamedTuple):
    r"""What a text itself says of its image. The first that is there counts, and a
    picture only where no visual source knows the image either.

    Args:
        scene_graph (SceneGraph, optional): What the image shows.
        caption (str, optional): The same in a sentence.
        image (str, optional): The path of the picture.
    """
    scene_graph: Optional[SceneGraph] = None
    caption: str = ''
    image: str = ''


@dataclass(frozen=True)
class Record:
    r"""A sentence with all its quintuples.

    Args:
        words (tuple of str): Its words.
        image_id (str): The name of its image.
        quintuples (tuple of Quintuple): Its quintuples, in the order of the file.
        text (str): The words joined by blanks.
        annotation (Annotation, optional): What is known of it beside its quintuples.
        parts (tuple of tuple, optional): The spans of the sentences from which it was
            joined, see :func:`~eega_pyg.datasets.join_records`.
        boxes (tuple of tuple, optional): Where its entities are seen, each as a span
            and a box; an entity without one is not seen. :obj:`None` where nobody has
            looked.
        seen (Seen, optional): What it says itself of its image.
        sources (tuple of int, optional): The positions of these sentences, if it was
            joined.
    """
    words: Tuple[str, ...]
    image_id: str
    quintuples: Tuple[Quintuple, ...]
    text: str
    annotation: Annotation = Annotation()
    parts: Tuple[Span, ...] = ()
    boxes: Optional[Tuple[BoxOfSpan, ...]] = None
    seen: Seen = Seen()
    sources: Tuple[int, ...] = ()
