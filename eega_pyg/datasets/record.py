r"""What the readers of data sets give."""
from dataclasses import dataclass
from typing import Tuple

from eega_pyg.schema import Annotation, Quintuple, Span


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
    """
    words: Tuple[str, ...]
    image_id: str
    quintuples: Tuple[Quintuple, ...]
    text: str
    annotation: Annotation = Annotation()
    parts: Tuple[Span, ...] = ()
    sources: Tuple[int, ...] = ()
