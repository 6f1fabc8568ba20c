r"""Writing files whole or not at all, and reading JSON."""
import json
import os
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Iterator, Tuple, Union


def check_file(path: Union[str, Path]) -> None:
    r"""Makes the folder of a file, and raises an :class:`OSError` if the file cannot be
    written there or if it is itself a folder."""
    if os.path.isdir(path):
        raise IsADirectoryError(f"'{path}' is a folder: name a file")
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as e:
        raise OSError(f"'{path}' cannot be written: {e.strerror}") from None


def check_apart(source: Path, target: Path) -> None:
    r"""Raises a :class:`ValueError` if both paths are the same file, so that a result
    never replaces its own source."""
    if source.exists() and target.exists() and source.samefile(target):
        raise ValueError(f"'{target}' is the file that is read: name another one")


@contextmanager
def atomic(path: Union[str, Path]) -> Iterator[str]:
    r"""Yields a temporary path in the same folder. If the block succeeds, that file
    replaces :obj:`path`; if it fails, that file is removed.

    Args:
        path (str or Path): The file to be written; its folder is created.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    # `tempfile` and safetensors make files that only their owner can read. So the file
    # is made here, and its usual permissions are restored after it was written.
    temporary = f'{path}.{uuid.uuid4().hex[:8]}.tmp'
    Path(temporary).touch()
    mode = os.stat(temporary).st_mode
    try:
        yield temporary
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_text(path: Union[str, Path], text: str) -> None:
    r"""Writes a text file in one step."""
    with atomic(path) as temporary:
        Path(temporary).write_text(text, encoding='utf-8')


def parse_json(content: Union[str, bytes], where: object = '') -> Any:
    r"""The value of a JSON text; a :class:`ValueError` says where it is broken."""
    place = f'{where}: ' if where else ''
    try:
        if isinstance(content, bytes):
            content = content.decode('utf-8-sig')
        return json.loads(content)
    except UnicodeDecodeError as e:
        raise ValueError(f'{place}not UTF-8: {e}') from None
    except (ValueError, RecursionError) as e:
        raise ValueError(f'{place}not valid JSON: {e}') from None


def read_json(path: Union[str, Path]) -> Any:
    r"""The value of a JSON file; a :class:`ValueError` names the file."""
    return parse_json(Path(path).read_bytes(), path)


def read_lines(path: Union[str, Path]) -> Iterator[Tuple[int, Any]]:
    r"""Yields the number and the value of each line of a file of JSON lines, without
    blank ones; a :class:`ValueError` names file and line."""
    with open(path, 'rb') as f:  # In bytes, where nothing but b'\n' ends a line.
        for number, line in enumerate(f, 1):
            if line.strip():
                yield number, parse_json(line, f'{path}:{number}')
