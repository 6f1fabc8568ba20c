r"""Compares graph layers in the place of EEGA's attribute transformer convolution.

    python -m benchmarks.layers.gnn_variants datasets/jmere

All of them sit in the same block (residual, feed-forward, layer norms) on both graphs,
and everything else starts from the same weights for the same seed. Layers that take
edge features read the edge types through a trained table, R-GCN reads the types
themselves, and FiLM and GCN do not see them. EEGA starts the values of its own layer at
a tenth; the outputs of all others have a trained gain that starts there, so that the
vanilla transformer, which is that layer with this gain and without edge types, differs
from the layer without edge types by the gain alone. The attribute transformer and its
two nearest rivals are run with three seeds, the rest with one; ``--only`` and
``--seeds`` choose others. Finished runs are kept in
``benchmarks/results/gnn_variants.json``.
"""
from argparse import Namespace
from functools import partial
from typing import Any, Dict, List

import torch
from torch import Tensor
from torch_geometric.nn import (
    FastRGCNConv,
    FiLMConv,
    GATv2Conv,
    GCNConv,
    GINEConv,
    TransformerConv,
)

from benchmarks.runner import Run, configure, parser, show, sweep, table
from eega_pyg.config import Config, ModelConfig
from eega_pyg.datasets import JMERE
from eega_pyg.nn.conv import AttributeTransformerConv
from eega_pyg.nn.models import EEGA
from eega_pyg.training.run import build_model

OURS, VANILLA, NONE = 'AttributeTransformerConv', 'vanilla transformer', 'none'
UNTYPED = f'{OURS} without edge types'
VARIANTS = (OURS, 'TransformerConv', 'GATv2Conv', 'GINEConv', 'RGCNConv', 'FiLMConv',
            'GCNConv', UNTYPED, VANILLA, NONE)
#: The paper's layer and its two nearest rivals.
SEEDS = dict.fromkeys(VARIANTS[:3], (0, 1, 2))
#: Layers that are called with a vector an edge.
ATTRIBUTED = ('TransformerConv', 'GATv2Conv', 'GINEConv')


class VariantConv(torch.nn.Module):
    r"""A convolution of PyG that is called as the attribute transformer's is.

    Its output has a trained gain, which starts at a tenth, as the values of EEGA's own
    layers do: what a random layer adds to a pretrained encoder's features is noise.

    Args:
        variant (str): One of :obj:`VARIANTS`.
        channels (int): Size of each input and output sample.
        num_edge_types (int): Number of edge types.
        config (ModelConfig): Heads, dropout and the size of an edge type's embedding.
    """
    def __init__(self, variant: str, channels: int, num_edge_types: int,
                 config: ModelConfig) -> None:
        super().__init__()
        self.variant = variant
        self.conv = graph_conv(variant, channels, num_edge_types, config)
        self.gain = torch.nn.Parameter(torch.tensor([0.1]))
        if variant in ATTRIBUTED:
            self.edge_emb = torch.nn.Embedding(num_edge_types, config.edge_dim)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        if self.variant in ATTRIBUTED:
            out = self.conv(x, edge_index, edge_attr=self.edge_emb(edge_type))
        elif self.variant == 'RGCNConv':
            out = self.conv(x, edge_index, edge_type)
        else:
            out = self.conv(x, edge_index)
        return self.gain * out


def graph_conv(variant: str, channels: int, num_edge_types: int,
               config: ModelConfig) -> torch.nn.Module:
    heads, size = config.heads, channels // config.heads
    if variant == VANILLA:
        return AttributeTransformerConv(channels, size, heads, dropout=config.dropout)
    if variant == 'TransformerConv':
        return TransformerConv(channels, size, heads, dropout=config.dropout,
                               edge_dim=config.edge_dim)
    if variant == 'GATv2Conv':  # Self-loops are edges of a type of their own already.
        return GATv2Conv(channels, size, heads, dropout=config.dropout,
                         edge_dim=config.edge_dim, add_self_loops=False)
    if variant == 'GINEConv':
        mlp = torch.nn.Sequential(torch.nn.Linear(channels, channels), torch.nn.ReLU(),
                                  torch.nn.Linear(channels, channels))
        return GINEConv(mlp, edge_dim=config.edge_dim)
    if variant == 'RGCNConv':  # A full matrix a predicate would be most of the model.
        return FastRGCNConv(channels, channels, num_edge_types, num_blocks=heads)
    if variant == 'FiLMConv':
        return FiLMConv(channels, channels)
    if variant == 'GCNConv':
        return GCNConv(channels, channels, add_self_loops=False)
    raise ValueError(f"Expected a variant of {', '.join(VARIANTS)} (got '{variant}')")


def build(variant: str, config: Config, train: JMERE) -> EEGA:
    r"""EEGA with another graph layer; all other weights start as they do in EEGA."""
    model = build_model(config, train)
    if variant == OURS:
        return model
    sizes = train.vocabularies.sizes
    graphs = [(model.text_graph, sizes['dep'])]
    if model.visual:
        graphs.append((model.visual_graph, sizes['predicate']))
    for layers, num_edge_types in graphs:
        if variant == NONE:
            del layers[:]
        for layer in layers:
            layer.conv = VariantConv(variant, layer.channels, num_edge_types,
                                     config.model)
    return model


def variant_run(variant: str, args: Namespace, seed: int) -> Run:
    if variant == UNTYPED:
        return Run(variant, configure(args, seed, 'model.edge_dim=0'))
    return Run(variant, configure(args, seed), partial(build, variant), variant)


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
