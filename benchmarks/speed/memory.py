r"""How much memory the graphs of a data set take, in it and on the disk.

    python -m benchmarks.speed.memory

The sentences are fake: of 16 words and 4 objects on average, as many as those of JMERE
have, and with a feature vector of each word as long as that of the spaCy pipeline. A
thousand of them are repeated. The numbers go to ``benchmarks/results/memory.json``, in
bytes and milliseconds of CPU time a sentence.
"""
import argparse
import ctypes
import gc
import json
import os
import random
import tempfile
import time
from typing import Any, Dict, List

from torch_geometric.data import InMemoryDataset

from benchmarks.measure import machine, status
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets import FakeJMERE, OnDiskPairs
from eega_pyg.files import write_text

_DIFFERENT = 1000


class InMemory(InMemoryDataset):
    r"""Some graphs again and again."""
    def __init__(self, graphs: List[Any], num: int) -> None:
        super().__init__()
        repeated = [graphs[i % len(graphs)] for i in range(num)]
        self.data, self.slices = self.collate(repeated)


def resident() -> int:
    r"""The memory of the process, in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # Without what was freed.
    return 1024 * status('VmRSS')


def measure(num: int, vector_size: int) -> Dict[str, float]:
    r"""Bytes a sentence, and the CPU milliseconds in which one is read."""
    fake = FakeJMERE(min(num, _DIFFERENT), vector_size=vector_size)
    graphs = [fake[i] for i in range(len(fake))]
    found: Dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'graphs.db')
        start, begin = resident(), time.process_time()
        OnDiskPairs.write(
            path, lambda first:
            ((i, graphs[i % len(graphs)]) for i in range(first, num)))
        found['on disk: milliseconds to write'] = 1000 * (time.process_time() -
                                                          begin) / num
        found['on disk: memory of writing'] = (resident() - start) / num
        found['on disk: file'] = os.path.getsize(path) / num
        start = resident()
        disk = OnDiskPairs(path)
        found['on disk: memory of lengths'] = (resident() - start) / num
        order = random.Random(0).sample(range(num), min(num, 5000))
        begin = time.process_time()
        for i in order:
            disk[i]
        found['on disk: milliseconds to read'] = 1000 * (time.process_time() -
                                                         begin) / len(order)
        found['on disk: memory after reading'] = (resident() - start) / num
    start = resident()
    memory = InMemory(graphs, num)
    found['in memory: collated'] = (resident() - start) / num
    begin = time.process_time()
    start = resident()
    for i in order:
        memory[i]
    found['in memory: milliseconds to read'] = 1000 * (time.process_time() -
                                                       begin) / len(order)
    # PyG keeps a graph that was once taken out.
    found['in memory: once it was read'] = (resident() - start) / len(order)
    return found


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    rows = [[name, f'{value:,.2f}' if 'milliseconds' in name else f'{value:,.0f}']
            for name, value in record['a sentence'].items()]
    return (
        f"{record['machine']}, {record['date']}; {record['sentences']:,} sentences, "
        f"bytes where nothing else is said.\n\n" + markdown(['', 'a sentence'], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--num', type=int, default=100_000, help='sentences')
    parser.add_argument('--vector-size', type=int, default=96,
                        help='length of a word\'s feature vector')
    args = parser.parse_args()
    found = measure(args.num, args.vector_size)
    record = {'sentences': args.num, 'a sentence': found, **machine()}
    write_text(RESULTS / 'memory.json', json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
