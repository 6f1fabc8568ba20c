r"""Random pairs of graphs of all sizes, in double precision, for the tests of
:mod:`eega_pyg.ot`."""
from typing import List, NamedTuple, Tuple

import numpy as np
import torch
from torch import Tensor


class Case(NamedTuple):
    r"""One pair: costs between its nodes, and a metric and masses on both sides."""
    cost: np.ndarray
    d_s: np.ndarray
    d_t: np.ndarray
    a: np.ndarray
    b: np.ndarray


def metric(n: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.random((n, 3))
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def masses(n: int, rng: np.random.Generator) -> np.ndarray:
    mass = rng.random(n) + 0.1
    return mass / mass.sum()


def case(k: int, n: int, rng: np.random.Generator) -> Case:
    return Case(rng.random((k, n)), metric(k, rng), metric(n, rng), masses(k, rng),
                masses(n, rng))


def cases(count: int, seed: int = 0, max_s: int = 12, max_t: int = 70) -> List[Case]:
    r"""Pairs of 1 to :obj:`max_s` by 1 to :obj:`max_t` nodes."""
    rng = np.random.default_rng(seed)
    return [
        case(int(rng.integers(1, max_s + 1)), int(rng.integers(1, max_t + 1)), rng)
        for _ in range(count)
    ]


def padded(arrays: List[np.ndarray], fill: float = 0.) -> Tensor:
    r"""Arrays of any sizes as one tensor."""
    shape = [max(sizes) for sizes in zip(*(x.shape for x in arrays))]
    out = torch.full((len(arrays), *shape), fill, dtype=torch.float64)
    for i, x in enumerate(arrays):
        out[(i, *(slice(size) for size in x.shape))] = torch.as_tensor(x)
    return out


def batched(pairs: List[Case], fill: float = 0.) -> Tuple[Tensor, ...]:
    r"""Costs, metrics and masses of all pairs, padded."""
    cost, d_s, d_t, a, b = zip(*pairs)
    return (padded(list(cost), fill), padded(list(d_s), fill), padded(list(d_t), fill),
            padded(list(a)), padded(list(b)))


class Graphs(NamedTuple):
    r"""A batch of graphs as PyG holds it."""
    x: Tensor
    edge_index: Tensor
    batch: Tensor


def graphs(sizes: List[int], generator: torch.Generator, num_features: int = 6,
           directed: bool = False, extra: int = 0) -> Graphs:
    r"""Random trees with self-loops, both ways unless :obj:`directed`, and
    :obj:`extra` more edges in each graph."""
    edges, batch, first = [], [], 0
    for i, size in enumerate(sizes):
        edges += [(first + j, first + j) for j in range(size)]
        pairs = [(int(torch.randint(j, (1, ), generator=generator)), j)
                 for j in range(1, size)]
        if size > 1:
            pairs += [
                tuple(torch.randperm(size, generator=generator)[:2].tolist())
                for _ in range(extra)
            ]
        for p, q in pairs:
            edges.append((first + p, first + q))
            if not directed:
                edges.append((first + q, first + p))
        batch += [i] * size
        first += size
    x = torch.randn(first, num_features, generator=generator, dtype=torch.float64)
    edge_index = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t().contiguous()
    return Graphs(x, edge_index, torch.tensor(batch, dtype=torch.long))


def one_graph(graph: Graphs, index: int) -> Graphs:
    r"""One graph of a batch alone."""
    nodes = (graph.batch == index).nonzero().flatten()
    inside = torch.isin(graph.edge_index[0], nodes)
    first = int(nodes[0]) if nodes.numel() > 0 else 0
    return Graphs(graph.x[nodes], graph.edge_index[:, inside] - first,
                  graph.batch[nodes] * 0)
