r"""Files and folders of texts, in the forms that people have them in."""
import json
import sys
import warnings
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Sequence,
    Tuple,
    Union,
)

from eega_pyg.extraction.item import Item
from eega_pyg.extraction.table_files import decoded, has_header, read_table
from eega_pyg.files import short_reason
from eega_pyg.json_yaml import parse_json, read_lines
from eega_pyg.schema import located, short

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

#: The standard input, as a path.
STANDARD_INPUT = '-'

#: Where a text stands, and the text or the fields of an item.
Record = Tuple[str, Any]
#: What may be a text of a ``.txt``.
UNITS = ('line', 'paragraph', 'document')


def read_items(path: Union[str, Path], sample_by: str = 'line') -> Dict[str, Item]:
    r"""Reads texts, with what is known of them and their images.

    ================= ================================================================
    ``.txt``          a text a line, or as :obj:`sample_by` says
    ``.csv``,         a text a row, in the column ``text``; columns that are called like
    ``.tsv``          fields of ``Item.from_dict`` are those; ``words`` may stand in its
                      place, with blanks between them
    ``.jsonl``        an object a line, as ``Item.from_dict`` reads it, or a string
    ``.json``         a list of these
    ``.parquet``      a row a text, as an object of ``.jsonl``, where a column that is
                      empty is absent (needs pyarrow)
    a folder          the files in it that have one of these endings, in the order of
                      their names; ``file`` in the metadata says which
    ``-``, no ending  as the content looks: JSON, a table if its first line has several
                      columns and ``text`` among them, or a text a line; with another
                      :obj:`sample_by`, as ``.txt``
    ================= ================================================================

    Files are in UTF-8. Blank lines are skipped, and every other field or column becomes
    metadata of its text.

    Args:
        path (str or Path): The file or the folder; ``-`` is the standard input.
        sample_by (str, optional): What is a text of a ``.txt``: a :obj:`"line"`, a
            :obj:`"paragraph"` (between blank lines), or all of it, a
            :obj:`"document"`. (default: :obj:`"line"`)

    Returns:
        dict: Each item by the place where it stands, ``'texts.csv:3'``.

    Raises:
        OSError: If it cannot be opened.
        ValueError: Naming file, line and field, if one is wrong, or if there is no text
            at all; or as :func:`check_unit`.
    """
    return items_of([Path(path)], sample_by)


def items_of(paths: Sequence[Path], sample_by: str = 'line') -> Dict[str, Item]:
    r"""The items of several files and folders, as :func:`read_items` reads each; only
    :obj:`sample_by` is of all of them."""
    check_unit(paths, sample_by)
    items: Dict[str, Item] = {}
    for path in paths:
        found = {
            place: as_item(value, place)
            for place, value in read_records(path, sample_by)
        }
        if not found:
            raise ValueError(f"'{path}' holds no text")
        items.update(found)
    return items


def as_item(value: Any, place: str) -> Item:
    r"""The item of a record: a text, or the fields of :meth:`Item.from_dict
    <eega_pyg.extraction.item.Item.from_dict>`. A :class:`ValueError` names its
    place."""
    with located(place):
        if isinstance(value, dict) and {'text', 'entities', 'quintuples'
                                        } <= value.keys():
            raise ValueError("is a result already, not a text: 'eega graph' reads it")
        return Item(value) if isinstance(value, str) else Item.from_dict(value)


def read_records(path: Path, sample_by: str = 'line') -> Iterator[Record]:
    r"""The place and the content of each record that :func:`read_items` makes an item
    of; :obj:`sample_by` is of plain text alone."""
    if str(path) == STANDARD_INPUT:
        yield from _by_content(sys.stdin.buffer.read(), 'standard input', sample_by)
    elif path.is_dir():
        files = _files_of(path)
        if others := left_out(path, files):
            warnings.warn(f"'{path}' also holds {others}, which is left out")
        if not files:
            raise ValueError(f"The folder '{path}' holds no text: expected files that "
                             f"end in {', '.join(ENDINGS)}")
        for file in files:
            for place, value in read_records(file, sample_by):
                if isinstance(value, str):
                    value = {'text': value}
                yield place, {
                    'file': file.name,
                    **value
                } if isinstance(value, dict) else value
    else:
        suffix = path.suffix.lower()
        if suffix and suffix not in ENDINGS:
            raise ValueError(f"'{path}' ends in no known format: expected "
                             f"{', '.join(ENDINGS)}, or a folder of such files")
        if suffix == '.parquet':
            yield from _parquet(path)
        elif suffix in ('.jsonl', '.ndjson') and _has_lines(path):
            # One by one, because there may be more of them than fit into memory.
            for number, value in read_lines(path):
                yield f'{path}:{number}', value
        elif suffix in READERS:
            yield from READERS[suffix](path.read_bytes(), str(path))
        else:
            read = _texts if suffix == '.txt' else _by_content
            yield from read(path.read_bytes(), str(path), sample_by)


def _files_of(folder: Path) -> List[Path]:
    return sorted(
        p for p in folder.iterdir()
        if p.suffix.lower() in ENDINGS and p.is_file() and not p.name.startswith('.'))


