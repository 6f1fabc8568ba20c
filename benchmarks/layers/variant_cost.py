r"""What a training step costs with each of the graph layers of ``gnn_variants.py``, or
with each fusion of text and image.

    python -m benchmarks.layers.variant_cost datasets/jmere
    python -m benchmarks.layers.variant_cost datasets/jmere --fusions

All of them take turns on the same batches, in the time of the processor. The peak is
what model, optimiser and steps add to the memory of a fresh process. The records are
kept in ``variant_cost.json`` and ``fusion_cost.json`` in ``benchmarks/results``.
"""
import argparse
import itertools
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, get_args

from torch_geometric.data import HeteroData

from benchmarks.layers.gnn_variants import OURS, VARIANTS, variant_run
from benchmarks.measure import apart, in_turns, machine, trainer
from benchmarks.runner import (
    BATCHES,
    RESULTS,
    TURNS,
    Run,
    configure,
    markdown,
    step_cost,
)
from eega_pyg.config import Config, FusionName
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.nn.models import EEGA
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16

TEXT_ONLY = 'text only'
#: The overrides of each fusion.
FUSIONS = {
    TEXT_ONLY: 'model.visual=false',
    **{
        name: f'model.fusion={name}'
        for name in get_args(FusionName)
    }
}


def measure(args: argparse.Namespace) -> Dict[str, Any]:
    config = Config.load(args.preset, args.overrides)
    seed = config.train.seed
    runs = [variant_run(variant, args, seed) for variant in VARIANTS]
    if args.fusions:
        runs = [Run(n, configure(args, seed, o)) for n, o in FUSIONS.items()]
    data = JMERE(str(args.root), tags=config.tags.tag_set(), **config.data.arguments())
    loader, _ = loaders(data, data, config.train)
    batches = list(itertools.islice(loader, args.batches))
    steps: Dict[str, Callable[[HeteroData], None]] = {}
    results: Dict[str, Dict[str, Any]] = {}
    for run in runs:
        results[run.name] = apart(step_cost, run, args.root, args.batches, args.turns)
        model = run.model(data).train()
        if model.fusion is not None:
            results[run.name]['fusion_parameters'] = sum(
                p.numel() for p in model.fusion.parameters())
        steps[run.name] = step_of(model, use_bf16(config.train))
    for name, seconds in in_turns(steps, batches, args.turns).items():
        results[name]['step_seconds'] = seconds / len(batches)
    return {
        'config': config.to_dict(),
        'bf16': use_bf16(config.train),
        'batches': args.batches,
        'turns': args.turns,
        'results': results,
        **machine(),
    }


def step_of(model: EEGA, bf16: bool) -> Callable[[HeteroData], None]:
    r"""A training step of a model."""
    return trainer(lambda batch: model.loss(batch)['loss'], model.parameters(), bf16)


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    results = record['results']
    first = OURS if OURS in results else TEXT_ONLY
    base = results[first]['step_seconds']
    rows: List[List[str]] = [[
        name, f"{r['step_seconds'] / base:.2f}", f"{r['step_megabytes']:.0f}",
        f"{1e-6 * r['parameters']:.1f}"
    ] for name, r in results.items()]
    head = [
        'name', f'time of a step, of that with {first}', 'peak MB', 'million parameters'
    ]
    if first == TEXT_ONLY:
        head.append('of these in the fusion')
        for row, r in zip(rows, results.values()):
            own = r.get('fusion_parameters')
            row.append('' if own is None else f'{1e-6 * own:.2f}')
    precision = 'bfloat16' if record['bf16'] else 'single precision'
    return (f"{record['machine']}, {record['threads']} thread(s), {precision}, "
            f"{record['batches']} batches, {record['date']}; seed "
            f"{record['config']['train']['seed']}.\n\n" + markdown(head, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--preset', default='paper')
    parser.add_argument('--set', dest='overrides', action='append', default=[])
    parser.add_argument('--fusions', action='store_true',
                        help='fusions of text and image in the place of graph layers')
    parser.add_argument('--batches', type=int, default=BATCHES)
    parser.add_argument('--turns', type=int, default=TURNS,
                        help='passes over the batches after the first')
    parser.add_argument('--results', type=Path)
    args = parser.parse_args()
    args.epochs = None
    if args.results is None:
        name = 'fusion_cost' if args.fusions else 'variant_cost'
        args.results = RESULTS / f'{name}.json'
    record = measure(args)
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
