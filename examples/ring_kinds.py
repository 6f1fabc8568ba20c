r"""Tells graphs apart by the types of their edges alone.

Every graph is a tree with a ring, of 'single' and 'double' edges. In one class single
and double edges alternate around the ring, as in an aromatic molecule; in the other as
many of each stand in another order. The same net without edge types can only guess.

    python examples/ring_kinds.py
"""
import argparse
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import ExplainerDataset
from torch_geometric.datasets.graph_generator import TreeGraph
from torch_geometric.datasets.motif_generator import CycleMotif
from torch_geometric.loader import DataLoader
from torch_geometric.nn import global_add_pool

from eega_pyg.nn import AttributeTransformer
from eega_pyg.nn.conv import AttributeTransformerConv

RING = 8


def ring_graphs(num_graphs: int, generator: torch.Generator) -> List[Data]:
    r"""Half of the rings alternate; all other edges are single or double by chance."""
    shapes = ExplainerDataset(TreeGraph(depth=3, undirected=True), CycleMotif(RING),
                              num_motifs=1, num_graphs=num_graphs)
    graphs = []
    for i, shape in enumerate(shapes):
        alternating = torch.arange(RING) % 2
        kinds = alternating
        while i % 2 == 0 and int(kinds.diff().abs().sum()) == RING - 1:
            kinds = alternating[torch.randperm(RING, generator=generator)]
        source, target = shape.edge_index
        low, high = torch.minimum(source, target), torch.maximum(source, target)
        # One type an undirected edge, whichever way it is read.
        by_chance = torch.randint(2, (shape.num_nodes, shape.num_nodes),
                                  generator=generator)[low, high]
        first = int(shape.node_mask.nonzero().min())
        place = torch.where(high - low == 1, low - first, RING - 1)
        on_ring = kinds[place.clamp(0, RING - 1)]
        graphs.append(
            Data(edge_index=shape.edge_index, num_nodes=shape.num_nodes, y=i % 2,
                 edge_type=torch.where(shape.edge_mask.bool(), on_ring, by_chance)))
    return graphs


class Net(torch.nn.Module):
    def __init__(self, typed: bool, channels: int = 32, num_layers: int = 3) -> None:
        super().__init__()
        self.typed = typed
        edges = {'edge_dim': 16, 'num_edge_types': 2} if typed else {}
        self.start = torch.nn.Parameter(torch.randn(channels))
        self.layers = torch.nn.ModuleList([
            AttributeTransformer(
                AttributeTransformerConv(channels, channels // 4, heads=4, **edges),
                channels, dropout=0.0) for _ in range(num_layers)
        ])
        self.lin = torch.nn.Linear(channels, 2)

    def forward(self, data: Data) -> Tensor:
        x = self.start.expand(data.num_nodes, -1)
        edges = {'edge_type': data.edge_type} if self.typed else {}
        for layer in self.layers:
            x = layer(x, data.edge_index, **edges)
        return self.lin(global_add_pool(x, data.batch))


def accuracy(graphs: Tuple[List[Data], List[Data]], typed: bool, epochs: int,
             seed: int) -> float:
    r"""Trains on the first graphs and returns the accuracy on the second."""
    torch.manual_seed(seed)
    net = Net(typed)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        for batch in DataLoader(graphs[0], batch_size=32, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(net(batch), batch.y).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        test = next(iter(DataLoader(graphs[1], batch_size=len(graphs[1]))))
        return float((net(test).argmax(-1) == test.y).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--graphs', type=int, default=800)
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    graphs = ring_graphs(args.graphs, torch.Generator().manual_seed(args.seed))
    split = args.graphs * 3 // 4, args.graphs
    parts = graphs[:split[0]], graphs[split[0]:]
    for name, typed in (('with edge types', True), ('without', False)):
        score = accuracy(parts, typed, args.epochs, args.seed)
        print(f'{name:>15}: {score:.1%} of {len(parts[1])} graphs')


if __name__ == '__main__':
    main()
