r"""Trains a configuration over seeds and keeps every result.

    python benchmarks/jmere.py datasets/jmere --name paper --preset paper --seeds 0 1 2

A finished run is a record in ``benchmarks/results/jmere.json``: configuration, seed,
validation scores, the curve over the epochs, seconds an epoch, machine and date. A run
that is there already is not run again, and a stopped one goes on where it stopped.
"""
import argparse
import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any, Dict, List

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from eega_pyg.atomic import write_text
from eega_pyg.config import Config
from eega_pyg.training import fit

RESULTS = Path(__file__).parent / 'results' / 'jmere.json'


def machine() -> str:
    name = platform.processor() or platform.machine()
    if os.path.isfile('/proc/cpuinfo'):
        with open('/proc/cpuinfo', encoding='utf-8') as f:
            name = next((line.split(':')[1].strip()
                         for line in f if line.startswith('model name')), name)
    return f'{name}, {os.cpu_count()} cores, torch {torch.__version__}'


def read(path: Path) -> List[Dict[str, Any]]:
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else []


def run(config: Config, name: str, root: Path, folder: Path) -> Dict[str, Any]:
    result = fit(config, root, folder, resume=(folder / 'training').is_dir())
    curve = pd.read_csv(folder / 'training' / 'metrics.csv')
    return {
        'name': name,
        'seed': config.train.seed,
        'config': config.to_dict(),
        'scores': result.scores,
        'best_epoch': result.epoch + 1,
        'seconds_an_epoch': round(float(curve['seconds'].median()), 1),
        'threads': torch.get_num_threads(),
        'curve': json.loads(curve.round(4).to_json(orient='records')),
        'machine': machine(),
        'date': datetime.date.today().isoformat(),
    }


def print_table(records: List[Dict[str, Any]]) -> None:
    columns = ('quintuple_f1', 'directed_f1', 'entity_f1', 'quintuple_entity_f1')
    table = Table('name', 'seeds', *columns, 'seconds an epoch',
                  title='Validation split, %, mean ± standard deviation over the seeds')
    for name in dict.fromkeys(r['name'] for r in records):
        rows = [r for r in records if r['name'] == name]
        scores = pd.DataFrame([r['scores'] for r in rows]) * 100
        cells = [f'{scores[c].mean():.2f}' for c in columns]
        if len(rows) > 1:
            cells = [f'{s} ± {scores[c].std():.2f}' for s, c in zip(cells, columns)]
        seconds = pd.Series([r['seconds_an_epoch'] for r in rows]).mean()
        seeds = ' '.join(str(r['seed']) for r in rows)
        table.add_row(name, seeds, *cells, f'{seconds:.0f}')
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--name', required=True, help='what the table calls the runs')
    parser.add_argument('--preset', default='default')
    parser.add_argument('--set', dest='overrides', action='append', default=[])
    parser.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    parser.add_argument('--runs', type=Path, default=Path('runs') / 'jmere',
                        help='folder for the models')
    args = parser.parse_args()
    for seed in args.seeds:
        done = {(r['name'], r['seed']) for r in read(RESULTS)}
        if (args.name, seed) in done:
            continue
        config = Config.load(args.preset, [*args.overrides, f'train.seed={seed}'])
        record = run(config, args.name, args.root, args.runs / f'{args.name}-{seed}')
        # Read again: another process may have added its own meanwhile.
        records = sorted([*read(RESULTS), record], key=lambda r: (r['name'], r['seed']))
        write_text(RESULTS, json.dumps(records, indent=1) + '\n')
    print_table(read(RESULTS))


if __name__ == '__main__':
    main()
