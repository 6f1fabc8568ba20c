r"""Writing files whole or not at all, and reading JSON and YAML."""
import errno
import json
import math
import os
import platform
import re
import shutil
import stat
import sys
import uuid
import zipfile
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO, Dict, Iterator, Tuple, Union

import yaml

from eega_pyg.identity import sha256

_TEMPORARY = re.compile(
    r'\.(?P<host>[0-9a-f]{6})-(?P<process>[0-9]{1,10})-[0-9a-f]{8}\.tmp$')
# The names of the process's own open files, which may be redirected anywhere.
_OPEN_FILE = re.compile(r'/dev/(?P<name>stdout|stderr)|(?P<folder>/dev|/proc/self|'
                        r'/proc/\d+)/fd/(?P<number>\d+)')
#: The most bytes that a YAML text may have, and how deep it may be nested.
MAX_YAML, MAX_YAML_DEPTH = 2**16, 8


def check_file(path: Union[str, Path]) -> None:
    r"""Makes the folder of a file, and raises an :class:`OSError` if the file cannot be
    written there or if it is itself a folder."""
    if os.path.isdir(path):
        raise IsADirectoryError(f"'{path}' is a folder: name a file")
    try:
        if is_stream(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, 'no permission')
            return
        _check_folder(os.path.dirname(os.path.realpath(path)))
    except OSError as e:
        raise OSError(f"'{path}' cannot be written: {e.strerror}") from None


def check_ending(path: Union[str, Path], ending: str) -> None:
    r"""Raises a :class:`ValueError` if a file, which is no stream, ends otherwise."""
    if Path(path).suffix.lower() != ending and not is_stream(path):
        raise ValueError(f"'{path}': expected a file that ends in {ending}")


def check_folder(path: Union[str, Path]) -> None:
    r"""Makes a folder and removes what killed processes have left in it; raises an
    :class:`OSError` if nothing can be written there."""
    try:
        _check_folder(path)
    except OSError as e:
        raise OSError(f"'{path}' cannot be written: {e.strerror}") from None


def _check_folder(path: Union[str, Path]) -> None:
    os.makedirs(path, exist_ok=True)
    TemporaryFile(dir=path).close()
    remove_leftovers(path)


def check_apart(source: Path, target: Path) -> None:
    r"""Raises a :class:`ValueError` if both paths are the same file, or if the source
    is the folder of the target, so that a result is never its own source."""
    if source.is_dir() and target.absolute().parent.resolve() == source.resolve():
        raise ValueError(f"'{target}' is in the folder that is read: name a file "
                         f"elsewhere")
    if source.exists() and target.exists() and source.samefile(target):
        raise ValueError(f"'{target}' is the file that is read: name another one")


@contextmanager
def atomic(path: Union[str, Path]) -> Iterator[str]:
    r"""Yields a temporary path in the same folder. If the block succeeds, that file
    replaces :obj:`path`; if it fails, that file is removed. The file behind a symbolic
    link is replaced, and the link stays. A device or pipe is written to.

    Args:
        path (str or Path): The file to be written; its folder is created.

    Raises:
        OSError: If it cannot be written, *e.g.*, a pipe that nobody reads.
    """
    if is_stream(path):
        with TemporaryDirectory() as folder:
            yield os.path.join(folder, 'content')
            with open(os.path.join(folder, 'content'), 'rb') as source:
                with _open_stream(path) as target:
                    shutil.copyfileobj(source, target)
        return
    path = os.path.realpath(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # `tempfile` and safetensors make files that only their owner can read. So the file
    # is made here, and its usual permissions are restored after it was written.
    temporary = _temporary(path)
    Path(temporary).touch()
    mode = os.stat(temporary).st_mode
    try:
        yield temporary
        os.chmod(temporary, mode)
        _sync(temporary)  # Else a name without its content may outlast a power cut.
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # Of a folder that cannot be listed.
        _sync(os.path.dirname(path))


def _sync(path: str) -> None:
    if os.name != 'posix':  # Elsewhere a file is not synced that is open for reading.
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):  # What holds no such files.
            raise
    finally:
        os.close(number)


def _open_stream(path: Union[str, Path]) -> BinaryIO:
    found = _OPEN_FILE.fullmatch(os.path.abspath(path))
    own = ('/dev', '/proc/self', f'/proc/{os.getpid()}', None)
    if found is None or found['folder'] not in own:
        return open(path, 'wb')
    sys.stdout.flush()
    # To open it anew would empty a file that it was redirected to.
    number = found['number'] or ('stdout', 'stderr').index(found['name']) + 1
    return os.fdopen(os.dup(int(number)), 'wb')


def remove_leftovers(folder: Union[str, Path]) -> None:
    r"""Removes temporary files of :func:`atomic` whose process was killed on this
    machine; those of other machines and of running processes stay."""
    if os.name != 'posix':  # Elsewhere one cannot ask for a process without harm.
        return
    for name in os.listdir(folder):
        found = _TEMPORARY.search(name)
        if found is not None and found['host'] == _host() and not _runs(
                int(found['process'])):
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))