def left_out(folder: Path, read: Sequence[Path]) -> str:
    r"""Some names of files in a folder that look like texts and are not read."""
    names = {path.name for path in read}
    others = sorted(
        p.name for p in folder.iterdir()
        if p.name not in names and p.name[0] not in '._' and p.is_file() and any(
            suffix.lower() in ENDINGS for suffix in p.suffixes))
    more = f' and {len(others) - 3} more' if len(others) > 3 else ''
    return ', '.join(map(short, others[:3])) + more


def check_unit(paths: Sequence[Path], sample_by: str) -> None:
    r"""Checks what a text of plain files is to be.

    Raises:
        ValueError: If it is unknown, or if it is no line and no file is plain text.
    """
    if sample_by not in UNITS:
        raise ValueError(f"sample_by: expected one of {', '.join(UNITS)} (got "
                         f"{short(sample_by)})")
    if sample_by == 'line':
        return
    for path in paths:
        files = _files_of(path) if path.is_dir() else [path]
        if any(file.suffix.lower() not in STRUCTURED for file in files):
            return
    raise ValueError(f"sample_by={sample_by!r} is of plain text (.txt): '{paths[0]}' "
                     f"says itself what a text is")


def _has_lines(path: Path) -> bool:
    r"""Whether the first line of a file is JSON, but no list of all there is."""
    with path.open('rb') as file:
        first = next((line for line in file if line.strip()), b'')
    try:
        return not isinstance(parse_json(first), list)
    except ValueError:
        return False


@contextmanager
def parquet_file(path: Path) -> Iterator['ParquetFile']:
    r"""Opens a Parquet file; a :class:`ValueError` of the block says that it is
    none."""
    from eega_pyg.resolve import require
    require('pyarrow', 'parquet')
    import pyarrow
    from pyarrow import parquet
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except pyarrow.ArrowException as e:
        raise ValueError(f'{path}: is no Parquet file, or is damaged '
                         f'({short_reason(e)})') from None


def _parquet(path: Path) -> Iterator[Record]:
    r"""The rows of a file, some at a time."""
    number = 0
    with parquet_file(path) as file:
        for batch in file.iter_batches(1024):
            for row in batch.to_pylist():
                number += 1
                yield f'{path}:{number}', row_of_parquet(row, f'{path}:{number}')


def row_of_parquet(row: Dict[str, Any], where: object = '') -> Dict[str, Any]:
    r"""The fields of a row. All rows of a file have the same columns, so those that
    hold nothing are absent; and metadata, of which each row may have other fields, are
    written as JSON, or are a text as any other column."""
    value = filled(row)
    if isinstance(value.get('metadata'), str):
        with suppress(ValueError):
            metadata = parse_json(value['metadata'])
            if isinstance(metadata, dict):
                value['metadata'] = metadata
    return value


def filled(value: Any) -> Any:
    r"""A value of a table without what is null in it; arrays become lists."""
    if hasattr(value, 'tolist'):
        value = value.tolist()
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items() if v is not None}
    return [filled(v) for v in value] if isinstance(value, list) else value


def _texts(content: bytes, where: str, sample_by: str) -> Iterator[Record]:
    text = decoded(content, where)
    if sample_by == 'document':
        if text.strip():
            yield where, text.strip()
        return
    lines = [(n, line.strip()) for n, line in enumerate(text.split('\n'), 1)]
    if sample_by == 'line':
        yield from ((f'{where}:{n}', line) for n, line in lines if line)
        return
    for is_text, group in groupby(lines, lambda line: bool(line[1])):
        if is_text:
            numbers, parts = zip(*group)
            yield f'{where}:{numbers[0]}', '\n'.join(parts)


def _json(content: bytes, where: str) -> Iterator[Record]:
    text = content.lstrip(b'\xef\xbb\xbf \t\r\n')
    if text.startswith(b'['):
        for i, value in enumerate(parse_json(text, where)):
            yield f'{where}[{i}]', value
        return
    try:  # One object may be spread over lines.
        values = [(f'{where}:1', json.loads(text))]
    except (ValueError, RecursionError):
        yield from _json_lines(content, where)
    else:
        yield from values


def _json_lines(content: bytes, where: str) -> Iterator[Record]:
    for number, line in enumerate(content.split(b'\n'), 1):
        if line.strip():
            place = f'{where}:{number}'
            yield place, parse_json(line, place)


def _by_content(content: bytes, where: str, sample_by: str) -> Iterator[Record]:
    start = content.lstrip(b'\xef\xbb\xbf \t\r\n')[:1]
    if start == b'[':  # Or a text like '[Breaking] …'.
        try:
            json.loads(content)
        except (ValueError, RecursionError):
            start = b''
    if start in (b'[', b'{') and sample_by == 'line':
        yield from _json(content, where)
    elif sample_by == 'line' and has_header(content):
        yield from read_table(content, where)
    else:
        yield from _texts(content, where, sample_by)


READERS: Dict[str, Callable[[bytes, str], Iterator[Record]]] = {
    '.csv': read_table,
    '.tsv': read_table,
    '.jsonl': _json,
    '.ndjson': _json,
    '.json': _json,
}

#: The endings of files that say what a text is.
STRUCTURED = (*READERS, '.parquet')
#: All that are read.
ENDINGS = ('.txt', *STRUCTURED)
