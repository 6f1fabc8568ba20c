r"""Compares graph layers in the place of EEGA's attribute transformer convolution.

    python -m benchmarks.layers.gnn_variants datasets/jmere

All of them sit in the same block (residual, feed-forward, layer norms) on both graphs,
and everything else starts from the same weights for the same seed. They are the values
of ``model.conv``, see :func:`eega_pyg.nn.graph_layer`. EEGA starts the values of its
own layer at a tenth; the outputs of all others have a trained gain that starts there,
so that the vanilla transformer, which is that layer with this gain and without edge
types, differs from the layer without edge types by the gain alone. The attribute
transformer and its two nearest rivals are run with three seeds, the rest with one;
``--only`` and ``--seeds`` choose others. Finished runs are kept in
``benchmarks/results/gnn_variants.json``.
"""
from argparse import Namespace
from functools import partial
from typing import Any, Dict, List, Tuple

import torch

from benchmarks.runner import Run, configure, parser, show, sweep, table
from eega_pyg.config import ModelConfig
from eega_pyg.nn.conv import AttributeTransformerConv

OURS, VANILLA, NONE = 'AttributeTransformerConv', 'vanilla transformer', 'none'
UNTYPED = f'{OURS} without edge types'
#: The overrides of each variant.
VARIANTS: Dict[str, Tuple[str, ...]] = {
    OURS: (),
    'TransformerConv': ('model.conv=transformer', ),
    'GATv2Conv': ('model.conv=gatv2', ),
    'GINEConv': ('model.conv=gine', ),
    'RGCNConv': ('model.conv=rgcn', ),
    'FiLMConv': ('model.conv=film', ),
    'GCNConv': ('model.conv=gcn', ),
    UNTYPED: ('model.edge_dim=0', ),
    VANILLA: (),
    NONE: ('model.conv=none', ),
}
#: The paper's layer and its two nearest rivals.
SEEDS = dict.fromkeys(list(VARIANTS)[:3], (0, 1, 2))


def vanilla(options: ModelConfig, channels: int,
            num_edge_types: int) -> torch.nn.Module:
    r"""EEGA's layer without edge types, given as one's own, so that it has a gain."""
    return AttributeTransformerConv(channels, channels // options.heads, options.heads,
                                    dropout=options.dropout)


def variant_run(variant: str, args: Namespace, seed: int) -> Run:
    config = configure(args, seed, *VARIANTS[variant])
    own = partial(vanilla, config.model) if variant == VANILLA else None
    return Run(variant, config, own, OURS if variant == UNTYPED else variant)


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return table(records, VARIANTS)


def main() -> None:
    args = parser(__doc__, 'gnn_variants', epochs=8, variants=VARIANTS).parse_args()
    seeds = {v: args.seeds or SEEDS.get(v, (0, )) for v in args.only}
    numbers = sorted(set().union(*seeds.values()))
    runs = [
        variant_run(v, args, n) for n in numbers for v in args.only if n in seeds[v]
    ]
    show(rows(sweep(runs, args)), args.markdown)


if __name__ == '__main__':
    main()
