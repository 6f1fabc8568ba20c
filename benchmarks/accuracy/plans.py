r"""Whether transport plans tell what a word is: how often more of a person's mass goes
to the people in the image than of something else's.

    python -m benchmarks.accuracy.plans datasets/jmere jmere-minilm runs/default

Of the validation split count the texts that name people and something else, and whose
captions name people and something else. For each person and each other entity of a text
it is asked whose share on the people of the image is larger: 100 % would be a plan that
always knows, 50 % one that knows nothing. The figures go to
``benchmarks/results/plans.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets.mnre import read_mnre
from eega_pyg.extraction.extractor import MAX_WORDS, Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Alignment
from eega_pyg.files import write_text
from eega_pyg.vision import read_captions

PERSON = 'per'
#: Words that a label of a person may end in.
PEOPLE = frozenset(
    'actor actress athlete audience baby boy boys child children couple crowd fan fans '
    'girl girls group guy individual individuals kid lady man men musician people '
    'person player players singer soldier soldiers team woman women'.split())
COLUMNS = ('model', 'pairs of entities', 'nodes, %', 'edges, %')


def compare(extractor: Extractor, root: Path) -> Dict[str, Any]:
    r"""How often a person has the larger share; half where two are equal."""
    records = read_mnre(root / 'raw' / 'mnre_val.txt', extractor.model.tag_set)
    captions = read_captions(root / 'raw' / 'captions_val.jsonl')
    records = [r for r in records if r.image_id in captions]
    items = [Item(words=r.words, caption=captions[r.image_id]) for r in records]
    results = extractor.batch(items, align=True)
    larger: Dict[str, List[float]] = {plan: [] for plan in Alignment._fields}
    for record, result in zip(records, results):
        people = np.array(
            [o.label.split()[-1] in PEOPLE for o in result.scene_graph.objects], bool)
        if result.alignment is None or people.all() or not people.any():
            continue
        entities = {e for q in record.quintuples for e in (q.head, q.tail)}
        shares = {
            e: [x[people].sum() for x in result.alignment.of(e)]
            for e in entities
        }
        for a in (e for e in entities if e.type == PERSON):
            for b in (e for e in entities if e.type != PERSON):
                for plan, x, y in zip(larger, shares[a], shares[b]):
                    larger[plan].append(1.0 if x > y else 0.5 * (x == y))
    return {
        'pairs': len(larger['nodes']),
        **{
            plan: float(np.mean(values))
            for plan, values in larger.items()
        }
    }


def report(record: Dict[str, Any]) -> str:
    rows = [[
        name,
        str(r['pairs']), f"{100 * r['nodes']:.1f}", f"{100 * r['edges']:.1f}"
    ] for name, r in record['results'].items()]
    return f"{record['machine']}, {record['date']}.\n\n" + markdown(COLUMNS, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('models', nargs='+', help='saved models')
    parser.add_argument('--results', type=Path, default=RESULTS / 'plans.json')
    args = parser.parse_args()
    models = {Path(name).name: name for name in args.models}
    if len(models) < len(args.models):
        parser.error('two of the folders have the same name')
    results = {
        name: compare(Extractor.from_pretrained(model, passage_words=MAX_WORDS),
                      args.root)
        for name, model in models.items()
    }
    record = {'results': results, **machine()}
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
