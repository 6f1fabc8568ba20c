r"""Tweets of GMNER, with all their entities."""
from pathlib import Path
from typing import List, Tuple, Union

from eega_pyg.schema import UNSTATED, Annotation, Entity, TagSet, located, short

from .record import Record

#: The types of GMNER and their names in JMERE.
TYPES = {'PER': 'per', 'LOC': 'loc', 'ORG': 'org', 'OTHER': 'misc'}
_TAGS = {'O', *(f'{mark}-{kind}' for mark in 'BI' for kind in TYPES)}
_IMAGE = 'IMGID:'


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
    records: List[Record] = []
    rows: List[Tuple[str, str]] = []
    image = ''
    with open(path, 'rb') as f:  # Only b'\n' ends a line, no other separator.
        for number, raw in enumerate([*f, b''], 1):
            with located(f'{path}:{number}'):
                line = raw.decode('utf-8-sig' if number == 1 else 'utf-8').rstrip()
                if line and not line.startswith(_IMAGE):
                    rows.append(_row(line))
                    continue
            if rows:
                records.append(_record(rows, image))
                rows, image = [], ''
            if line:
                image = line[len(_IMAGE):].strip()
    if not records:
        raise ValueError(f'{path}: holds no tweet')
    return records


def _row(line: str) -> Tuple[str, str]:
    word, _, tag = line.partition('\t')
    if not tag or not word.strip():
        raise ValueError(f"expected a word and its tag with a tab between them (got "
                         f"{short(line)})")
    if tag not in _TAGS:
        raise ValueError(f"unknown tag {short(tag)} (known: O, and B- and I- before "
                         f"{', '.join(TYPES)})")
    return word, tag


def _record(rows: List[Tuple[str, str]], image: str) -> Record:
    words = tuple(word for word, _ in rows)
    entities: List[Entity] = []
    before = 'O'
    for i, (_, tag) in enumerate(rows):
        mark, _, kind = tag.partition('-')
        start = i
        if mark == 'I' and before[2:] == kind:
            start = entities.pop().start
        if mark != 'O':
            entities.append(Entity(start, i + 1, TYPES[kind]))
        before = tag
    return Record(
        words, image, (), ' '.join(words),
        Annotation(tuple(entities), rest=UNSTATED, tags=frozenset(TYPES.values())))
