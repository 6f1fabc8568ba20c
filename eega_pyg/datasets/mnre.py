r"""Reading files of MNRE into sentences."""
import ast
from dataclasses import replace
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Dict,
    Hashable,
    List,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

from pydantic import Field, Strict
from typing_extensions import TypedDict

from eega_pyg.schema import (
    SOME_TYPE,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    Name,
    Quintuple,
    Span,
    TagSet,
    Text,
    short,
    validated,
)

from .record import Record

#: The version with the texts that JMERE leaves out.
UNRELATED = 'unrelated'
VERSIONS = ('v1', 'merged', UNRELATED)

# A line of MNRE has less than 2,000 bytes. Longer ones are refused because Python's
# reader of literals needs a multiple of a line's size in memory.
_MAX_BYTES = 100_000


class MarkedText(NamedTuple):
    r"""A text with all that its lines say about it, ``'None'`` lines included.

    Args:
        words (tuple of str): Its words.
        types (dict): Each span that a line names, and its type, or :obj:`None` where
            no line gives one.
        relations (dict): Each pair of spans that a line names, and the relation from
            the first to the second, or :obj:`None` if there is none.
    """
    words: Tuple[str, ...]
    types: Dict[Span, Optional[str]]
    relations: Dict[Tuple[Span, Span], Optional[str]]


class _Side(TypedDict):
    name: Annotated[str, Strict()]
    pos: Tuple[Annotated[int, Strict()], Annotated[int, Strict()]]


class _Line(TypedDict):
    token: Annotated[List[Name], Field(min_length=1)]
    h: _Side
    t: _Side
    img_id: Text
    relation: Text


class _Row(NamedTuple):
    where: str
    words: Tuple[str, ...]
    image_id: str
    spans: Tuple[Span, Span]
    quintuple: Optional[Quintuple]


