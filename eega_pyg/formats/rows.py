r"""Rows of tables that every reader takes for one."""
import csv
from typing import Any, Sequence, TextIO


class RowWriter:
    r"""Writes the rows of a table, with a line feed at the end of each. Rows with a
    carriage return are in quotes; before Python 3.13 :mod:`csv` writes some without
    any, and readers then see two rows.

    Args:
        file (TextIO): Where they go, opened with ``newline=''``.
        dialect (str, optional): A dialect of :mod:`csv`. (default: :obj:`'excel'`)
    """
    def __init__(self, file: TextIO, dialect: str = 'excel') -> None:
        self._plain = csv.writer(file, dialect, lineterminator='\n')
        self._quoted = csv.writer(file, dialect, lineterminator='\n',
                                  quoting=csv.QUOTE_ALL)

    def writerow(self, row: Sequence[Any]) -> None:
        r"""Writes the cells of a row."""
        broken = any(isinstance(cell, str) and '\r' in cell for cell in row)
        (self._quoted if broken else self._plain).writerow(row)
