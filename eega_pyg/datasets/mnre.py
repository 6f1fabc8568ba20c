r"""Reading files of MNRE into sentences."""
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Tuple, Union

from eega_pyg.formats.mnre import check_types, grouped
from eega_pyg.formats.mnre_rows import Row, read_rows
from eega_pyg.schema import (
    SOME_TYPE,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Span,
    TagSet,
)

from .record import Record

#: The version with the texts that JMERE leaves out.
UNRELATED = 'unrelated'
VERSIONS = ('v1', 'merged', UNRELATED)


@dataclass(frozen=True)
class MNRETexts:
    r"""The texts of a folder of files of MNRE.

    Args:
        folder (str): The folder.
        version, tags, mask: See :func:`read_mnre`.
    """
    folder: str
    version: str
    tags: TagSet
    mask: bool = False

    def file(self, split: str) -> str:
        return os.path.join(self.folder, f'mnre_{split}.txt')

    def records(self, split: str, version: Optional[str] = None) -> List[Record]:
        return read_mnre(self.file(split), self.tags, version or self.version,
                         self.mask)

    def related(self, split: str) -> Dict[Tuple[str, ...], bool]:
        found: Dict[Tuple[str, ...], bool] = {}
        for row in read_rows(self.file(split), self.tags):
            stated = row.quintuple is not None
            found[row.words] = found.get(row.words, False) or stated
        return found

    def images(self, split: str) -> List[str]:
        return []

    def identity(self) -> List[Any]:
        return [self.mask]


class MarkedText(NamedTuple):
    r"""A text with all that its lines say about it, ``'None'`` lines included.

    Args:
        words (tuple of str): Its words.
        types (dict): Each span that a line names, and its type, or :obj:`None` where
            no line gives one.
        relations (dict): Each pair of spans that a line names, and the relation from
            the first to the second, or :obj:`None` if there is none.
        image_id (str, optional): The name of its image. (default: :obj:`''`)
    """
    words: Tuple[str, ...]
    types: Dict[Span, Optional[str]]
    relations: Dict[Tuple[Span, Span], Optional[str]]
    image_id: str = ''


def read_mnre(path: Union[str, Path], tags: TagSet, version: str = 'v1',
              mask: bool = False) -> List[Record]:
    r"""Reads a file of `"Multimodal Relation Extraction with Efficient Graph
    Alignment" <https://doi.org/10.1145/3474085.3476968>`_ into sentences.

    A line is a Python literal, one pair of entities of a sentence: ``{'token': [...],
    'h': {'name': ..., 'pos': [start, end]}, 't': {...}, 'img_id': ..., 'relation':
    '/per/org/member_of'}`` with half-open spans, or ``'relation': 'None'``. Blank lines
    are skipped. The form in which JMERE was published is read as well, see
    :func:`~eega_pyg.formats.mnre_rows.read_rows`.

    Args:
        path (str or Path): The file.
        tags (TagSet): The known types and relations.
        version (str, optional): :obj:`"v1"` joins consecutive lines with the same
            words, where a ``'None'`` line ends such a run: this is how JMERE was
            published. :obj:`"merged"` joins all lines with the same image and words.
            :obj:`"unrelated"` gives the texts of which no line states a relation;
            JMERE leaves them out. Their annotation says that the spans of a line are
            entities of some type without a relation between them; all else is left
            open. (default: :obj:`"v1"`)
        mask (bool, optional): If set to :obj:`True`, a sentence leaves open what only
            lines outside of it name: their spans, and their pairs. JMERE counts these
            words as no entities. In its training split they are 650 spans, most of
            them of ``'None'`` lines. (default: :obj:`False`)

    Raises:
        ValueError: Naming file and line, if a line is wrong; if a span has two types in
            one sentence; or if there is no quintuple at all.
    """
    if version not in VERSIONS:
        raise ValueError(f"Expected a version of {', '.join(VERSIONS)} (got "
                         f"'{version}')")
    rows = read_rows(path, tags)
    if version == UNRELATED:
        texts = _unrelated(rows, tags)
        if not texts:
            raise ValueError(f"{path}: a relation is stated of every text, so that no "
                             f"text is left")
        return texts
    groups = grouped(rows, version)
    if not groups:
        raise ValueError(f"{path}: holds no sentence with a relation")
    records = [_record(rows) for rows in groups]
    if not mask:
        return records
    lines: Dict[Hashable, List[Row]] = {}
    for row in rows:
        lines.setdefault((row.image_id, row.words), []).append(row)
    return [
        replace(r, annotation=_masked(r, lines[r.image_id, r.words])) for r in records
    ]


