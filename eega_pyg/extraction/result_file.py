r"""Writing results so that a stopped run can go on where it was."""
import errno
import json
import os
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
)

from filelock import FileLock, Timeout

from eega_pyg.extraction.certainty import Rated
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Result
from eega_pyg.extraction.result_formats import metadata_names, write_values
from eega_pyg.files import atomic, check_file, is_stream, write_text
from eega_pyg.formats.label_studio_tasks import CONFIG, labelling_config
from eega_pyg.function_identity import function_identity
from eega_pyg.identity import digest, file_sha256, sha256
from eega_pyg.schema import TagSet

if TYPE_CHECKING:
    from eega_pyg.extraction.extractor import Extractor

_FORMAT = 2
# Another one where the same model reads the same texts otherwise than before.
_READING = 2


def run_identity(extractor: 'Extractor', items: Sequence[Item], align: bool,
                 everything: bool = False) -> str:
    r"""A digest of all that the results of a run depend on: the model, the options of
    the extractor, its image parser if that is not the built-in one, the texts and the
    content of their images, and whether alignments and all relations, however
    improbable, are asked for."""
    from eega_pyg.saving.folder import PIPELINE, WEIGHTS
    folder = Path(extractor.data.encoder)
    model = [file_sha256(folder / name) for name in (WEIGHTS, PIPELINE)]
    parser = extractor.image_parser
    images = [
        file_sha256(str(item.image)) for item in items
        if isinstance(item.image, (str, Path)) and os.path.isfile(item.image)
    ]
    return digest([
        _READING, model, extractor.passage_words, extractor.thresholds, align,
        *map(repr, items), *images, *['everything'] * everything,
        *(['plan'] if extractor.grounding is None else extractor.grounding.identity()),
        *([] if parser is None else function_identity(parser))
    ])


class PartialResults:
    r"""A file beside another one, ``path.part``, that holds each result of a run as
    soon as it is there. It is locked while the block runs, so that no second process
    works at the same.

    .. code-block:: python

        with PartialResults(path, resume) as part:
            values = part.complete(results, number, run)
            ...         # Write them.
            part.remove()

    Each line has the position of a result, a check sum and its JSON. A line that does
    not agree with its check sum is not taken over, and its result is made again.

    Args:
        path (Path): The file that the results are for.
        resume (bool): Whether what a stopped run has left is taken over.
        tell (callable, optional): Called with what a person should know.
            (default: :obj:`None`)

    Raises:
        OSError: If it cannot be written there.
        ValueError: If another process writes to :obj:`path`, or if there are results of
            a stopped run and :obj:`resume` is not set.
    """
    def __init__(self, path: Path, resume: bool,
                 tell: Callable[[str], None] = lambda message: None) -> None:
        self.target = path
        self.path = path.with_name(path.name + '.part')
        self.resume = resume
        self.tell = tell
        self._lock = FileLock(f'{self.path}.lock')
        self._run = ''
        self._kept = 0  # Of the run that is going on.
        self._lines: Dict[int, bytes] = {}

    def __enter__(self) -> 'PartialResults':
        check_file(self.path)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"Another process writes to '{self.target}': wait for it, "
                             f"or name another file") from None
        try:
            self._read()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None and self._kept:
            self.tell(f"{self._kept} results are in '{self.path}': the same command "
                      f"with --resume goes on from there")
        self._unlock()

    def _unlock(self) -> None:
        # While it is locked, or it could be that of another process.
        if os.path.isfile(self._lock.lock_file) and os.name == 'posix':
            os.unlink(self._lock.lock_file)
        self._lock.release()

    def _read(self) -> None:
        lines = self.path.read_bytes().splitlines(True) if self.path.is_file() else []
        if not lines:
            return
        try:
            header = json.loads(lines[0])
            if header['format'] != _FORMAT:
                raise ValueError
            self._run = str(header['run'])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"'{self.path}' was not left by a run of this version, or "
                             f"its first line is damaged: remove it") from None
        self._lines = dict(filter(None, map(_checked, lines[1:])))
        if damaged := len(lines) - 1 - len(self._lines):
            self.tell(f"{damaged} results in '{self.path}' are damaged or cut off, and "
                      f"are made again")
        if self._lines and not self.resume:
            raise ValueError(f"'{self.path}' holds {len(self._lines)} results of a "
                             f"stopped run: add --resume to go on, or remove it to "
                             f"start again")

    def complete(self, results: Callable[[Sequence[int]], Iterable[Tuple[int, Result]]],
                 number: int, run: str) -> List[Dict[str, Any]]:
        r"""All results in their order, as :meth:`Result.to_dict
        <eega_pyg.extraction.result.Result.to_dict>` makes them.

        Args:
            results (callable): Takes positions and yields each of them with its result,
                in any order.
            number (int): How many results there are.
            run (str): A digest of all that the results depend on.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If what is there belongs to another run.
        """
        if self._lines and run != self._run:
            raise ValueError(f"'{self.path}' belongs to a run with other texts or "
                             f"images, another model or other options: repeat that "
                             f"command to go on, or remove the file to start again")
        header = json.dumps({'format': _FORMAT, 'run': run}).encode() + b'\n'
        kept = {i: line for i, line in self._lines.items() if i < number}
        with atomic(self.path) as temporary:
            Path(temporary).write_bytes(b''.join(
                [header, *(_line(*item) for item in kept.items())]))
        self._kept = len(kept)
        with open(self.path, 'ab', buffering=0) as f:
            left = [i for i in range(number) if i not in kept]
            for index, result in results(left):
                kept[index] = result.to_json().encode()
                line = _line(index, kept[index])
                if f.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC),
                                  str(self.path))
                self._kept += 1
        return [json.loads(kept[i]) for i in range(number)]

    def remove(self) -> None:
        r"""Removes the file, when its results are where they belong."""
        self.path.unlink(missing_ok=True)


