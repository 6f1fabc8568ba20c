r"""What a service bears: thousands of requests over many connections, some of them bad.

    python -m benchmarks.serving.load --requests 10000 --threads 1

`eega serve` runs in a process of its own, and its clients in several others on the same
machine. In turns, the service answers a part of the requests, and `Extractor.batch`
reads the same items in this process, so that other work slows both alike; its results
are the right answers. Then the service is killed (SIGKILL) under load and started
again, several times. The record is `benchmarks/results/serving_load.json`; the script
fails if an answer is lost or wrong.
"""
import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
import torch

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from benchmarks.serving.clients import Answer, drive
from benchmarks.serving.server import Server
from benchmarks.serving.traffic import Request, judged, made, sentences
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.files import write_text

SAMPLE = Path(__file__).parents[2] / 'datasets' / 'sample' / 'raw'
MEMORY, CPU = 'process_resident_memory_bytes', 'process_cpu_seconds_total'
#: What was to be reached: the share of the throughput of ``Extractor.batch``.
SHARE = 0.8


def results_of(extractor: Extractor, requests: Sequence[Request]) -> List[Any]:
    r"""The right results of the items of all requests."""
    items = [Item.from_dict(x) for request in requests for x in request.items]
    return [result.to_dict() for result in extractor.batch(items)]


def loaded(server: Server, extractor: Extractor, requests: Sequence[Request],
           rounds: int, processes: int, connections: int,
           seconds: float) -> Dict[str, Any]:
    r"""The figures of a service that answers all requests in some rounds."""
    found: Dict[str, Any] = {
        'seconds': {
            'service': 0.0,
            'batch': 0.0
        },
        'cpu': {
            'service': 0.0,
            'batch': 0.0
        },
        'megabytes': []
    }
    answers: List[Answer] = []
    results: List[Any] = []

    def count(name: str, seconds: float, cpu: float) -> None:
        found['seconds'][name] += seconds
        found['cpu'][name] += cpu

    for part in np.array_split(np.arange(len(requests)), rounds):
        some = [requests[i] for i in part]
        start, cpu = time.perf_counter(), time.process_time()
        results += results_of(extractor, some)
        count('batch', time.perf_counter() - start, time.process_time() - cpu)
        cpu = server.number(CPU)
        with Memory(server, found['megabytes']):
            answered, took = drive(server.address, [r.body for r in some], processes,
                                   connections, seconds)
        count('service', took, server.number(CPU) - cpu)
        answers += [a._replace(number=a.number + int(part[0])) for a in answered]
        print(f'{len(answers)} of {len(requests)} requests', file=sys.stderr,
              flush=True)
    times = [a.seconds for a in answers if a.status == 200]
    return {
        **found,
        **judged(requests, answers, results), 'items': len(results),
        'p50': float(np.percentile(times, 50)),
        'p99': float(np.percentile(times, 99))
    }


class Memory:
    r"""Notes the megabytes of a service every two seconds."""
    def __init__(self, server: Server, megabytes: List[float]) -> None:
        self.server = server
        self.megabytes = megabytes
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self.done.wait(2):
            self.megabytes.append(round(self.server.number(MEMORY) / 2**20, 1))

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: Any) -> None:
        self.done.set()
        self.thread.join()


def killed(server: Server, extractor: Extractor, requests: Sequence[Request],
           kills: int, processes: int, connections: int,
           seconds: float) -> Dict[str, Any]:
    r"""What clients see of a service that is killed under load and started again."""
    read, done = 'eega_items_total', threading.Event()
    count: List[int] = []

    def kill() -> None:
        before = server.number(read)
        while len(count) < kills and not done.wait(0.05):
            if server.number(read) >= before + 20:
                server.kill()
                count.append(1)
                server.start()
                before = 0

    results = results_of(extractor, requests)
    thread = threading.Thread(target=kill)
    thread.start()
    answers, _ = drive(server.address, [r.body for r in requests], processes,
                       connections, seconds)
    done.set()
    thread.join()
    return {'kills': len(count), **judged(requests, answers, results)}


def growth(megabytes: Sequence[float]) -> float:
    r"""How much more memory is taken in the last quarter than in the second."""
    quarters = np.array_split(np.asarray(megabytes), 4)
    return float(quarters[3].mean() / quarters[1].mean())