def _masked(record: Record, rows: List[Row]) -> Annotation:
    blocks = [Block(s, s, UNKNOWN) for row in rows for s in row.spans]
    for row in rows:
        if row.quintuple is not None and row.quintuple not in record.quintuples:
            head, tail = row.spans
            blocks += [Block(head, tail, UNKNOWN), Block(tail, head, UNKNOWN)]
    # The record's own are written over them.
    return Annotation(blocks=tuple(dict.fromkeys(blocks)))


def _unrelated(rows: List[Row], tags: TagSet) -> List[Record]:
    related = {row.words for row in rows if row.quintuple is not None}
    texts: Dict[Tuple[Tuple[str, ...], str], List[Row]] = {}
    for row in rows:
        if row.words not in related:
            texts.setdefault((row.words, row.image_id), []).append(row)
    return [
        Record(words, image_id, (), ' '.join(words),
               _pairs_of_none(rows, len(words), tags))
        for (words, image_id), rows in texts.items()
    ]


def _pairs_of_none(rows: List[Row], num_words: int, tags: TagSet) -> Annotation:
    whole = (0, num_words)
    spans: List[Span] = []  # Of overlapping ones the longest.
    for start, end in sorted({s
                              for row in rows
                              for s in row.spans}, key=lambda s: (s[0] - s[1], s)):
        if all(end <= a or z <= start for a, z in spans):
            spans.append((start, end))
    # A word of an entity and one outside of it are not of one entity.
    blocks = [
        b for s in spans for b in (Block(s, whole, UNSTATED), Block(whole, s, UNSTATED))
    ]
    for row in rows:
        head, tail = row.spans
        if head in spans and tail in spans:
            blocks += [Block(head, tail, 0), Block(tail, head, 0)]
    blocks += [Block(s, s, SOME_TYPE) for s in spans]
    return Annotation(blocks=tuple(blocks), rest=UNKNOWN, tags=frozenset(tags.types))


def read_marked_texts(path: Union[str, Path], tags: TagSet) -> List[MarkedText]:
    r"""Reads a file of MNRE, see :func:`read_mnre`, with the lines that state no
    relation. They are two thirds of the file and name entities as well. If several
    lines are about the same pair, the last one counts.

    Args:
        path (str or Path): The file.
        tags (TagSet): The known types and relations.

    Raises:
        ValueError: Naming file and line, if a line is wrong.
    """
    texts: Dict[Hashable, MarkedText] = {}
    for row in read_rows(path, tags):
        text = texts.setdefault((row.image_id, row.words),
                                MarkedText(row.words, {}, {}, row.image_id))
        head, tail = row.spans
        text.relations[head, tail] = None
        for span in row.spans:
            text.types.setdefault(span, None)
        if row.quintuple is not None:
            text.relations[head, tail] = row.quintuple.relation
            text.types[head] = row.quintuple.head.type
            text.types[tail] = row.quintuple.tail.type
    return list(texts.values())


def _record(rows: List[Row]) -> Record:
    check_types(rows)
    quintuples = dict.fromkeys(r.quintuple for r in rows if r.quintuple is not None)
    first = rows[0]
    return Record(first.words, first.image_id, tuple(quintuples), ' '.join(first.words))
