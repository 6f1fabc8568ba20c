r"""Whether transport plans tell what a word is: how often more of a person's mass goes
to the people in the image than of something else's.

    python -m benchmarks.accuracy.plans datasets/jmere jmere-minilm runs/default

Of the validation split count the texts that name people and something else, and whose
captions name people and something else. For each person and each other entity of a text
it is asked whose share on the people of the image is larger: 100 % would be a plan that
always knows, 50 % one that knows nothing. Beside the plans of nodes and edges are those
of fused problems, whose objective is that of the nodes and, with the weight that stands
above the column, that of the edges for each unit of their mass. The figures go to
``benchmarks/results/plans.json``, and models that are there stay.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets.mnre import read_mnre
from eega_pyg.extraction.extractor import MAX_WORDS, Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Alignment
from eega_pyg.files import write_text
from eega_pyg.ot import (
    GraphAlignment,
    GraphAlignmentOutput,
    Layout,
    edge_cost,
    pairwise_cost,
    quadratic_problem,
)
from eega_pyg.ot.structure import unique_edges
from eega_pyg.vision import read_captions

PERSON = 'per'
#: Words that a label of a person may end in.
PEOPLE = frozenset(
    'actor actress athlete audience baby boy boys child children couple crowd fan fans '
    'girl girls group guy individual individuals kid lady man men musician people '
    'person player players singer soldier soldiers team woman women'.split())
#: Weights of the edges in fused problems.
WEIGHTS = (0.1, 0.3, 0.5)
COLUMNS = ('model', 'pairs of entities', 'nodes, %', 'edges, %',
           *(f'fused, {weight}, %' for weight in WEIGHTS), 'date')


class Fused(torch.nn.Module):
    r"""An alignment whose plan of the edges is that of a fused problem."""
    def __init__(self, alignment: GraphAlignment, weight: float) -> None:
        super().__init__()
        self.alignment = alignment
        self.weight = weight

    def forward(self, x_s: Tensor, edge_index_s: Tensor, nodes_s: Layout, x_t: Tensor,
                edge_index_t: Tensor, nodes_t: Layout, batch_size: int,
                both: bool) -> GraphAlignmentOutput:
        out = self.alignment(x_s, edge_index_s, nodes_s, x_t, edge_index_t, nodes_t,
                             batch_size, both)
        edges_s = unique_edges(edge_index_s, x_s.size(0))
        edges_t = unique_edges(edge_index_t, x_t.size(0))
        problem = quadratic_problem(
            edges_s, edge_cost(x_s, edges_s), edges_t, edge_cost(x_t, edges_t), nodes_s,
            nodes_t, batch_size, cost=pairwise_cost(nodes_s.pad(x_s), nodes_t.pad(x_t)),
            weight=self.weight, loss=self.alignment.gw_loss, normalize=True)
        return out._replace(edges=self.alignment.descent(problem))


def compare(extractor: Extractor, root: Path) -> Dict[str, Any]:
    r"""How often a person has the larger share, in each plan."""
    alignment = extractor.model.alignment
    pairs, found = _larger(extractor, root)
    for weight in WEIGHTS:
        extractor.model.alignment = Fused(alignment, weight)
        found[f'fused {weight}'] = _larger(extractor, root)[1]['edges']
    extractor.model.alignment = alignment
    return {'pairs': pairs, **found, **machine()}


def _larger(extractor: Extractor, root: Path) -> Tuple[int, Dict[str, float]]:
    r"""The number of pairs, and in how many a person has the larger share; half where
    two are equal."""
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
    return len(larger['nodes']), {
        plan: float(np.mean(values))
        for plan, values in larger.items()
    }


def report(record: Dict[str, Any]) -> str:
    plans = ('nodes', 'edges', *(f'fused {weight}' for weight in WEIGHTS))
    made = sorted({r['machine'] for r in record.values()})
    return f"{'; '.join(made)}.\n\n" + markdown(COLUMNS, [[
        name,
        str(r['pairs']), *(f'{100 * r[plan]:.1f}' if plan in r else 'not run'
                           for plan in plans), r['date']
    ] for name, r in record.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('models', nargs='+', help='saved models')
    parser.add_argument('--results', type=Path, default=RESULTS / 'plans.json')
    args = parser.parse_args()
    models = {Path(name).name: name for name in args.models}
    if len(models) < len(args.models):
        parser.error('two of the folders have the same name')
    record = json.loads(args.results.read_text()) if args.results.is_file() else {}
    for name, model in models.items():
        extractor = Extractor.from_pretrained(model, passage_words=MAX_WORDS)
        record[name] = compare(extractor, args.root)
        write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
