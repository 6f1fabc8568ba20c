r"""Scores over the weights of the alignment, as Figure 9 of the paper shows them.

    python -m benchmarks.accuracy.sensitivity datasets/jmere --reuse \
        benchmarks/results/ablation.json

:math:`\alpha` and :math:`\lambda` go from 0 to 1 in steps of 0.2, one at a time, while
the other stays as the preset has it. Finished runs are kept in
``benchmarks/results/sensitivity.json``, with a picture beside it.
"""
from pathlib import Path
from typing import Any, Dict, List

import pandas as pd

from benchmarks.runner import SCORES, parser, show, sweep, table, variant_runs

WEIGHTS = {'alpha': 'model.alpha', 'lambda': 'model.lambda_graph'}
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
POINTS = {
    f'{weight}={value}': (f'{field}={value}', )
    for weight, field in WEIGHTS.items()
    for value in STEPS
}


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return table(records, POINTS)


def plot(records: List[Dict[str, Any]], path: Path) -> None:
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True)
    for axis, weight in zip(axes, WEIGHTS):
        data = pd.DataFrame([{
            weight: float(r['name'].partition('=')[2]),
            **{
                label: 100 * r['scores'][score]
                for label, score in SCORES.items()
            }
        } for r in records if r['name'].startswith(weight)], columns=[weight, *SCORES])
        groups = data.groupby(weight)
        for label in SCORES:
            mean, std = groups[label].mean(), groups[label].std().fillna(0)
            axis.errorbar(mean.index, mean, std, marker='o', ms=4, label=label)
        axis.set(xlabel=f'$\\{weight}$', xlim=(-0.05, 1.05))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel('F1 on the validation split, %')
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    args = parser(__doc__, 'sensitivity', epochs=8, variants=POINTS).parse_args()
    args.reuse.append(args.results)  # The two defaults are one run.
    records = sweep(variant_runs(args, POINTS, seeds=(0, )), args)
    plot(records, args.results.with_suffix('.png'))
    show(rows(records), args.markdown)


if __name__ == '__main__':
    main()
