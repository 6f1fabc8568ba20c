r"""Finds the nodes of a graph again in copies of it that have lost and gained edges.

The copies of all graphs are matched at once by OTMatching, each by its sparse adjacency
alone: Gromov-Wasserstein with proximal points. POT's solvers get the same instances one
by one: the same algorithm, and the conditional gradient.

    python examples/graph_matching.py --copies 10 --noise 0.05
"""
import argparse
import time
import warnings
from typing import Callable, Dict, List, NamedTuple, Tuple

import networkx as nx
import numpy as np
import ot
import torch
from torch import Tensor

from eega_pyg.nn import OTMatching
from eega_pyg.ot import MirrorDescent

STEPS, INNER, EPSILON = 60, 50, 0.1


class Instance(NamedTuple):
    graph: nx.Graph
    copy: nx.Graph
    #: The node of the graph that each node of the copy was.
    order: np.ndarray


def noisy_copy(graph: nx.Graph, noise: float, rng: np.random.Generator) -> Instance:
    r"""Moves a share of the edges and shuffles the nodes."""
    copy = graph.copy()
    count = round(noise * graph.number_of_edges())
    lost, gained = list(graph.edges), list(nx.non_edges(graph))
    copy.remove_edges_from(lost[i] for i in rng.choice(len(lost), count, replace=False))
    copy.add_edges_from(gained[i]
                        for i in rng.choice(len(gained), count, replace=False))
    order = rng.permutation(len(graph))
    name = {int(old): new for new, old in enumerate(order)}
    return Instance(graph, nx.relabel_nodes(copy, name), order)


def as_batch(graphs: List[nx.Graph]) -> Tuple[Tensor, Tensor]:
    r"""Edges both ways, and the graph of each node."""
    edges, batch, first = [], [], 0
    for i, graph in enumerate(graphs):
        edge = torch.tensor(list(graph.edges)).t() + first
        edges += [edge, edge.flip(0)]
        batch.append(torch.full((len(graph), ), i))
        first += len(graph)
    return torch.cat(edges, dim=1), torch.cat(batch)


def match_all(instances: List[Instance]) -> Tuple[List[np.ndarray], List[float]]:
    r"""The node that each node of a copy gets, and the strengths POT is to use."""
    edges_s, batch_s = as_batch([x.graph for x in instances])
    edges_t, batch_t = as_batch([x.copy for x in instances])
    # Of nodes without features, only how many there are counts.
    sides = (torch.ones(batch_t.numel(), 1).double(), edges_t, batch_t,
             torch.ones(batch_s.numel(), 1).double(), edges_s, batch_s)
    solver = MirrorDescent('proximal', EPSILON, num_iters=STEPS, inner_iters=INNER)
    with torch.no_grad():
        # From each node of a copy to the node with the largest mass.
        (_, partner), _ = OTMatching(1., k=1, solver=solver)(*sides)
        start = OTMatching(1., solver=MirrorDescent(num_iters=0)).transport(*sides)
    sizes = torch.bincount(batch_t)
    partner = partner - (sizes.cumsum(0) - sizes)[batch_t]
    return ([p.numpy() for p in partner.split(sizes.tolist())],
            [2 * EPSILON * float(q) for q in start.quadratic])


def match_with_pot(instance: Instance, epsilon: float) -> np.ndarray:
    d_s, d_t = (nx.to_numpy_array(g, nodelist=range(len(g)), weight=None)
                for g in (instance.graph, instance.copy))
    return ot.gromov.entropic_gromov_wasserstein(d_s, d_t, epsilon=epsilon,
                                                 solver='PPA', max_iter=STEPS, tol=1e-6,
                                                 numItermax=INNER, warn=False).argmax(0)


def match_exactly(instance: Instance, _: float) -> np.ndarray:
    d_s, d_t = (nx.to_numpy_array(g, nodelist=range(len(g)), weight=None)
                for g in (instance.graph, instance.copy))
    return ot.gromov.gromov_wasserstein(d_s, d_t, max_iter=STEPS).argmax(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--copies', type=int, default=10)
    parser.add_argument('--noise', type=float, default=0.05)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings('ignore', module='ot')

    graphs: Dict[str, nx.Graph] = {
        "Zachary's karate club": nx.karate_club_graph(),
        'preferential attachment': nx.barabasi_albert_graph(60, 3, seed=0),
        'small world': nx.watts_strogatz_graph(60, 6, 0.2, seed=0),
        'random geometric': nx.random_geometric_graph(60, 0.25, seed=1),
    }
    rng = np.random.default_rng(args.seed)
    instances = {
        name: [noisy_copy(g, args.noise, rng) for _ in range(args.copies)]
        for name, g in graphs.items()
    }
    flat = [x for group in instances.values() for x in group]

    start = time.perf_counter()
    ours, strengths = match_all(flat)
    seconds = {'eega_pyg.ot, all at once': time.perf_counter() - start}
    found = {'eega_pyg.ot, all at once': ours}
    loops: Dict[str, Callable[[Instance, float], np.ndarray]] = {
        'POT, same algorithm': match_with_pot,
        'POT, conditional gradient': match_exactly,
    }
    for name, match in loops.items():
        start = time.perf_counter()
        found[name] = [match(x, e) for x, e in zip(flat, strengths)]
        seconds[name] = time.perf_counter() - start

    print(f'Nodes found again, in %, in {args.copies} copies with '
          f'{args.noise:.0%} of the edges moved')
    print(f'{"":26}' + ''.join(f'{name:>27}' for name in found))
    for i, (name, group) in enumerate(instances.items()):
        cells = []
        for matches in found.values():
            part = matches[i * args.copies:(i + 1) * args.copies]
            score = [100 * float((m == x.order).mean()) for m, x in zip(part, group)]
            cells.append(f'{np.mean(score):20.1f} ± {np.std(score):4.1f}')
        print(f'{name:26}' + ''.join(cells))
    print(f'{"seconds":26}' + ''.join(f'{s:27.1f}' for s in seconds.values()))


if __name__ == '__main__':
    main()
