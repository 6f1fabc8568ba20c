r"""What two workers of Ray extract, and what one process with as many threads does.

    python -m benchmarks.scale.workers texts.jsonl --items 5000

Both read the same file, run the same model and write the same results, one after the
other in one run. Wall time is what a person waits for, and holds what else the machine
does; the CPU time of all processes does not. That of starting Ray, its workers and
their models is told apart.
"""
import argparse
import json
import os
import tempfile
import threading
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Dict, List

import torch

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.bulk import BatchExtractor, extract_files
from eega_pyg.bulk.job_folder import JobFolder
from eega_pyg.bulk.partitions import plan, read
from eega_pyg.files import write_text


class Children:
    r"""The CPU seconds and the memory of the processes below this one, looked up once a
    second: a process that has ended cannot be asked any more (Linux)."""
    def __init__(self) -> None:
        self.seconds: Dict[int, float] = {}
        self.megabytes = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> 'Children':
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        tick, page = os.sysconf('SC_CLK_TCK'), os.sysconf('SC_PAGE_SIZE')
        while not self._stop.wait(1.0):
            fields: Dict[int, List[str]] = {}
            for path in Path('/proc').glob('[0-9]*/stat'):
                with suppress(OSError):  # It has ended meanwhile.
                    # What follows the name, in which there may be blanks.
                    known = path.read_text().rpartition(')')[2].split()
                    fields[int(path.parent.name)] = known
            below = {os.getpid()}
            while found := {
                    p
                    for p, f in fields.items() if int(f[1]) in below and p not in below
            }:
                below |= found
            below.remove(os.getpid())
            for p in below:
                self.seconds[p] = (int(fields[p][11]) + int(fields[p][12])) / tick
            # What is shared between processes counts for each of them.
            self.megabytes = max(self.megabytes,
                                 sum(int(fields[p][21]) for p in below) * page / 1e6)


def repeated(source: Path, items: int, target: Path) -> None:
    r"""Writes so many texts of a file, again from its beginning where it ends."""
    lines = [line for line in source.read_text(encoding='utf-8').split('\n') if line]
    write_text(target, '\n'.join(islice(cycle(lines), items)) + '\n')


def one_process(path: Path, folder: Path, threads: int, block: int,
                model: Any) -> Dict[str, Any]:
    torch.set_num_threads(threads)
    start, cpu = time.perf_counter(), time.process_time()
    extract = BatchExtractor(model, device='cpu')
    loaded, loaded_cpu = time.perf_counter(), time.process_time()
    job = JobFolder(folder, 'jsonl')
    with job:
        for partition in plan([path], block):
            job.write(partition, extract.extract(read(partition)))
    return {
        'wall': time.perf_counter() - start,
        'cpu': time.process_time() - cpu,
        'start_up': loaded - start,
        'start_up_cpu': loaded_cpu - cpu,
    }


def with_ray(path: Path, folder: Path, workers: int, block: int,
             model: Any) -> Dict[str, Any]:
    start, cpu = time.perf_counter(), time.process_time()
    with Children() as children:
        done = extract_files([path], folder, model, workers=workers, block_size=block)
    wall = time.perf_counter() - start
    # From the first file of results on, minus one turn of all workers.
    ends = sorted(p.stat().st_mtime for p in folder.glob('*.jsonl'))
    steady = (len(ends) - workers) * block / (ends[-1] - ends[workers - 1])
    return {
        'wall': wall,
        'cpu': sum(children.seconds.values()) + time.process_time() - cpu,
        'steady': steady,
        'megabytes': children.megabytes,
        'errors': done.errors,
        'processes': len(children.seconds),
    }


def same(a: Path, b: Path) -> bool:
    r"""Whether two folders hold the same results, probabilities apart."""
    def findings(folder: Path) -> List[Any]:
        lines = [
            json.loads(line) for path in sorted(folder.glob('*.jsonl'))
            for line in path.read_text(encoding='utf-8').splitlines()
        ]
        return [(v['key'], [(e['start'], e['end'], e['type']) for e in v['entities']],
                 [(q['head']['start'], q['relation'], q['tail']['start'])
                  for q in v['quintuples']]) for v in lines]

    return findings(a) == findings(b)


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    rows = []
    for name, r in record['runs'].items():
        items = record['items']
        rows.append([
            name, f"{r['wall']:.0f}", f"{items / r['wall']:.0f}", f"{r['cpu']:.0f}",
            f"{items / r['cpu']:.0f}"
        ])
    ray = record['runs']['Ray']
    return (
        f"{record['machine']}, {record['date']}; {record['items']} texts in files of "
        f"{record['block']}, {record['workers']} threads in all. {record['note']}"
        f"\n\n" + markdown(
            ['', 'wall, s', 'texts a second', 'CPU, s', 'texts a CPU second'], rows) +
        f"\n\nOnce its workers run, Ray reads {ray['steady']:.0f} texts a "
        f"second. Its {ray['processes']} processes hold {ray['megabytes']:.0f} MB. "
        f"The results are {'the same' if record['same'] else 'different'}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='a file of JSON lines')
    parser.add_argument('--model')
    parser.add_argument('--items', type=int, default=5000)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--block', type=int, default=500)
    parser.add_argument('--note', default='', help='what ran beside it')
    parser.add_argument('--results', type=Path, default=RESULTS / 'workers.json')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'texts.jsonl'
        repeated(args.source, args.items, path)
        os.environ['OMP_NUM_THREADS'] = '1'  # Of workers.
        load = [os.getloadavg()[0]]
        ray = with_ray(path, Path(folder) / 'ray', args.workers, args.block, args.model)
        load.append(os.getloadavg()[0])
        one = one_process(path,
                          Path(folder) / 'one', args.workers, args.block, args.model)
        load.append(os.getloadavg()[0])
        record = {
            'items': args.items,
            'block': args.block,
            'workers': args.workers,
            'note': args.note,
            'load': load,
            'same': same(Path(folder) / 'ray',
                         Path(folder) / 'one'),
            'runs': {
                'one process': one,
                'Ray': ray
            },
            **machine()
        }
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
