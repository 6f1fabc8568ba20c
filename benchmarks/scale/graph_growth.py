r"""What it costs to merge results into a graph, from a thousand to a million mentions.

    python -m benchmarks.scale.graph_growth

Results are made up: a text has two people or places and a relation between them, and
the n-th most frequent of them is named with a probability of about 1 / n. Each size
runs in a process of its own; a peak is what the process adds to it while it merges. A
run that is in the file of results is not repeated.
"""
import argparse
import json
import os
import random
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Dict, Iterator

from benchmarks.measure import machine, peak_above
from benchmarks.runner import RESULTS, markdown
from eega_pyg.files import write_text
from eega_pyg.knowledge_graph import KnowledgeGraph

SIZES = [1_000, 10_000, 100_000, 1_000_000]
#: The options of each way to merge.
WAYS: Dict[str, Dict[str, Any]] = {
    'in memory': {},
    'streamed': {
        'streamed': True
    },
    'streamed, 10 mentions': {
        'streamed': True,
        'max_mentions': 10
    },
}
_TEXT = '{} met {} on day {} and said that there would be more to tell about it later .'


def results(mentions: int) -> Iterator[Dict[str, Any]]:
    r"""Results with so many mentions, two a text."""
    rng = random.Random(0)
    for number in range(mentions // 2):
        # The logarithm of the rank is uniform, so that its density falls with 1 / rank.
        ranks = [int(mentions**rng.random()) for _ in range(2)]
        names = [f'N{"abcdefghij"[rank % 10]} {rank}' for rank in ranks]
        text = _TEXT.format(*names, number)
        entities, start = [], 0
        for name, rank in zip(names, ranks):
            start = text.index(name, start)
            entities.append({
                'text': name,
                'type': 'per' if rank % 3 else 'loc',
                'start': start,
                'end': start + len(name),
                'probability': rng.random()
            })
            start += len(name)
        yield {
            'text':
            text,
            'entities':
            entities,
            'quintuples': [{
                'head': entities[0],
                'relation': 'peer' if number % 2 else 'contain',
                'tail': entities[1],
                'probability': rng.random(),
                'directed': True
            }]
        }


def cost(mentions: int, way: str) -> Dict[str, Any]:
    r"""Seconds, the peak of the process, the graph, and what lies on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ['TMPDIR'] = tempfile.tempdir = folder
        KnowledgeGraph.from_results(results(20), **WAYS[way])  # What is done once.
        found: Dict[str, Any] = {}

        def merge() -> None:
            start, cpu = time.perf_counter(), time.process_time()
            graph = KnowledgeGraph.from_results(results(mentions), **WAYS[way])
            found.update(seconds=round(time.perf_counter() - start, 2),
                         cpu_seconds=round(time.process_time() - cpu,
                                           2), entities=len(graph.nodes),
                         relations=len(graph.relations), sentences=len(graph.sentences),
                         kept=sum(len(n.mentions) for n in graph.nodes.values()))
            start, cpu = time.perf_counter(), time.process_time()
            path = Path(folder) / 'graph.jsonl'
            graph.write(path)
            found.update(write_cpu_seconds=round(time.process_time() - cpu, 2),
                         file_megabytes=round(path.stat().st_size / 1e6, 2))

        peak = peak_above(merge)
    return {'mentions': mentions, 'way': way, 'megabytes': round(peak, 1), **found}


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    rows = [[
        f"{r['mentions']:,}", r['way'], f"{r['entities']:,}", f"{r['relations']:,}",
        f"{r['cpu_seconds']:.1f}", f"{r['megabytes']:.0f}",
        f"{1e6 * r['cpu_seconds'] / r['mentions']:.0f}",
        f"{r['write_cpu_seconds']:.1f}", f"{r['file_megabytes']:.1f}"
    ] for r in record['runs']]
    return f"{record['machine']}, {record['date']}.\n\n" + markdown([
        'mentions', 'way', 'entities', 'relations', 'merged, CPU s', 'peak, MB',
        'µs a mention', 'written, CPU s', 'file, MB'
    ], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=SIZES)
    parser.add_argument('--ways', nargs='+', choices=list(WAYS), default=list(WAYS))
    parser.add_argument('--results', type=Path, default=RESULTS / 'graph_growth.json')
    args = parser.parse_args()
    there = args.results.is_file()
    runs = json.loads(args.results.read_text())['runs'] if there else []
    record: Dict[str, Any] = {**machine(), 'runs': runs}
    done = [(run['mentions'], run['way']) for run in runs]
    for size in args.sizes:
        for way in args.ways:
            if (size, way) in done:
                continue
            with get_context('fork').Pool(1) as pool:  # All is imported already.
                record['runs'].append(pool.apply(cost, (size, way)))
            write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