def sound(figures: Dict[str, Any]) -> bool:
    r"""Whether no answer is lost or wrong."""
    return not figures['lost'] and not figures['wrong']


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    load, kill = record['load'], record['kill']
    each = {name: load['items'] / s for name, s in load['seconds'].items()}
    cpu = {name: 1000 * s / load['items'] for name, s in load['cpu'].items()}
    counts = lambda d: ', '.join(f'{k}: {v}' for k, v in sorted(d.items())) or 'none'
    rows = [
        ['requests, and items in them', f"{record['requests']:,}, {load['items']:,}"],
        ['answers by their status', counts(load['statuses'])],
        ['tries that found no place (503)', f"{load['full']:,}"],
        ['errors of the connection',
         counts(load['broken'])],
        ['lost, wrong', f"{len(load['lost'])}, {len(load['wrong'])}"],
        ['items a second, service', f"{each['service']:.1f}"],
        ['items a second, `Extractor.batch`', f"{each['batch']:.1f}"],
        ['share', f"{each['service'] / each['batch']:.2f} (target ≥ {SHARE})"],
        ['ms of the processor an item, service and `Extractor.batch`',
         f"{cpu['service']:.1f}, {cpu['batch']:.1f}"],
        ['seconds to an answer, p50 and p99', f"{load['p50']:.2f}, {load['p99']:.2f}"],
        ['memory of the service, MB: first, largest, last',
         f"{load['megabytes'][0]:.0f}, {max(load['megabytes']):.0f}, "
         f"{load['megabytes'][-1]:.0f}"],
        ['memory, last quarter / second quarter', f"{growth(load['megabytes']):.3f}"],
        ['killed under load', f"{kill['kills']} times, {record['kill_requests']:,} "
         f"requests"],
        ['errors that clients saw', counts(kill['broken'])],
        ['answers by their status, lost, wrong',
         f"{counts(kill['statuses'])}; {len(kill['lost'])}, {len(kill['wrong'])}"],
    ]  # yapf: disable
    return (f"{record['model']}; {record['machine']}, {record['threads']} thread(s), "
            f"{record['date']}; {record['connections']} connections of "
            f"{record['processes']} processes.\n\n" + markdown(['', ''], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--model', help='folder of a model [default: the checkpoint of '
        'the package]')
    parser.add_argument(
        '--raw', type=Path, default=SAMPLE, help="folder of MNRE's "
        "files, whose training sentences are sent")
    parser.add_argument('--requests', type=int, default=10_000)
    parser.add_argument('--kill-requests', type=int, default=500)
    parser.add_argument('--kills', type=int, default=3)
    parser.add_argument('--bad', type=float, default=0.05)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--processes', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=1800, help='of a round')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--results', type=Path, default=RESULTS / 'serving_load.json')
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    os.environ['OMP_NUM_THREADS'] = str(args.threads)  # Of the service.
    source = sentences(args.raw)
    requests = made(source, args.requests + args.kill_requests, args.bad)
    requests, others = requests[:args.requests], requests[args.requests:]
    extractor = Extractor.from_pretrained(args.model, 'cpu')
    results_of(extractor, requests[:50])  # The first are slow.
    model = ['--model', args.model] if args.model else []
    with Server('--no-images', '--device', 'cpu', *model) as server:
        drive(server.address, [r.body for r in requests[:50]], 1, 8, args.seconds)
        load = loaded(server, extractor, requests, args.rounds, args.processes,
                      args.connections, args.seconds)
        kill = killed(server, extractor, others, args.kills, args.processes,
                      args.connections, args.seconds)
        code = server.stop()
    record = {
        'model': Path(args.model).name if args.model else 'the checkpoint of the '
        'package',
        'requests': len(requests),
        'kill_requests': len(others),
        'connections': args.connections,
        'processes': args.processes,
        'bad': args.bad,
        'load': load,
        'kill': kill,
        'exit_code': code,
        **machine()
    }
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))
    if not (sound(load) and sound(kill)) or load['broken'] or code:
        sys.exit('An answer is lost or wrong, or a connection broke')


if __name__ == '__main__':
    main()
