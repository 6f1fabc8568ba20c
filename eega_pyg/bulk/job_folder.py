r"""The folder of a job: what is finished of it, and where the rest goes."""
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Type, Union

from filelock import FileLock, Timeout

from eega_pyg.extraction.item_files import parquet_file
from eega_pyg.files import atomic, check_folder, write_text
from eega_pyg.json_yaml import json_text, read_json
from eega_pyg.schema import short

from .partitions import Partition

#: The forms of results.
FORMS = ('jsonl', 'parquet')
# Readers of folders leave out what begins with an underscore.
_JOB, _ERRORS = '_job', '_errors'


class Outcome(NamedTuple):
    r"""What became of a text.

    Args:
        key (str): Which text.
        result (dict, optional): What :meth:`Result.to_dict
            <eega_pyg.extraction.result.Result.to_dict>` makes, behind the key.
        error (str, optional): Why there is no result.
    """
    key: str
    result: Optional[Dict[str, Any]] = None
    error: Optional[str] = None


class JobFolder:
    r"""A folder with a file of results for each partition, and in ``_errors`` one for
    each partition some texts of which could not be read. A file is there as a whole or
    not at all, so that what is there is finished.

    Args:
        path (str or Path): The folder.
        form (str): One of :obj:`FORMS`.
    """
    def __init__(self, path: Union[str, Path], form: str) -> None:
        self.path = Path(path)
        self.form = form
        self._lock = FileLock(self.path / f'{_JOB}.lock')

    def __enter__(self) -> 'JobFolder':
        r"""Keeps other processes from working on the same folder.

        Raises:
            OSError: If nothing can be written there.
            ValueError: If one does.
        """
        check_folder(self.path)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"Another process writes to '{self.path}': wait for it, "
                             f"or name another folder") from None
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._lock.release()

    def finished(self) -> Set[str]:
        r"""The names of the partitions that are finished."""
        return {p.stem for p in self.path.glob(f'[!._]*.{self.form}')}

    def left(self, partitions: Sequence[Partition], run: str,
             retry: bool = False) -> List[Partition]:
        r"""The partitions that are not finished.

        Args:
            partitions (sequence of Partition): All partitions.
            run (str): A digest of what results depend on beside the texts.
            retry (bool, optional): If set to :obj:`True`, those of which some texts
                could not be read are not. (default: :obj:`False`)

        Raises:
            ValueError: If what is in the folder belongs to another job.
        """
        header = {'format': 1, 'run': run, 'form': self.form}
        there = self.path / _JOB
        finished = self.finished()
        if there.exists() and read_json(there) != header:
            raise ValueError(f"'{self.path}' belongs to a job with another model or "
                             f"other options: repeat that command to go on, or name "
                             f"another folder")
        if other := finished - {partition.name for partition in partitions}:
            name = f'{min(other)}.{self.form}'
            raise ValueError(f"'{self.path}' holds {short(name)}, which is of "
                             f"other texts or of another block size: repeat that "
                             f"command to go on, or name another folder")
        write_text(there, json.dumps(header) + '\n')
        return [
            p for p in partitions
            if p.name not in finished or (retry and self._errors(p).is_file())
        ]

    def count_errors(self, partition: Partition) -> int:
        r"""How many texts of a partition could not be read."""
        path = self._errors(partition)
        if not path.is_file():
            return 0
        if self.form == 'parquet':
            with parquet_file(path) as file:
                return file.metadata.num_rows
        with path.open('rb') as lines:
            return sum(1 for _ in lines)

    def write(self, partition: Partition, outcomes: Sequence[Outcome]) -> int:
        r"""Writes the results of a partition, and returns how many of its texts could
        not be read."""
        wrong = [{'key': o.key, 'error': o.error} for o in outcomes if o.result is None]
        if wrong:
            self._write(self._errors(partition), wrong)
        self._write(self._file(partition),
                    [o.result for o in outcomes if o.result is not None])
        if not wrong:
            self._errors(partition).unlink(missing_ok=True)  # Of a run before.
        return len(wrong)

    def _errors(self, partition: Partition) -> Path:
        return self.path / _ERRORS / self._file(partition).name

    def _file(self, partition: Partition) -> Path:
        return self.path / f'{partition.name}.{self.form}'

    def _write(self, path: Path, values: Sequence[Dict[str, Any]]) -> None:
        with atomic(path) as temporary:
            if self.form == 'parquet':
                from . import table  # Needs pyarrow.
                schema = table.ERRORS if path.parent.name == _ERRORS else table.RESULTS
                table.write_parquet(values, temporary, schema)
                return
            with open(temporary, 'w', encoding='utf-8', errors='replace') as file:
                for value in values:
                    file.write(json_text(value) + '\n')
