r"""Writing results so that a stopped run can go on where it was."""
import json
import os
from pathlib import Path
from typing import Callable, Iterable, Sequence, Tuple

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Result
from eega_pyg.files import atomic
from eega_pyg.identity import digest, file_sha256
from eega_pyg.saving.folder import PIPELINE, WEIGHTS


def run_identity(extractor: Extractor, items: Sequence[Item], align: bool) -> str:
    r"""A digest of all that the results of a run depend on: the model, the options of
    the extractor, the texts and the content of their images, and whether alignments are
    asked for."""
    folder = Path(extractor.data.encoder)
    model = [file_sha256(folder / name) for name in (WEIGHTS, PIPELINE)]
    images = [
        file_sha256(str(item.image)) for item in items
        if isinstance(item.image, (str, Path)) and os.path.isfile(item.image)
    ]
    return digest([
        model, extractor.passage_words, extractor.threshold, align, *map(repr, items),
        *images
    ])


def write_results(path: Path, results: Callable[[Sequence[int]],
                                                Iterable[Tuple[int, Result]]],
                  number: int, run: str, resume: bool) -> None:
    r"""Writes results as JSON lines.

    Each result goes to the side file ``path.part`` as soon as it is there. When all are
    there, they go to :obj:`path` in the order of their positions, and the side file is
    removed.

    Args:
        path (Path): The file.
        results (callable): Takes positions and yields each of them with its result, in
            any order.
        number (int): How many results there are.
        run (str): A digest of all that the results depend on; the side file begins
            with it.
        resume (bool): Whether results of the side file are taken over.

    Raises:
        ValueError: If there is a side file and :obj:`resume` is not set, or if it
            belongs to another run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    header = json.dumps({'run': run}).encode() + b'\n'
    # A last line without a line break was cut off when the run stopped.
    lines = part.read_bytes().splitlines(True) if part.is_file() else []
    lines = [line for line in lines if line.endswith(b'\n')] or [header]
    if len(lines) > 1 and not resume:
        raise ValueError(f"'{part}' holds {len(lines) - 1} results of a stopped run: "
                         f"add --resume to go on, or remove it to start again")
    if len(lines) > 1 and lines[0] != header:
        raise ValueError(
            f"'{part}' belongs to a run with other texts or images, another "
            f"model or other options: repeat that command to go on, or "
            f"remove the file to start again")
    written = {int(line.split(b'\t', 1)[0]): line for line in lines[1:]}
    with atomic(part) as temporary:
        Path(temporary).write_bytes(b''.join([header, *written.values()]))
    with part.open('ab') as f:
        try:
            for index, result in results([i for i in range(number)
                                          if i not in written]):
                written[index] = f'{index}\t{result.to_json()}\n'.encode()
                f.write(written[index])
                f.flush()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{len(written)} results are in '{part}': the same "
                                    f"command with --resume goes on with the "
                                    f"rest") from None
    with atomic(path) as temporary:
        with open(temporary, 'wb') as target:
            target.writelines(written[i].split(b'\t', 1)[1] for i in range(number))
    os.unlink(part)
