import itertools
from typing import Tuple

import pytest
import torch
from ot_cases import Graphs, graphs
from torch import Tensor

from eega_pyg.ot import DenseStructure, edge_cost
from eega_pyg.ot import edge_pairs as edge_pairs_module
from eega_pyg.ot import quadratic_problem
from eega_pyg.ot.quadratic import QuadraticTerm

SIZES_S, SIZES_T = [3, 0, 1, 5, 4], [4, 3, 6, 2, 7]
OPTIONS = list(itertools.product(['square', 'absolute'], ['neighbors', 'matrix']))


def make(directed: bool) -> Tuple[Graphs, Graphs, Tensor]:
    generator = torch.Generator().manual_seed(int(directed))
    s = graphs(SIZES_S, generator, directed=directed, extra=1)
    t = graphs(SIZES_T, generator, directed=directed)
    plan = torch.rand(5, 5, 7, generator=generator, dtype=torch.float64)
    for i, (k, n) in enumerate(zip(SIZES_S, SIZES_T)):
        plan[i, k:] = 0
        plan[i, :, n:] = 0
    plan[1] = 0
    return s, t, plan


def term(s: Graphs, t: Graphs, loss: str, reading: str,
         normalize: bool = False) -> QuadraticTerm:
    problem = quadratic_problem(s.edge_index, edge_cost(s.x,
                                                        s.edge_index), t.edge_index,
                                edge_cost(t.x, t.edge_index), s.batch, t.batch, 5)
    return QuadraticTerm(*problem, loss, reading, normalize)


def literal(s: Graphs, t: Graphs, plan: Tensor, loss: str, reading: str) -> Tensor:
    r"""The sum over pairs of node pairs, term by term."""
    out = torch.zeros(5, dtype=torch.float64)
    for g in range(5):
        nodes_s = (s.batch == g).nonzero().flatten().tolist()
        nodes_t = (t.batch == g).nonzero().flatten().tolist()
        d_s, d_t = distances(s, nodes_s), distances(t, nodes_t)
        pairs_s = itertools.product(range(len(nodes_s)), repeat=2)
        for (i, k) in pairs_s:
            for (j, m) in itertools.product(range(len(nodes_t)), repeat=2):
                if reading == 'neighbors' and ((i, k) not in d_s or (j, m) not in d_t):
                    continue
                gap = abs(d_s.get((i, k), 0.) - d_t.get((j, m), 0.))
                out[g] += (plan[g, i, j] * plan[g, k, m] *
                           (gap**2 if loss == 'square' else gap))
    return out


def distances(graph: Graphs, nodes: list) -> dict:
    position = {node: i for i, node in enumerate(nodes)}
    out: dict = {}
    for p, q in graph.edge_index.t().tolist():
        if p in position:
            x, y = graph.x[p], graph.x[q]
            value = 1 - float(x @ y / (x.norm() * y.norm()))
            # An edge that is given twice counts twice, as two terms of a sum do.
            assert (position[p], position[q]) not in out
            out[position[p], position[q]] = value
    return out


def unique(graph: Graphs) -> Graphs:
    return graph._replace(edge_index=torch.unique(graph.edge_index, dim=1))


@pytest.mark.parametrize('directed', [False, True])
@pytest.mark.parametrize('loss, reading', OPTIONS)
def test_the_value_is_the_literal_sum(loss: str, reading: str, directed: bool) -> None:
    s, t, plan = make(directed)
    s, t = unique(s), unique(t)
    value = term(s, t, loss, reading).value(plan)
    torch.testing.assert_close(value, literal(s, t, plan, loss, reading), rtol=1e-12,
                               atol=1e-12)


@pytest.mark.parametrize('directed', [False, True])
@pytest.mark.parametrize('loss, reading', OPTIONS)
def test_the_gradient_is_the_slope_of_the_value(loss: str, reading: str,
                                                directed: bool) -> None:
    s, t, plan = make(directed)
    quadratic = term(unique(s), unique(t), loss, reading)
    # Finite differences of a quadratic function are exact.
    direction = torch.rand_like(plan) * (plan > 0)
    slope = (quadratic.value(plan + direction) - quadratic.value(plan - direction)) / 2
    for tracked in (False, True):
        with torch.set_grad_enabled(tracked):
            gradient = quadratic.gradient(plan)
        torch.testing.assert_close((gradient * direction).sum((1, 2)), slope)