def check_zip(path: Union[str, Path]) -> None:
    r"""Compares a file of :func:`torch.save` with the checksums in it.

    Raises:
        ValueError: If it was cut or changed.
        OSError: If there is no such file.
    """
    with open(path, 'rb') as file:
        if file.read(2) != b'PK':
            raise ValueError('it is empty, or of another kind')
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except MemoryError:
        raise
    except Exception as e:  # A header that was changed may raise nearly anything.
        raise ValueError(f'it was cut or changed ({short_reason(e)})') from None
    if wrong is not None:
        raise ValueError('it was changed: its checksum is another one')


def short_reason(error: BaseException, most: int = 80) -> str:
    r"""The message of another library's error in one line of so many characters."""
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f'{text[:most - 3]}...'


def _temporary(path: str) -> str:
    # Says who writes it, so that the next run can tell whether it is still written.
    folder, name = os.path.split(path)
    if len(os.fsencode(name)) > 200:  # Of 255.
        name = sha256(name)[:16]
    number = uuid.uuid4().hex[:8]
    return os.path.join(folder, f'{name}.{_host()}-{os.getpid()}-{number}.tmp')


@lru_cache(maxsize=None)
def _host() -> str:
    return sha256(platform.node())[:6]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # It belongs to somebody else.
        return True
    return True


def is_stream(path: Union[str, Path]) -> bool:
    r"""Whether a path is a device or one of the process's open files (``/dev/stdout``),
    which are written to where they are.

    Raises:
        OSError: If it is a named pipe, where writing waits for somebody who reads.
    """
    if _OPEN_FILE.fullmatch(os.path.abspath(path)):
        return True
    mode = os.stat(path).st_mode if os.path.exists(path) else 0
    if stat.S_ISFIFO(mode):
        raise OSError(errno.EINVAL, 'it is a pipe, name a file or /dev/stdout',
                      str(path))
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


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
            if line.strip() == b'[':
                raise ValueError(f"{path}:{number}: begins a list over several lines: "
                                 f"put one object into each line ('eega convert' makes "
                                 f"such a file)")
            if line.strip():
                yield number, parse_json(line, f'{path}:{number}')


class _YAMLLoader(yaml.SafeLoader):
    # What an unquoted scalar may be; everything else is a string.
    yaml_implicit_resolvers: Dict[str, Any] = {}
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        wrong = (
            'an alias' if isinstance(event, yaml.AliasEvent) else
            'a tag' if getattr(event, 'tag', None) is not None else
            f'more than {MAX_YAML_DEPTH} levels' if self.depth > MAX_YAML_DEPTH else '')
        if wrong:
            raise yaml.MarkedYAMLError(problem=f'{wrong}, which is not read',
                                       problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise yaml.MarkedYAMLError(problem='expected names, each of them once',
                                           problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ('null', r'~|null|Null|NULL|', ['~', 'n', 'N', '']),
    ('bool', 'yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|'
     'OFF', 'yYnNtTfFoO'),
    ('int', r'[-+]?(0|[1-9][0-9]{0,17})', '-+0123456789'),
    ('float', r'[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan',
     '-+.0123456789'),
):
    _YAMLLoader.add_implicit_resolver(f'tag:yaml.org,2002:{_tag}',
                                      re.compile(f'(?:{_pattern})$'), list(_first))


def parse_yaml(text: Union[str, bytes], where: str) -> Any:
    r"""Reads a small YAML document of names, lists, strings, numbers, booleans and
    nothing. Aliases, tags, dates and numbers in other bases have no meaning here, so
    that a short text cannot stand for a large value.

    Args:
        text (str or bytes): The document.
        where (str): What an error names, *e.g.*, the file.

    Raises:
        ValueError: In one line, if it is not YAML in UTF-8, larger than
            :obj:`MAX_YAML` bytes, nested deeper than :obj:`MAX_YAML_DEPTH`, or holds
            what is not read.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode('utf-8-sig')
        if len(text) > MAX_YAML:
            raise ValueError(f'longer than {MAX_YAML:,} bytes')
        value = yaml.load(text, _YAMLLoader)
        json.dumps(value, ensure_ascii=False).encode('utf-8')  # No half of a character.
        return value
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        line = '' if mark is None else f'line {mark.line + 1}: '
        raise ValueError(f'{where}: not valid YAML: {line}{e.problem}') from None
    except (yaml.YAMLError, ValueError, OverflowError) as e:
        raise ValueError(
            f'{where}: not valid YAML in UTF-8: {short_reason(e)}') from None


def json_text(value: Any, sort_keys: bool = False) -> str:
    r"""The JSON of a value in one line. What JSON does not know becomes a string, and a
    number that is none or infinite, which readers of JSON refuse, becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str,
                          sort_keys=sort_keys)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False,
                          default=str, sort_keys=sort_keys)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_yaml(path: Union[str, Path]) -> Any:
    r"""The value of a YAML file, as of :func:`parse_yaml`."""
    with open(path, 'rb') as file:
        return parse_yaml(file.read(MAX_YAML + 1), str(path))
