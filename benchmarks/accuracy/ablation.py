r"""Leaves parts of EEGA out, as Table 2 of the paper does.

    python -m benchmarks.accuracy.ablation datasets/jmere --reuse \
        benchmarks/results/gnn_variants.json

Finished runs are kept in ``benchmarks/results/ablation.json``.
"""
from typing import Any, Dict, List

from benchmarks.runner import parser, show, sweep, table, variant_runs

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
    args = parser(__doc__, 'ablation', epochs=8, variants=ABLATIONS).parse_args()
    records = sweep(variant_runs(args, ABLATIONS, seeds=(0, )), args)
    show(rows(records), args.markdown)


if __name__ == '__main__':
    main()
