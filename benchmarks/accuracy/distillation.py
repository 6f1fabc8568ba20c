r"""What several models say together, and single models that learn it from them.

    python -m benchmarks.accuracy.distillation datasets/jmere \
        --teachers runs/ingredients/default-0 runs/ingredients/default-1 ...

``--recipe`` tells the rows of teachers of one kind from those of another.

At inference an ensemble costs as many times more as it has models; a model distilled
from it costs no more than any other. Records are kept in
``benchmarks/results/distillation.json``.
"""
import json
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, List, Sequence

from torch_geometric.loader import DataLoader

from benchmarks import bootstrap
from benchmarks.measure import machine
from benchmarks.runner import (
    HEADER,
    Run,
    configure,
    data_identity,
    parser,
    read,
    show,
    sweep,
    table,
)
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.schema import TOKEN
from eega_pyg.tagging import decode_batch
from eega_pyg.training.distillation import ensemble_log_probs
from eega_pyg.training.evaluation import SentenceScores

#: What the rows of a recipe are called: teachers, their ensemble, what learns from it.
NAMES = ('{}', '{}, together', 'distilled from {}')
COLUMNS = HEADER[:5]


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    # Only an ensemble has several seeds.
    recipes = [
        r['name'].removesuffix(NAMES[1].format('')) for r in records
        if isinstance(r['seed'], str)
    ]
    names = [name.format(recipe) for recipe in recipes for name in NAMES]
    return [cells[:5] for cells in table(records, names)]


def score(name: str, seed: Any, models: Sequence[Path],
          args: Namespace) -> Dict[str, Any]:
    r"""The record of some models together on the validation split."""
    config = configure(args, 0)
    tags = config.tags.tag_set()
    arguments = {'tags': tags, **config.data.arguments()}
    train = JMERE(str(args.root), **arguments)
    val = JMERE(str(args.root), split='val', vocabularies=train.vocabularies,
                **arguments)
    said = ensemble_log_probs(models, args.root, 'val', tags, config.data)
    signatures = train.vocabularies.signatures if config.train.signatures else None
    scores = SentenceScores()
    for batch, log_probs in zip(DataLoader(val, 1), said):
        sizes = [batch[TOKEN].num_nodes]
        scores.update(
            batch,
            decode_batch(log_probs.float(), sizes, tags, config.data.table, signatures))
    return {
        'name': name,
        'seed': seed,
        'data': data_identity(args.root),
        'scores': scores.compute(),
        'counts': bootstrap.count(scores.extractions(), list(scores.targets.values())),
        **machine(),
    }


def main() -> None:
    # With the texts without tags an epoch has twice as many.
    options = parser(__doc__, 'distillation', epochs=6, preset='default')
    options.add_argument('--recipe', default='default',
                         help='what the teachers are called')
    options.add_argument('--teachers', type=Path, nargs='+', required=True,
                         help='folders of finished runs')
    args = options.parse_args()
    teacher, ensemble, student = (name.format(args.recipe) for name in NAMES)
    seeds = [
        Config.load(str(folder / 'training' / 'config.yaml')).train.seed
        for folder in args.teachers
    ]
    records = [
        score(teacher, seed, [folder], args)
        for seed, folder in zip(seeds, args.teachers)
    ]
    records.append(score(ensemble, ' '.join(map(str, seeds)), args.teachers, args))
    # All else is kept, and sorted in by the sweep.
    records += [r for r in read(args.results) if r['name'] not in (teacher, ensemble)]
    write_text(args.results, json.dumps(records, indent=1) + '\n')

    teachers = f"train.teachers=[{', '.join(map(str, args.teachers))}]"
    runs = [
        Run(student, configure(args, seed, teachers, 'train.unlabelled=true'))
        for seed in args.seeds or (0, 1, 2)
    ]
    show(rows(sweep(runs, args)), args.markdown, COLUMNS)


if __name__ == '__main__':
    main()
