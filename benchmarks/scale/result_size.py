r"""How large results are, and how a graph of them grows with the texts.

    python -m benchmarks.scale.result_size texts.jsonl --counts 500 1000 2000 4000

A model reads the texts of a file in their order, and what it finds in the first of them
is merged. None is read twice, so that what grows is what new texts bring.
"""
import argparse
import json
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List

import torch

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.bulk import table
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.item_files import read_records
from eega_pyg.files import write_text
from eega_pyg.knowledge_graph import KnowledgeGraph


def extracted(source: Path, count: int, model: Any) -> Dict[str, Any]:
    r"""The results of the first texts of a file, and the CPU seconds that they took."""
    items = [Item.from_dict(value) for _, value in islice(read_records(source), count)]
    if len(items) < count:
        raise ValueError(f"'{source}' has {len(items)} texts (asked for {count})")
    extractor = Extractor.from_pretrained(model, 'cpu')
    extractor.batch(items[:32])  # The first batch loads what all others need.
    start = time.process_time()
    results = [json.loads(result.to_json()) for result in extractor.batch(items)]
    return {
        'cpu_seconds': time.process_time() - start,
        'words': sum(len(extractor.parser.tokenize(i.text)[0]) for i in items),
        'results': results
    }


def sizes(results: List[Dict[str, Any]], folder: Path) -> Dict[str, Any]:
    r"""What results and their graph come to, in numbers and bytes."""
    lines = sum(len(json.dumps(r, ensure_ascii=False).encode()) + 1 for r in results)
    rows = [{'key': str(i), **result} for i, result in enumerate(results)]
    table.write_parquet(rows, str(folder / 'results.parquet'), table.RESULTS)
    graph = KnowledgeGraph.from_results(results)
    graph.write(folder / 'graph.jsonl')
    return {
        'texts': len(results),
        'text_bytes': sum(len(r['text'].encode()) for r in results),
        'line_bytes': lines,
        'parquet_bytes': (folder / 'results.parquet').stat().st_size,
        'graph_bytes': (folder / 'graph.jsonl').stat().st_size,
        'mentions': sum(len(r['entities']) for r in results),
        'quintuples': sum(len(r['quintuples']) for r in results),
        'entities': len(graph.nodes),
        'relations': len(graph.relations),
    }


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    rows = [[
        f"{r['texts']:,}", f"{r['text_bytes'] / r['texts']:.0f}",
        f"{r['line_bytes'] / r['texts']:.0f}", f"{r['parquet_bytes'] / r['texts']:.0f}",
        f"{r['mentions']:,}", f"{r['entities']:,}", f"{r['quintuples']:,}",
        f"{r['relations']:,}", f"{r['graph_bytes'] / r['texts']:.0f}"
    ] for r in record['sizes']]
    last = record['sizes'][-1]
    return (f"{record['model']}; {record['machine']}, {record['date']}; "
            f"{record['words'] / last['texts']:.0f} words a text, "
            f"{1e3 * record['cpu_seconds'] / last['texts']:.1f} ms of one thread for "
            f"each from text to result.\n\n" + markdown([
                'texts', 'bytes of a text', 'of its result, JSON line', 'Parquet',
                'mentions', 'entities of the graph', 'relations found',
                'relations of the graph', 'bytes of the graph a text'
            ], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='a file of JSON lines')
    parser.add_argument('--model')
    parser.add_argument('--counts', type=int, nargs='+',
                        default=[500, 1000, 2000, 4000])
    parser.add_argument('--results', type=Path, default=RESULTS / 'result_size.json')
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = extracted(args.source, max(args.counts), args.model)
    results = found.pop('results')
    with tempfile.TemporaryDirectory() as folder:
        record = {
            'model':
            args.model or 'the checkpoint of the package',
            **found, 'sizes':
            [sizes(results[:count], Path(folder)) for count in sorted(args.counts)],
            **machine()
        }
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
