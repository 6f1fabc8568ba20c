r"""What a training step costs with each of the graph layers of ``gnn_variants.py``.

    python -m benchmarks.layers.variant_cost datasets/jmere

All of them take turns on the same batches, in the time of the processor. The peak is
what model, optimiser and steps add to the memory of a fresh process. The record is kept
in ``benchmarks/results/variant_cost.json``.
"""
import argparse
import itertools
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

from torch_geometric.data import HeteroData

from benchmarks.layers.gnn_variants import OURS, VARIANTS, variant_run
from benchmarks.measure import apart, in_turns, machine, trainer
from benchmarks.runner import BATCHES, RESULTS, TURNS, markdown, step_cost
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model


def measure(args: argparse.Namespace) -> Dict[str, Any]:
    config = Config.load(args.preset, args.overrides)
    data = JMERE(str(args.root), tags=config.tags.tag_set(), **config.data.arguments())
    loader, _ = loaders(data, data, config.train)
    batches = list(itertools.islice(loader, BATCHES))
    steps: Dict[str, Callable[[HeteroData], None]] = {}
    results: Dict[str, Dict[str, Any]] = {}
    for variant in VARIANTS:
        run = variant_run(variant, args, config.train.seed)
        results[variant] = apart(step_cost, run, args.root)
        model = build_model(run.config, data, run.conv).train()
        steps[variant] = trainer(lambda batch, model=model: model.loss(batch)['loss'],
                                 model.parameters(), use_bf16(config.train))
    for variant, seconds in in_turns(steps, batches, TURNS).items():
        results[variant]['step_seconds'] = seconds / len(batches)
    return {
        'config': config.to_dict(),
        'bf16': use_bf16(config.train),
        'batches': BATCHES,
        'turns': TURNS,
        'results': results,
        **machine(),
    }


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    results = record['results']
    ours = results[OURS]['step_seconds']
    rows: List[List[str]] = [[
        name, f"{r['step_seconds'] / ours:.2f}", f"{r['step_megabytes']:.0f}",
        f"{1e-6 * r['parameters']:.1f}"
    ] for name, r in results.items()]
    precision = 'bfloat16' if record['bf16'] else 'single precision'
    return (f"{record['machine']}, {record['threads']} thread(s), {precision}, "
            f"{record['date']}; seed {record['config']['train']['seed']}.\n\n" +
            markdown([
                'name', f'time of a step, of that with {OURS}', 'peak MB',
                'million parameters'
            ], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--preset', default='paper')
    parser.add_argument('--set', dest='overrides', action='append', default=[])
    parser.add_argument('--results', type=Path, default=RESULTS / 'variant_cost.json')
    args = parser.parse_args()
    args.epochs = None
    record = measure(args)
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
