r"""What the average of the weights is worth, with the runs of ``ingredients.py``.

    python benchmarks/averaging.py datasets/jmere runs/ingredients/default-*

Training does not see the average, so no run without it is needed: both the average and
the last weights stand in the last checkpoint of a run, and are scored on the validation
split. The records are kept in ``benchmarks/results/averaging.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

import bootstrap
import torch
from ingredients import COLUMNS, compare
from measure import machine
from runner import RESULTS, show

from eega_pyg.atomic import write_text
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.evaluation import collect_scores
from eega_pyg.training import PairTagging, build_model

#: What a row is called, and where Lightning keeps the weights.
WEIGHTS = {'average': 'state_dict', 'last weights': 'current_model_state'}


def score(root: Path, run: Path) -> List[Dict[str, Any]]:
    r"""A record for each of :obj:`WEIGHTS`."""
    config = Config.load(str(run / 'training' / 'config.yaml'))
    arguments = {'tags': config.tags.tag_set(), **config.data.arguments()}
    train = JMERE(str(root), **arguments)
    val = JMERE(str(root), split='val', vocabularies=train.vocabularies, **arguments)
    signatures = train.vocabularies.signatures if config.train.signatures else None
    module = PairTagging(build_model(config, train), config.train, signatures)
    path = run / 'training' / 'last.ckpt'
    checkpoint = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
    records = []
    for name, key in WEIGHTS.items():
        if key not in checkpoint:
            raise ValueError(f"'{path}' is of a run without 'train.average'")
        module.load_state_dict(checkpoint[key])
        found = collect_scores(module.model, val, signatures, config.train.batch_size)
        records.append({
            'name':
            name,
            'seed':
            config.train.seed,
            'epoch':
            checkpoint['epoch'] + 1,
            'config':
            config.to_dict(),
            'scores':
            found.compute(),
            'counts':
            bootstrap.count(found.extractions(), list(found.targets.values())),
            **machine(),
        })
    return records


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return compare(records, list(WEIGHTS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('runs', type=Path, nargs='+', help='folders of finished runs')
    parser.add_argument('--results', type=Path, default=RESULTS / 'averaging.json')
    parser.add_argument('--markdown', action='store_true')
    args = parser.parse_args()
    records = [record for run in args.runs for record in score(args.root, run)]
    write_text(args.results, json.dumps(records, indent=1) + '\n')
    show(rows(records), args.markdown, COLUMNS)


if __name__ == '__main__':
    main()
