r"""Finds communities that only the types of the edges tell.

Everybody knows as many people in other communities as in his own; an edge says whether
two are friends, mostly in the same community, or foes, mostly not. The community of one
in ten is known. The same net without edge types can only guess the others.

    python examples/friend_or_foe.py
"""
import argparse

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import stochastic_blockmodel_graph, to_undirected

from eega_pyg.nn import AttributeTransformer
from eega_pyg.nn.conv import AttributeTransformerConv

FRIEND, FOE = 0, 1


def network(num_communities: int, size: int, degree: float, noise: float,
            known: float) -> Data:
    r"""A stochastic block model with one density everywhere and signed edges."""
    num_nodes = num_communities * size
    y = torch.arange(num_communities).repeat_interleave(size)
    density = torch.full((num_communities, num_communities), degree / num_nodes)
    edge_index = stochastic_blockmodel_graph([size] * num_communities, density)
    edge_index = edge_index[:, edge_index[0] < edge_index[1]]
    same = y[edge_index[0]] == y[edge_index[1]]
    flipped = torch.rand(same.numel()) < noise
    edge_index, edge_type = to_undirected(edge_index,
                                          torch.where(same != flipped, FRIEND, FOE),
                                          num_nodes)
    return Data(edge_index=edge_index, edge_type=edge_type, y=y,
                known=torch.rand(num_nodes) < known)


class Net(torch.nn.Module):
    def __init__(self, num_communities: int, typed: bool, channels: int = 32,
                 num_layers: int = 4) -> None:
        super().__init__()
        self.typed = typed
        edges = {'edge_dim': 16, 'num_edge_types': 2} if typed else {}
        #: One embedding a community, and one of those that are not known.
        self.emb = torch.nn.Embedding(num_communities + 1, channels)
        self.layers = torch.nn.ModuleList([
            AttributeTransformer(
                AttributeTransformerConv(channels, channels // 4, heads=4, **edges),
                channels) for _ in range(num_layers)
        ])
        self.lin = torch.nn.Linear(channels, num_communities)

    def forward(self, community: Tensor, data: Data) -> Tensor:
        x = self.emb(community)
        edges = {'edge_type': data.edge_type} if self.typed else {}
        for layer in self.layers:
            x = layer(x, data.edge_index, **edges)
        return self.lin(x)


def accuracy(data: Data, typed: bool, steps: int, seed: int) -> float:
    r"""Trains on the known nodes, half of them hidden from the input in every step, and
    returns the accuracy on all others."""
    torch.manual_seed(seed)
    num_communities = int(data.y.max()) + 1
    unknown = torch.full_like(data.y, num_communities)
    net = Net(num_communities, typed)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(steps):
        shown = data.known & (torch.rand(data.y.numel()) < 0.5)
        hidden = data.known & ~shown
        out = net(torch.where(shown, data.y, unknown), data)
        optimizer.zero_grad()
        F.cross_entropy(out[hidden], data.y[hidden]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        out = net(torch.where(data.known, data.y, unknown), data).argmax(-1)
    return float((out == data.y)[~data.known].float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--communities', type=int, default=3)
    parser.add_argument('--size', type=int, default=300)
    parser.add_argument('--degree', type=float, default=20)
    parser.add_argument('--noise', type=float, default=0.1)
    parser.add_argument('--known', type=float, default=0.1)
    parser.add_argument('--steps', type=int, default=200)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    data = network(args.communities, args.size, args.degree, args.noise, args.known)
    for name, typed in (('with edge types', True), ('without', False)):
        score = accuracy(data, typed, args.steps, args.seed)
        print(f'{name:>15}: {score:.1%} of {int((~data.known).sum())} nodes')


if __name__ == '__main__':
    main()
