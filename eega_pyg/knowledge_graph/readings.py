r"""The readings of many sentences, in memory or on the disk."""
import errno
import pickle
import sqlite3
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, Iterator, Tuple

from .reading import Reading
from .records import Sentence


class Readings:
    r"""Readings in memory, in the order in which their sentences come first."""
    def __init__(self) -> None:
        self._readings: Dict[Sentence, Reading] = {}

    def add(self, sentence: Sentence, reading: Reading) -> None:
        r"""Adds a reading; those of one sentence are joined."""
        self._readings.setdefault(sentence, Reading()).join(reading)

    def __iter__(self) -> Iterator[Tuple[Sentence, Reading]]:
        return iter(self._readings.items())

    def close(self) -> None:
        r"""Forgets them."""
        self._readings.clear()


class SortedReadings(Readings):
    r"""Readings in a temporary file, in the order of the texts and then of the images,
    whichever order they came in. It is a database of SQLite, which sorts on the disk
    what does not fit into memory, and lies where the environment variable ``TMPDIR``
    says."""
    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix='eega-graph-')
        # Threads of a caller may take turns, e.g. those of a notebook.
        self._data = sqlite3.connect(
            Path(self._folder.name) / 'readings', isolation_level=None,
            check_same_thread=False)
        # Nobody reads the file after a crash, so nothing is written twice.
        self._data.executescript('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;'
                                 'CREATE TABLE reading (text BLOB, image BLOB, '
                                 'content BLOB); BEGIN')
        self._sorted = False

    def add(self, sentence: Sentence, reading: Reading) -> None:
        row = (sentence.text.encode(), sentence.image_id.encode(),
               pickle.dumps(reading, pickle.HIGHEST_PROTOCOL))
        with self._room():
            self._data.execute('INSERT INTO reading VALUES (?, ?, ?)', row)

    def __iter__(self) -> Iterator[Tuple[Sentence, Reading]]:
        if not self._sorted:
            with self._room():
                self._data.executescript(
                    'CREATE TABLE ordered AS SELECT * FROM reading '
                    'ORDER BY text, image; DROP TABLE reading')
            self._sorted = True
        rows = self._data.execute('SELECT * FROM ordered ORDER BY rowid')
        for (text, image), group in groupby(rows, itemgetter(0, 1)):
            whole = Reading()
            for row in group:
                whole.join(pickle.loads(row[2]))  # It was written by this object.
            yield Sentence(text.decode(), image.decode()), whole

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as e:
            reason = f'{e}: set TMPDIR to a folder with more room'
            raise OSError(errno.ENOSPC, reason, self._folder.name) from None

    def close(self) -> None:
        r"""Removes the file."""
        self._data.close()
        self._folder.cleanup()
