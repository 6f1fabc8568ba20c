r"""What a model states in a stream of texts that nobody has filtered.

    python -m benchmarks.accuracy.stream datasets/jmere

JMERE keeps the texts of MNRE that state a relation. This reads all texts of the
validation file, with and without one, and counts how many of the quintuples that it
finds are the annotators', in either direction, from several probabilities on. The
result goes to ``benchmarks/results/stream.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict

import numpy as np

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets.mnre import UNRELATED, read_mnre
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.files import write_text
from eega_pyg.metrics import undirected
from eega_pyg.vision import read_captions

#: The least probabilities.
FROM = (0.0, 0.3, 0.5, 0.8)
COLUMNS = ('least probability', 'quintuples', 'right, %', 'mean probability, %',
           'recall, %', 'F1')


def measure(extractor: Extractor, root: Path) -> Dict[str, Any]:
    path, tags = root / 'raw' / 'mnre_val.txt', extractor.model.tag_set
    related = read_mnre(path, tags, 'merged')
    records = [*related, *read_mnre(path, tags, UNRELATED)]
    captions = read_captions(root / 'raw' / 'captions_val.jsonl')
    items = [
        Item(words=tuple(r.words), caption=captions.get(r.image_id)) for r in records
    ]
    given = [undirected(r.quintuples) for r in records]
    probability, right = [], []
    for result, gold in zip(extractor.batch(items), given):
        for q in result.extraction.quintuples:
            probability.append(q.probability)
            right.append(undirected([q]) <= gold)
    return {
        'texts': len(records),
        'related': len(related),
        'given': sum(map(len, given)),
        'probability': np.round(probability, 4).tolist(),
        'right': right,
    }


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    probability, right = map(np.asarray, (record['probability'], record['right']))
    rows = []
    for least in FROM:
        kept = probability >= least
        count, correct = int(kept.sum()), int(right[kept].sum())
        numbers = (correct / max(count, 1), probability[kept].mean() if count else 0.,
                   correct / record['given'], 2 * correct / (count + record['given']))
        rows.append([str(least), str(count), *(f'{100 * n:.1f}' for n in numbers)])
    return (f"{record['model']}; {record['texts']} texts, {record['related']} of which "
            f"state {record['given']} quintuples; {record['machine']}, "
            f"{record['date']}.\n\n" + markdown(COLUMNS, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--model', default='jmere-minilm')
    parser.add_argument('--results', type=Path, default=RESULTS / 'stream.json')
    args = parser.parse_args()
    record = {
        'model': args.model,
        **measure(Extractor.from_pretrained(args.model), args.root),
        **machine()
    }
    write_text(args.results, json.dumps(record) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