def write_results(path: Path, values: Sequence[Rated], form: str, tags: TagSet,
                  numbers: Optional[Sequence[int]] = None) -> List[Path]:
    r"""Writes results to a file in one step, see
    :func:`~eega_pyg.extraction.result_formats.write_values`; for Label Studio also the
    configuration of its page, with the types and relations of a model, beside it.

    Args:
        path (Path): The file.
        values (sequence of Rated): The results.
        form (str): Their form.
        tags (TagSet): The types and relations of the model.
        numbers (sequence of int, optional): See
            :func:`~eega_pyg.extraction.result_formats.write_values`.

    Returns:
        list: The files that were written.
    """
    written = [path]
    names = metadata_names(value.get('metadata', {}) for value, _ in values)
    # Without the mark at its beginning, spreadsheets take a CSV file for another
    # encoding.
    encoding = 'utf-8-sig' if form == 'csv' else 'utf-8'
    with atomic(path) as temporary:
        with open(temporary, 'w', encoding=encoding, errors='replace',
                  newline='') as file:
            write_values(values, file, form, names, numbers)
        if form == 'label-studio' and not is_stream(path):
            images = any(
                value.get('image') or any('box' in e for e in value['entities'])
                for value, _ in values)
            written.append(path.with_suffix(CONFIG))
            write_text(written[-1], labelling_config(tags.types, tags.relations,
                                                     images))
    return written


def _line(index: int, content: bytes) -> bytes:
    check = sha256(b'%d\t%s' % (index, content))[:8]
    return b'%d\t%s\t%s\n' % (index, check.encode(), content)


def _checked(line: bytes) -> Any:
    r"""Position and JSON of a line, or :obj:`None` if it is not as it was written."""
    index, _, rest = line.partition(b'\t')
    content = rest.partition(b'\t')[2].rstrip(b'\n')
    if not index.isdigit() or line != _line(int(index), content):
        return None
    return int(index), content
