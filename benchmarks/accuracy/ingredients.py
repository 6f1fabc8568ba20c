r"""Takes the ingredients of the preset ``default`` away, one at a time, and gives it
the alignment of the paper instead of its own.

    python -m benchmarks.accuracy.ingredients datasets/jmere

What it costs to leave one out is the difference of its mean and that of all runs of
``default`` with the same seeds; its interval is that over samples of the validation
sentences and of the runs (bootstrap, 95 %). Finished runs are kept in
``benchmarks/results/ingredients.json``.
"""
from typing import Any, Dict, List, Tuple

import numpy as np

from benchmarks import bootstrap
from benchmarks.runner import HEADER, parser, row, show, sweep, variant_runs

#: Eq. 7 as it is written.
PAPER = ('model.contrast=0', 'model.alpha=0.4')
INGREDIENTS = {
    'default': (),
    # On another machine, or with another number of threads, and again: what chance is
    # worth.
    'default once more': (),
    'default a third time': (),
    'without pretraining': ('train.pretrain_epochs=0', ),
    'without word features': ('model.token_features=false', 'data.word_vectors=false'),
    'with the symmetric table': ('data.table=symmetric', ),
    'without edge types': ('model.edge_dim=0', ),
    'without attribute transformers': ('model.num_layers=0', ),
    'without the multi-channel layer': ('model.channels=[]', ),
    'without the image': ('model.visual=false', ),
    'without the alignment': ('model.lambda_graph=0', *PAPER),
    'with the alignment of the paper': ('model.lambda_graph=0.6', *PAPER),
    'the same, normalised': ('model.lambda_graph=0.6', *PAPER, 'model.normalize=true'),
    'with the Wasserstein distance alone':
    ('model.lambda_graph=0.6', 'model.contrast=0', 'model.alpha=1'),
    'with the Gromov-Wasserstein distance alone':
    ('model.lambda_graph=0.6', 'model.contrast=0', 'model.alpha=0'),
}
#: The names of the runs that nothing is taken from.
WHOLE = ('default', 'default once more', 'default a third time')
COLUMNS = [*HEADER[:5], *(f'{view} F1 lost' for view in bootstrap.VIEWS)]


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    r"""A row for each variant, with what its runs lost against those of ``default``;
    what those lost that were done once more, against the first. The first row is all of
    ``default``."""
    whole = [r for r in records if r['name'] in WHOLE]
    out = [[*row('all runs of default', whole)[:5], '', '']]
    for name in INGREDIENTS:
        runs = [r for r in records if r['name'] == name]
        names = WHOLE[:WHOLE.index(name)] if name in WHOLE else WHOLE
        whole = [r for r in records if r['name'] in names]
        seeds = {r['seed'] for r in runs} & {r['seed'] for r in whole}
        whole, paired = ([r for r in side if r['seed'] in seeds]
                         for side in (whole, runs))
        out.append(
            row(name, runs)[:5] +
            [lost(whole, paired, view) for view in bootstrap.VIEWS])
    return out


def lost(whole: List[Dict[str, Any]], runs: List[Dict[str, Any]], view: str) -> str:
    r"""How far some runs are short of others in a score, and its interval."""
    if not runs:
        return ''
    mean, low, high = difference(whole, runs, view)
    return f'{100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]'


def difference(runs: List[Dict[str, Any]], others: List[Dict[str, Any]],
               view: str) -> Tuple[float, float, float]:
    r"""By how much the mean F1 of some runs is above that of others, and the ends of
    its interval."""
    mean, other = (np.mean([bootstrap.f1(r['counts'][view]) for r in side])
                   for side in (runs, others))
    return mean - other, *bootstrap.interval([r['counts'][view] for r in runs],
                                             [r['counts'][view] for r in others])


def main() -> None:
    args = parser(__doc__, 'ingredients', preset='default',
                  variants=INGREDIENTS).parse_args()
    records = sweep(variant_runs(args, INGREDIENTS, seeds=(0, 1, 2)), args)
    show(rows(records), args.markdown, COLUMNS)


if __name__ == '__main__':
    main()