@pytest.mark.parametrize('loss, reading', OPTIONS)
def test_dense_is_sparse(loss: str, reading: str) -> None:
    s, t, plan = make(directed=True)
    sparse = term(unique(s), unique(t), loss, reading, normalize=True)
    a = b = None
    dense = []
    for graph, sizes in ((unique(s), SIZES_S), (unique(t), SIZES_T)):
        matrix = torch.zeros(5, max(sizes), max(sizes), dtype=torch.float64)
        adjacency = torch.zeros_like(matrix)
        first = torch.tensor(sizes).cumsum(0) - torch.tensor(sizes)
        row, col = graph.edge_index
        g = graph.batch[row]
        matrix[g, row - first[g], col - first[g]] = edge_cost(graph.x, graph.edge_index)
        adjacency[g, row - first[g], col - first[g]] = 1
        dense.append(DenseStructure(matrix + 7 * (1 - adjacency), adjacency))
    problem = quadratic_problem(s.edge_index, s.edge_index[0].double(), t.edge_index,
                                t.edge_index[0].double(), s.batch, t.batch, 5)
    a, b = problem.a, problem.b
    # An adjacency rules, whatever the matrix holds beside it.
    quadratic = QuadraticTerm(dense[0], dense[1], a, b, loss, reading, True)
    for reverse in (False, True):
        inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
        torch.testing.assert_close(
            quadratic.product(plan, reverse) * inside,
            sparse.product(plan, reverse) * inside, rtol=1e-11, atol=1e-13)
    mixed = QuadraticTerm(dense[0], sparse.t, a, b, loss, reading, True)
    torch.testing.assert_close(mixed.value(plan), sparse.value(plan))


def test_normalized_is_the_mean_over_adjacent_pairs() -> None:
    s, t, _ = make(directed=False)
    s, t = unique(s), unique(t)
    quadratic = term(s, t, 'absolute', 'neighbors', normalize=True)
    problem = quadratic_problem(s.edge_index, edge_cost(s.x,
                                                        s.edge_index), t.edge_index,
                                edge_cost(t.x, t.edge_index), s.batch, t.batch, 5)
    product = problem.a[:, :, None] * problem.b[:, None, :]
    value = quadratic.value(product)
    for g in (0, 2, 3, 4):
        losses = [
            abs(x - y)
            for x in distances(s, (s.batch == g).nonzero().flatten().tolist()).values()
            for y in distances(t, (t.batch == g).nonzero().flatten().tolist()).values()
        ]
        assert float(value[g]) == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert value[1] == 0


@pytest.mark.parametrize('reading', ['neighbors', 'matrix'])
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, reading: str) -> None:
    s, t, plan = make(directed=False)
    plan.requires_grad_()
    values = []
    for chunk in (2**21, 20):
        monkeypatch.setattr(edge_pairs_module, 'CHUNK', chunk)
        s.x.requires_grad_(), t.x.requires_grad_()
        value = term(s, t, 'absolute', reading).value(plan)
        values.append((value, *torch.autograd.grad(value.square().sum(),
                                                   (plan, s.x, t.x))))
    for x, y in zip(*values):
        torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


def test_no_tensor_over_pairs_of_edges_outgrows_its_chunk(
        monkeypatch: pytest.MonkeyPatch) -> None:
    class Largest(torch.utils._python_dispatch.TorchDispatchMode):
        size = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                self.size = max(self.size, out.numel())
            return out

    generator = torch.Generator().manual_seed(0)
    s, t = graphs([60], generator), graphs([50], generator)
    plan = torch.rand(1, 60, 50, generator=generator, dtype=torch.float64)
    problem = quadratic_problem(s.edge_index, edge_cost(s.x,
                                                        s.edge_index), t.edge_index,
                                edge_cost(t.x, t.edge_index), s.batch, t.batch)
    edges_s, edges_t = s.edge_index.size(1), t.edge_index.size(1)
    monkeypatch.setattr(edge_pairs_module, 'CHUNK', 2000)
    for loss, bound in (('absolute', edges_s * 50), ('square', 3 * 60 * 50)):
        with Largest() as largest:
            QuadraticTerm(*problem, loss, 'neighbors', True).gradient(plan)
        assert largest.size <= bound < edges_s * edges_t < (60 * 50)**2
