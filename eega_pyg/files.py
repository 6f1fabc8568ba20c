r"""Writing files whole or not at all."""
import errno
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
from typing import BinaryIO, Iterator, Union

from eega_pyg.identity import sha256

_TEMPORARY = re.compile(
    r'\.(?P<host>[0-9a-f]{6})-(?P<process>[0-9]{1,10})-[0-9a-f]{8}\.tmp$')
# The names of the process's own open files, which may be redirected anywhere.
_OPEN_FILE = re.compile(r'/dev/(?P<name>stdout|stderr)|(?P<folder>/dev|/proc/self|'
                        r'/proc/\d+)/fd/(?P<number>\d+)')


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
    except BaseException as e:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        _name_target(e, temporary, path)
        raise
    with suppress(OSError):  # Of a folder that cannot be listed.
        _sync(os.path.dirname(path))


def _name_target(error: BaseException, temporary: str, path: str) -> None:
    r"""Lets an error of the system name the file that was to be written, and makes one
    of what safetensors raises where the system does."""
    if isinstance(error, OSError) and error.errno is not None:
        if error.filename2 == temporary:  # Of a copy, which has two.
            error.filename2 = path
        elif error.filename in (None, temporary):
            error.filename = path
    elif type(error).__name__ == 'SafetensorError' and 'os error' in str(error):
        raise OSError(f"'{path}' cannot be written ({short_reason(error)})") from None


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
