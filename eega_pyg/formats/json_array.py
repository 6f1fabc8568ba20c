r"""A file that is one array of JSON, read value by value."""
import json
import re
from pathlib import Path
from typing import Any, Iterator, TextIO, Tuple, Union

from eega_pyg.json_yaml import read_lines

_BLANK = re.compile(r'[ \t\r\n]*')
_DECODER = json.JSONDecoder()
_CHUNK = 1 << 20  # Characters that are read at once, at least.


def read_array(path: Path) -> Iterator[Any]:
    r"""Yields the values of a file that is one array of JSON, each as soon as it is
    read, so that a large file needs little memory.

    Raises:
        ValueError: Naming the file and the line, if it is no array of JSON in UTF-8.
        OSError: If it cannot be read.
    """
    with open(path, encoding='utf-8-sig', newline='') as file:
        try:
            yield from _Array(file, path).values()
        except UnicodeDecodeError as e:
            raise ValueError(f'{path}: not UTF-8: {e}') from None


def is_array(path: Union[str, Path]) -> bool:
    r"""Whether a file begins as an array of JSON does."""
    with open(path, 'rb') as file:
        return file.read(64).removeprefix(b'\xef\xbb\xbf').lstrip().startswith(b'[')


def read_values(path: Path) -> Iterator[Tuple[str, Any]]:
    r"""Yields the place and the value of each value of a file of JSON lines, or of one
    array of JSON."""
    if is_array(path):
        for i, value in enumerate(read_array(path)):
            yield f'{path}: text {i}', value
    else:
        for number, value in read_lines(path):
            yield f'{path}:{number}', value


class _Array:
    def __init__(self, file: TextIO, path: Path) -> None:
        self.file = file
        self.path = path
        self.line = 1  # In which the buffer begins.
        self.buffer, self.place = '', 0

    def values(self) -> Iterator[Any]:
        if self._mark() != '[':
            raise ValueError(f'{self.path}: expected a list')
        self.place += 1
        more = self._mark() != ']'
        while more:
            yield self._value()
            more = self._mark() == ','
            if not more and self._mark() != ']':
                raise self._broken("expected ',' or ']'", self.place)
            self.place += more
            self._mark()
        self.place += 1
        if self._mark():
            raise self._broken('something stands behind the list', self.place)

    def _mark(self) -> str:
        r"""The next character that is not blank; nothing at the end."""
        while True:
            self.place = _BLANK.match(  # type: ignore[union-attr]
                self.buffer, self.place).end()
            if self.place < len(self.buffer):
                return self.buffer[self.place]
            if not self._read():
                return ''

    def _value(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.place)
            except json.JSONDecodeError as e:
                if not self._read():  # It may have been cut off.
                    raise self._broken(e.msg, e.pos) from None
            except (ValueError, RecursionError) as e:
                raise self._broken(str(e), self.place) from None
            else:
                # Of a number there may be more to come, as of "5e-" in 5e-3.
                if end + 2 < len(self.buffer) or not self._read():
                    self.place = end
                    return value

    def _read(self) -> bool:
        r"""Drops what is done and reads at least as much as is left, so that a long
        value is not begun anew too often."""
        more = self.file.read(max(_CHUNK, len(self.buffer) - self.place))
        if more:
            self.line += self.buffer.count('\n', 0, self.place)
            self.buffer, self.place = self.buffer[self.place:] + more, 0
        return bool(more)

    def _broken(self, reason: str, at: int) -> ValueError:
        line = self.line + self.buffer.count('\n', 0, at)
        return ValueError(f'{self.path}:{line}: not valid JSON: {reason}')
