r"""A file of results that a stopped run leaves where another can go on."""
import json
import os
import shutil
from pathlib import Path
from typing import Callable, Iterable, Sequence

from eega_pyg.atomic import atomic
from eega_pyg.datasets.download import file_sha256
from eega_pyg.datasets.identity import digest
from eega_pyg.extractor import Extractor
from eega_pyg.item import Item
from eega_pyg.result import Result
from eega_pyg.saved_model import PIPELINE, WEIGHTS


def run_identity(extractor: Extractor, items: Sequence[Item], align: bool) -> str:
    r"""A digest of all that the results of a run depend on: model, texts with what
    their images hold, and whether they are aligned."""
    folder = Path(extractor.data.encoder)
    model = [file_sha256(str(folder / name)) for name in (WEIGHTS, PIPELINE)]
    images = [
        file_sha256(str(item.image)) for item in items
        if isinstance(item.image, (str, Path)) and os.path.isfile(item.image)
    ]
    return digest([model, extractor.passage_words, align, *map(repr, items), *images])


def write_results(path: Path, results: Callable[[int], Iterable[Result]], run: str,
                  resume: bool) -> None:
    r"""Writes results as JSON lines: one by one to a side file ``path.part``, whose
    first line says what run they are of, and in the end all of them to :obj:`path`.

    Args:
        path (Path): The file.
        results (callable): The results from the one of a given number on.
        run (str): What the results depend on, as a digest.
        resume (bool): Whether to go on behind what is in the side file.

    Raises:
        ValueError: If there is a side file and :obj:`resume` is not set, or if it is
            of another run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    header = json.dumps({'run': run}).encode() + b'\n'
    # A line without an end is torn.
    lines = part.read_bytes().splitlines(True) if part.is_file() else []
    lines = [line for line in lines if line.endswith(b'\n')] or [header]
    done = len(lines) - 1
    if done and not resume:
        raise ValueError(f"'{part}' holds {done} results of a stopped run: add "
                         f"--resume to go on, or remove it to start again")
    if done and lines[0] != header:
        raise ValueError(f"'{part}' is of a run with other texts or images, another "
                         f"model or other options: repeat that command to go on, or "
                         f"remove the file to start again")
    with part.open('ab') as f:
        f.truncate(sum(map(len, lines)) if done else 0)
        if not done:
            f.write(header)
        try:
            for result in results(done):
                f.write(result.to_json().encode() + b'\n')
                f.flush()
                done += 1
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{done} results are in '{part}': the same command "
                                    f"with --resume goes on behind them") from None
    with atomic(path) as temporary:
        with part.open('rb') as source, open(temporary, 'wb') as target:
            source.readline()
            shutil.copyfileobj(source, target)
    os.unlink(part)
