r"""Files of texts, cut into parts of many texts each."""
import glob
import hashlib
import os
import re
import warnings
from functools import lru_cache
from pathlib import Path
from typing import AbstractSet, Any, Dict, Iterator, List, NamedTuple, Sequence, Union

from eega_pyg.extraction.item_files import (
    Record,
    left_out,
    parquet_file,
    row_of_parquet,
)
from eega_pyg.identity import digest, file_sha256
from eega_pyg.json_yaml import parse_json

#: The endings that can be read in parts.
ENDINGS = ('.jsonl', '.ndjson', '.parquet')


class Partition(NamedTuple):
    r"""Some of the texts of a file.

    Args:
        name (str): Which file and which of its parts, and a digest of the content.
        path (str): The file.
        source (str): What the places of its texts begin with.
        start, end (int): Its bytes in a file of JSON lines, its rows in one of Parquet
            (half-open).
        first (int): The number of its first line or row, from one on.
        items (int): How many texts there are.
        content (str): A digest of these bytes, or of the whole file of Parquet.
    """
    name: str
    path: str
    source: str
    start: int
    end: int
    first: int
    items: int
    content: str


class ChangedError(RuntimeError):
    r"""Raised where a file is not any more what it was when it was cut."""


def find_files(source: Union[str, Path]) -> List[Path]:
    r"""The files that a path means: itself, those in a folder, or those that match a
    pattern, in the order of their names.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If one cannot be read in parts.
    """
    path = Path(source)
    if path.is_dir():
        found = sorted(
            p for p in path.iterdir()
            if p.suffix.lower() in ENDINGS and p.is_file() and p.name[0] not in '._')
    elif path.exists():
        found = [path]
    else:
        found = sorted(p for p in map(Path, glob.glob(str(source), recursive=True))
                       if p.is_file())
    if not found:
        raise FileNotFoundError(f"There is no file '{source}', and no folder with "
                                f"files that end in {', '.join(ENDINGS)}")
    if path.is_dir() and (others := left_out(path, found)):
        warnings.warn(
            f"'{path}' also holds {others}, which cannot be read in parts and "
            f"is left out")
    for file in found:
        if file.suffix.lower() not in ENDINGS:
            raise ValueError(f"'{file}' cannot be read in parts: expected files that "
                             f"end in {', '.join(ENDINGS)}")
    return found


def plan(paths: Sequence[Path], size: int,
         finished: AbstractSet[str] = frozenset()) -> List[Partition]:
    r"""Cuts files into partitions. A file is read once from its beginning to its end,
    for lines have to be counted, and a partition is told by its content. The places of
    its texts begin with its name or, where another file has this name, its path: it is
    the name of the one of which an earlier run has finished some, or else of the first.
    A file that is there twice counts once.

    Args:
        paths (sequence of Path): The files.
        size (int): The most texts of a partition.
        finished (set, optional): The names of partitions that an earlier run has
            finished.
    """
    files: Dict[str, Path] = {}
    for path in paths:
        files.setdefault(os.path.realpath(path), path)
    alike: Dict[str, List[Path]] = {}
    for path in files.values():
        alike.setdefault(path.name, []).append(path)
    found: Dict[Path, List[Partition]] = {}
    for name, group in alike.items():
        places = {path: _places(path, size) for path in group}
        found.update((path, _parts(path, name, places[path])) for path in group)
        owner = next(
            (path
             for path in group if not finished.isdisjoint(p.name for p in found[path])),
            group[0])
        for path in group:
            if path != owner:
                found[path] = _parts(path, str(path), places[path])
    return [part for path in files.values() for part in found[path]]


def _places(path: Path, size: int) -> List[List[Any]]:
    cut = _rows if path.suffix.lower() == '.parquet' else _lines
    return list(cut(path, size))


def _parts(path: Path, source: str, places: List[List[Any]]) -> List[Partition]:
    # A name that begins with a mark is that of a hidden file.
    stem = re.sub(r'[^\w.-]+', '_', path.stem).lstrip('._')[:60] or 'part'
    found = []
    for i, (content, start, end, first, items) in enumerate(places):
        name = f'{stem}-{i:06d}-{digest([source, [start, end, first, items], content])}'
        found.append(
            Partition(name, os.path.abspath(path), source, start, end, first, items,
                      content))
    return found


def _lines(path: Path, size: int) -> Iterator[List[Any]]:
    start = end = items = 0
    first = 1
    content = hashlib.sha256()
    with path.open('rb') as file:
        for number, line in enumerate(file, 1):
            content.update(line)
            end += len(line)
            items += bool(line.strip())
            if items == size:
                yield [content.hexdigest(), start, end, first, items]
                start, first, items, content = end, number + 1, 0, hashlib.sha256()
    if items:
        yield [content.hexdigest(), start, end, first, items]


def _rows(path: Path, size: int) -> Iterator[List[Any]]:
    content = file_sha256(path)
    with parquet_file(path) as file:
        groups = [
            file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)
        ]
    start = 0
    for rows in groups:  # No partition lies in two, of which each is read as a whole.
        for offset in range(start, start + rows, size):
            end = min(offset + size, start + rows)
            yield [content, offset, end, offset + 1, end - offset]
        start += rows


def read(partition: Partition) -> Iterator[Record]:
    r"""Yields the place and the content of each text of a partition; the content is an
    error where a line is no JSON.

    Raises:
        ChangedError: If the file has changed since it was cut.
    """
    path = Path(partition.path)
    changed = ChangedError(f"'{path}' has changed since the job began")
    if path.suffix.lower() == '.parquet':
        state = path.stat()
        if _sha256(path, state.st_size, state.st_mtime_ns) != partition.content:
            raise changed
        for number, row in enumerate(_read_rows(path, partition), partition.first):
            yield f'{partition.source}:{number}', row
        return
    with path.open('rb') as file:
        file.seek(partition.start)
        content = file.read(partition.end - partition.start)
    if hashlib.sha256(content).hexdigest() != partition.content:
        raise changed
    for number, line in enumerate(content.split(b'\n'), partition.first):
        if line.strip():
            try:
                value = parse_json(line)
            except ValueError as e:
                value = e
            yield f'{partition.source}:{number}', value


@lru_cache(16)
def _sha256(path: Path, size: int, time: int) -> str:
    r"""That of a file, which is read once for all partitions in it."""
    return file_sha256(path)


def _read_rows(path: Path, partition: Partition) -> Iterator[Dict[str, Any]]:
    with parquet_file(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start <= partition.start < start + rows:
                break
            start += rows
        for batch in file.iter_batches(1024, [group]):
            low = max(partition.start - start, 0)
            if low < len(batch):
                part = batch.slice(low, partition.end - start - low)
                yield from map(row_of_parquet, part.to_pylist())
            start += len(batch)
            if start >= partition.end:
                return
