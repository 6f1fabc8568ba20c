r"""Gives every reader of the library inputs that are almost right.

A reader may raise a :class:`ValueError` or an :class:`OSError` of one line. All else
is a failure: another exception, a long message or one of several lines, more than
:obj:`SECONDS` seconds of a processor, or more than :obj:`MEMORY` bytes of memory. With
``--keep``, inputs that fail are kept. Run it as ``python -m tests.fuzz --inputs 9999``
from the repository's root.
"""
import argparse
import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Iterable, List, Optional

from .readers import Reader, fresh, readers

SECONDS, MEMORY, CHARACTERS = 20, 3 * 2**30, 600


class TooLong(BaseException):
    r"""Not an :class:`Exception`, so that no reader can catch it."""


def failure(reader: Reader, folder: Path) -> Optional[str]:
    r"""Why a reader did wrong with a folder, or :obj:`None` if it did not."""
    def stop(number: int, frame: object) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        reader.read(folder)
    except (ValueError, OSError) as e:
        signal.setitimer(signal.ITIMER_PROF, 0)
        message = str(e).replace(str(folder), '')
        if isinstance(e, UnicodeError):
            return f'{type(e).__name__}: {traceback.format_exc()}'
        if not message or '\n' in message or '\r' in message:
            return f'a message of several lines or none: {message[:300]!r}'
        if len(message) > CHARACTERS:
            return f'a message of {len(message)} characters: {message[:300]!r}'
    except TooLong:
        return f'more than {SECONDS} seconds: {traceback.format_exc()}'
    except BaseException:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def run(number: int, seed: int, found: List[Reader], folder: Path,
        keep: Optional[Path]) -> str:
    r"""Changes a file of a reader and lets it read; the reader's name, or why it did
    wrong."""
    # By its number, so that one input can be made again.
    rng = random.Random(f'{seed}:{number}')
    reader = rng.choices(found, [reader.weight for reader in found])[0]
    name = rng.choice(list(reader.files))
    content, change = reader.files[name]
    path = folder / reader.name / name
    path.write_bytes(change(content, rng))
    reason = failure(reader, path.parent)
    if reason is not None:
        reason = f'--- input {number}: {reader.name}: {name}\n{reason}'
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, keep / f'{number}-{name}')
        fresh(reader, path.parent)
    path.write_bytes(content)
    return reason or reader.name


def work(numbers: Iterable[int], place: Any, reports: Any, **options: Any) -> None:
    size = int(Path('/proc/self/statm').read_text().split()[0])
    limit = size * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for number in numbers:
        place.value = number
        reports.put(run(number, **options))


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz', description=__doc__)
    parser.add_argument('--inputs', type=int, default=2000)
    parser.add_argument('--first', type=int, default=0,
                        help='number of the first input')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--only', default='', help='readers whose names contain this')
    parser.add_argument('--keep', type=Path, help='a folder for the inputs that fail')
    args = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false')
    import torch
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    repository, failed = Path(__file__).parents[2], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / 'made').mkdir()
        found = [r for r in readers(repository, folder / 'made') if args.only in r.name]
        for reader in found:
            fresh(reader, folder / reader.name)
            reader.read(folder / reader.name)  # As it is, it is right.
        counts: Counter = Counter()
        start, end = time.monotonic(), args.first + args.inputs
        context = multiprocessing.get_context('fork')
        place, reports = context.Value('q', args.first - 1), context.SimpleQueue()
        while place.value < end - 1:
            # In another process, which an input may bring down.
            child = context.Process(
                target=work, args=(range(place.value + 1, end), place, reports),
                kwargs={
                    'seed': args.seed,
                    'found': found,
                    'folder': folder,
                    'keep': args.keep
                })
            child.start()
            while child.is_alive() or not reports.empty():
                if reports.empty():
                    child.join(0.05)
                    continue
                report = reports.get()
                if report.startswith('---'):
                    failed += 1
                    print(report, flush=True)
                counts[report.split(':')[1].strip() if '---' in report else report] += 1
            if child.exitcode:
                failed += 1
                print(
                    f'--- input {place.value}: the process ended with '
                    f'{child.exitcode}', flush=True)
                for reader in found:
                    fresh(reader, folder / reader.name)
        for name, count in sorted(counts.items()):
            print(f'{count:>7} {name}')
        print(f'{args.inputs} inputs in {time.monotonic() - start:.0f} s, {failed} '
              f'failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
