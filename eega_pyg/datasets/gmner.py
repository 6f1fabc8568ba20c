r"""Tweets of GMNER, with all their entities."""
from pathlib import Path
from typing import List, Union

from eega_pyg.formats import conll, word_spans
from eega_pyg.schema import UNSTATED, Annotation, Entity, TagSet

from .record import Record

#: The types of GMNER and their names in JMERE.
TYPES = {'PER': 'per', 'LOC': 'loc', 'ORG': 'org', 'OTHER': 'misc'}


def read_gmner(path: Union[str, Path], tags: TagSet) -> List[Record]:
    r"""Reads tweets of `"Grounded Multimodal Named Entity Recognition on Social Media"
    <https://aclanthology.org/2023.acl-long.508>`_: for each a line ``IMGID:...``, a
    line for each word with its tag (``O``, ``B-PER``, ``I-PER``) after a tab, and a
    blank line.

    All entities are annotated, and no relation: where one holds is left open.

    Args:
        path (str or Path): The file.
        tags (TagSet): Types and relations. The types must contain the names that
            :obj:`TYPES` gives.

    Raises:
        ValueError: Naming the file and the line that is wrong, or the type that is
            missing in :obj:`tags`; or if there is no tweet.
        OSError: If the file cannot be read.
    """
    if missing := sorted(set(TYPES.values()) - set(tags.types)):
        raise ValueError(f"{path}: is annotated with '{missing[0]}', which is not "
                         f"among the types")
    names = frozenset(TYPES.values())
    records = []
    for text in conll.read(Path(path), types=tuple(TYPES)):
        entities = tuple(
            Entity(*span, TYPES[e.type])
            for span, e in zip(word_spans(text), text.entities))
        records.append(
            Record(text.words or (), text.image_id, (), text.text,
                   Annotation(entities, rest=UNSTATED, tags=names)))
    if not records:
        raise ValueError(f'{path}: holds no tweet')
    return records