def read_mnre(path: Union[str, Path], tags: TagSet, version: str = 'v1',
              mask: bool = False) -> List[Record]:
    r"""Reads a file of `"Multimodal Relation Extraction with Efficient Graph
    Alignment" <https://doi.org/10.1145/3474085.3476968>`_ into sentences.

    A line is a Python literal, one pair of entities of a sentence: ``{'token': [...],
    'h': {'name': ..., 'pos': [start, end]}, 't': {...}, 'img_id': ..., 'relation':
    '/per/org/member_of'}`` with half-open spans, or ``'relation': 'None'``. Blank lines
    are skipped.

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
    rows = _rows(path, tags)
    if version == UNRELATED:
        texts = _unrelated(rows, tags)
        if not texts:
            raise ValueError(f"{path}: a relation is stated of every text, so that no "
                             f"text is left")
        return texts
    groups: Dict[Hashable, List[_Row]] = {}
    run, previous = 0, None
    for row in rows:
        if row.quintuple is None or row.words != previous:
            run += 1
        previous = row.words
        if row.quintuple is not None:
            key = run if version == 'v1' else (row.image_id, row.words)
            groups.setdefault(key, []).append(row)
    if not groups:
        raise ValueError(f"{path}: holds no sentence with a relation")
    records = [_record(rows) for rows in groups.values()]
    if not mask:
        return records
    lines: Dict[Hashable, List[_Row]] = {}
    for row in rows:
        lines.setdefault((row.image_id, row.words), []).append(row)
    return [
        replace(r, annotation=_masked(r, lines[r.image_id, r.words])) for r in records
    ]


def _masked(record: Record, rows: List[_Row]) -> Annotation:
    blocks = [Block(s, s, UNKNOWN) for row in rows for s in row.spans]
    for row in rows:
        if row.quintuple is not None and row.quintuple not in record.quintuples:
            head, tail = row.spans
            blocks += [Block(head, tail, UNKNOWN), Block(tail, head, UNKNOWN)]
    # The record's own are written over them.
    return Annotation(blocks=tuple(dict.fromkeys(blocks)))


def _unrelated(rows: List[_Row], tags: TagSet) -> List[Record]:
    related = {row.words for row in rows if row.quintuple is not None}
    texts: Dict[Tuple[Tuple[str, ...], str], List[_Row]] = {}
    for row in rows:
        if row.words not in related:
            texts.setdefault((row.words, row.image_id), []).append(row)
    return [
        Record(words, image_id, (), ' '.join(words),
               _pairs_of_none(rows, len(words), tags))
        for (words, image_id), rows in texts.items()
    ]


def _pairs_of_none(rows: List[_Row], num_words: int, tags: TagSet) -> Annotation:
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
    for row in _rows(path, tags):
        text = texts.setdefault((row.image_id, row.words),
                                MarkedText(row.words, {}, {}))
        head, tail = row.spans
        text.relations[head, tail] = None
        for span in row.spans:
            text.types.setdefault(span, None)
        if row.quintuple is not None:
            text.relations[head, tail] = row.quintuple.relation
            text.types[head] = row.quintuple.head.type
            text.types[tail] = row.quintuple.tail.type
    return list(texts.values())


def _record(rows: List[_Row]) -> Record:
    types: Dict[Span, str] = {}
    quintuples: Dict[Quintuple, None] = {}  # In order, each once.
    for row in rows:
        assert row.quintuple is not None
        for entity in (row.quintuple.head, row.quintuple.tail):
            known = types.setdefault(entity.span, entity.type)
            if known != entity.type:
                name = ' '.join(row.words[entity.start:entity.end])
                raise ValueError(f"{row.where}: '{name}' is '{entity.type}' here and "
                                 f"'{known}' in another line of the sentence")
        quintuples[row.quintuple] = None
    first = rows[0]
    return Record(first.words, first.image_id, tuple(quintuples), ' '.join(first.words))


def _rows(path: Union[str, Path], tags: TagSet) -> List[_Row]:
    rows = []
    with open(path, 'rb') as f:  # Only b'\n' ends a line, no other separator.
        for number, line in enumerate(f, 1):
            where = f'{path}:{number}'
            if len(line) > _MAX_BYTES:
                raise ValueError(f"{where}: the line is longer than {_MAX_BYTES:,} "
                                 f"bytes")
            try:
                text = line.decode('utf-8-sig' if number == 1 else 'utf-8').strip()
            except UnicodeDecodeError as e:
                raise ValueError(f"{where}: not valid UTF-8: {e}") from None
            if text:
                rows.append(
                    _row(where, validated(_Line, _literal(where, text), where), tags))
    return rows


def _literal(where: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as e:
        reason = str(e).splitlines()[0] if str(e) else 'nested too deeply'
        raise ValueError(f"{where}: not a Python literal: {reason[:200]}") from None


def _row(where: str, value: _Line, tags: TagSet) -> _Row:
    words = tuple(value['token'])
    head, tail = spans = (_span(f'{where}: h', value['h'],
                                words), _span(f'{where}: t', value['t'], words))
    relation = value['relation']
    if relation == 'None':
        return _Row(where, words, value['img_id'], spans, None)
    parts = relation.split('/')
    if len(parts) != 4 or parts[0]:
        raise ValueError(f"{where}: relation: expected '/type/type/relation' or 'None' "
                         f"(got {short(relation)})")
    _, head_type, tail_type, name = parts
    for kind, part, known in (('type', head_type, tags.types),
                              ('type', tail_type, tags.types), ('relation', name,
                                                                tags.relations)):
        if part not in known:
            raise ValueError(f"{where}: unknown {kind} {short(part)} (known: "
                             f"{', '.join(known)})")
    return _Row(where, words, value['img_id'], spans,
                Quintuple(Entity(*head, head_type), Entity(*tail, tail_type), name))


def _span(where: str, value: _Side, words: Tuple[str, ...]) -> Span:
    start, end = value['pos']
    if not 0 <= start < end <= len(words):
        raise ValueError(f"{where}: the span [{short(start)}, {short(end)}) is not "
                         f"inside the sentence of {len(words)} words")
    text = ' '.join(words[start:end])
    if text != value['name']:
        raise ValueError(f"{where}: the words [{start}, {end}) are {short(text)}, not "
                         f"{short(value['name'])}")
    return start, end
