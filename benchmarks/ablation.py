r"""Leaves parts of EEGA out, as Table 2 of the paper does.

    python benchmarks/ablation.py datasets/jmere --reuse \
        benchmarks/results/gnn_variants.json

Finished runs are kept in ``benchmarks/results/ablation.json``; with ``--reuse``, runs
of the same configuration are taken over from other files of results.
"""
from pathlib import Path
from typing import Any, Dict, List

from runner import Run, configure, parser, show, sweep, table

ABLATIONS = {
    'full': (),
    'without alignment': ('model.lambda_graph=0', ),
    'without edges in the attribute transformer': ('model.edge_dim=0', ),
    'without channel Pos': ('model.channels=[sd, co]', ),
    'without channel Sd': ('model.channels=[pos, co]', ),
    'without channel Co': ('model.channels=[pos, sd]', ),
    'without the multi-channel layer': ('model.channels=[]', ),
    'without the image': ('model.visual=false', ),
}


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return table(records, ABLATIONS)


def main() -> None:
    options = parser(__doc__, 'ablation', epochs=8)
    options.add_argument('--ablations', nargs='+', choices=ABLATIONS, default=ABLATIONS)
    options.add_argument('--reuse', type=Path, nargs='+', default=[])
    args = options.parse_args()
    runs = [
        Run(name, configure(args, seed, *ABLATIONS[name]))
        for seed in args.seeds or [0] for name in args.ablations
    ]
    show(rows(sweep(runs, args.root, args.runs, args.results, args.reuse)),
         args.markdown)


if __name__ == '__main__':
    main()
