r"""Tables of texts, as CSV and with tabs."""
import csv
import io
import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from eega_pyg.extraction.item import FIELDS
from eega_pyg.json_yaml import parse_json
from eega_pyg.schema import OTHER_NAMES, short

# The columns by which a table of results is known.
_OF_RESULTS = {'text_number', 'head', 'head_type', 'relation', 'tail'}
_DELIMITERS = ',;\t'
# The most characters of a cell; those of a text are counted apart.
_MAX_CELL = 2**31 - 1


def read_table(content: bytes, where: str) -> Iterator[Tuple[str, Any]]:
    r"""The place and the fields of each row; ``.tsv`` has tabs between cells."""
    text = decoded(content, where)
    delimiter = _delimiter(text, where)
    # Strict, or an open quotation mark would swallow all rows behind it.
    rows = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, strict=True)
    names: List[str] = []
    try:
        for row in _rows(rows):
            place = f'{where}:{rows.line_num}'
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = [_column(name) for name in row]
                columns = f"(columns: {short(', '.join(row))[1:-1]})"
                if twice := next((n for n in names if n and names.count(n) > 1), None):
                    raise ValueError(f"{place}: there are two columns {twice!r} "
                                     f"{columns}: rename one of them")
                if _OF_RESULTS <= set(names):
                    raise ValueError(f"{place}: is a table of results, which holds no "
                                     f"more than a person reads: write them as .jsonl, "
                                     f"which 'eega graph' reads")
                if not {'text', 'words'} & set(names):
                    raise ValueError(f"{place}: there is no column 'text' {columns}")
                continue
            if any(cell.strip() for cell in row[len(names):]):
                raise ValueError(f"{place}: {len(row)} cells under {len(names)} "
                                 f"columns: put cells with {delimiter!r} in quotes")
            value: Dict[str, Any] = {
                k: v
                for k, v in zip(names, row) if v.strip() and k
            }
            if 'scene_graph' in value:
                value['scene_graph'] = parse_json(value['scene_graph'],
                                                  f'{place}: scene_graph')
            if 'words' in value:
                value['words'] = value['words'].split()
            yield place, {'text': '', **value} if 'words' not in value else value
    except csv.Error as e:
        raise ValueError(f'{where}:{rows.line_num}: {e}') from None


def _rows(reader: Iterator[List[str]]) -> Iterator[List[str]]:
    r"""The rows of a table, whose cells may be of any length. The limit is that of the
    process, so it is another one while a row is read alone."""
    row: Optional[List[str]] = []
    while row is not None:
        before = csv.field_size_limit(_MAX_CELL)
        try:
            row = next(reader, None)
        finally:
            csv.field_size_limit(before)
        if row is not None:
            yield row


def _delimiter(text: str, where: str) -> str:
    if where.lower().endswith('.tsv'):
        return '\t'
    header, _, _ = text.lstrip('\r\n').partition('\n')
    # Spreadsheets write semicolons where the comma is the decimal sign.
    return max(_DELIMITERS, key=lambda mark:
               (_names_texts(header, mark), header.count(mark)))


def has_header(content: bytes) -> bool:
    r"""Whether there is a line below one that names several columns and texts among
    them."""
    first, _, rest = content.lstrip(b'\xef\xbb\xbf \r\n').partition(b'\n')
    header = first.decode('utf-8', 'replace')
    return bool(rest.strip()) and any(_names_texts(header, d) for d in _DELIMITERS)


def _names_texts(header: str, delimiter: str) -> bool:
    try:
        cells = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:  # A plain text may hold anything.
        return False
    return len(cells) > 1 and not {'text', 'words'}.isdisjoint(map(_column, cells))


def _column(name: str) -> str:
    name = name.strip()
    lower = re.sub(r'\s+', '_', name.lower())
    lower = OTHER_NAMES.get(lower, lower)
    return lower if lower in FIELDS else name


def decoded(content: bytes, where: str) -> str:
    r"""The text of a file; a :class:`ValueError` names the line that is not UTF-8."""
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError as e:
        line = content.count(b'\n', 0, e.start) + 1
        raise ValueError(f'{where}:{line}: not UTF-8 ({e.reason}): save the file as '
                         f'UTF-8') from None
