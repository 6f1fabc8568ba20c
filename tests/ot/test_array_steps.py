r"""Steps on arrays are those on tensors, in any chunks."""
import dataclasses
from typing import Any

import pytest
import torch
from ot_cases import graphs

import eega_pyg.ot.descent as descent_module
from eega_pyg.ot import (
    MirrorDescent,
    QuadraticProblem,
    TransportOutput,
    edge_cost,
    gromov_wasserstein,
    quadratic_problem,
)

SIZES_S, SIZES_T = [5, 1, 9, 3, 8, 2], [7, 4, 3, 11, 1, 6]


def make(dtype: torch.dtype = torch.float64, weighed: bool = False,
         **options: Any) -> QuadraticProblem:
    generator = torch.Generator().manual_seed(0)
    s, t = (graphs(n, generator, extra=2) for n in (SIZES_S, SIZES_T))
    sides = [(g.edge_index, edge_cost(g.x.to(dtype), g.edge_index)) for g in (s, t)]
    if options.pop('channels', False):
        sides = [(e, torch.stack([x, x.square()], 1)) for e, x in sides]
    masses = {}
    if weighed:
        a, b = (torch.rand(len(g.x), generator=generator).to(dtype) for g in (s, t))
        a[0] = 0
        masses = {
            name: x / x.new_zeros(6).index_add(0, g.batch, x)[g.batch]
            for name, x, g in (('a', a, s), ('b', b, t))
        }
    fused = options.pop('fused', False)
    problem = quadratic_problem(*sides[0], *sides[1], s.batch, t.batch, 6, **masses,
                                **options)
    if fused:
        cost = torch.rand(6, 9, 11, generator=generator).to(dtype)
        weight = torch.linspace(0, 1, 6, dtype=dtype)
        problem = dataclasses.replace(problem, cost=cost, weight=weight)
    return problem


def on_tensors(monkeypatch: pytest.MonkeyPatch, solver: MirrorDescent,
               problem: QuadraticProblem) -> TransportOutput:
    with monkeypatch.context() as patch:
        patch.setattr(descent_module, 'fits_arrays', lambda *_: False)
        return solver(problem)


PROBLEMS = [
    dict(loss='square', reading='matrix'),
    dict(loss='square', normalize=True, weighed=True),
    dict(loss='absolute', reading='matrix', fused=True),
    dict(loss='absolute', fused=True, weighed=True),
    dict(loss=('square', 'absolute'), channels=True, normalize=True),
]


@pytest.mark.parametrize('options', PROBLEMS)
@pytest.mark.parametrize('method', ['mirror', 'proximal'])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_steps_on_arrays_are_steps_on_tensors(monkeypatch: pytest.MonkeyPatch,
                                              options: dict, method: str,
                                              dtype: torch.dtype) -> None:
    problem = make(dtype, **options)
    tol = 1e-9 if dtype == torch.float64 else 1e-4
    for inner, num_iters in ((20, 5), (45, 3)):
        solver = MirrorDescent(method, 0.1, num_iters=num_iters, inner_iters=inner,
                               tol=1e-12)
        expected = on_tensors(monkeypatch, solver, problem)
        out = solver(problem)
        assert (out.plan - expected.plan).abs().max() < tol
        nodes = (problem.a > 0)[:, :, None] & (problem.b > 0)[:, None, :]
        assert (out.plan[~nodes] == 0).all()
        for x, y in zip(out[1:4] + out[7:], expected[1:4] + expected[7:]):
            torch.testing.assert_close(x, y, rtol=100 * tol, atol=tol)


def test_they_end_where_steps_on_tensors_end(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make(loss='square', normalize=True)
    expected = on_tensors(monkeypatch, MirrorDescent(), problem)
    assert expected.converged.any() and len(set(expected.iterations.tolist())) > 2
    for cache in (2**16, 200, 1):
        monkeypatch.setattr(descent_module, 'CACHE', cache)
        out = MirrorDescent()(problem)
        assert torch.equal(out.iterations, expected.iterations)
        assert torch.equal(out.converged, expected.converged)
        for x, y in zip(out[:4], expected[:4]):
            torch.testing.assert_close(x, y, rtol=1e-8, atol=1e-10)


def test_steep_costs_are_those_of_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    r"""Scalings grow beyond what a kernel holds."""
    problem = make(torch.float32, loss='square', fused=True)
    problem = dataclasses.replace(problem, weight=0.01)
    solver = MirrorDescent(epsilon=1e-3, num_iters=2, inner_iters=20)
    expected = on_tensors(monkeypatch, solver, problem)
    out = solver(problem)
    assert out.plan.isfinite().all()
    assert (out.regularized - expected.regularized).abs().max() < 1e-3


def test_a_pair_that_is_no_number_leaves_the_others_alone() -> None:
    d = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(0)).double()
    broken = d.clone()
    broken[1, 0, 2] = float('nan')
    out, expected = (gromov_wasserstein(x, d, num_iters=30, tol=1e-3)
                     for x in (broken, d))
    assert not out.converged[1] and bool(expected.converged[1])
    for x, y in zip(out, expected):
        torch.testing.assert_close(x[[0, 2]], y[[0, 2]])


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
@pytest.mark.parametrize('loss', ['square', 'absolute'])
def test_equal_nodes_stay_equal_beside_pairs_without(loss: str,
                                                     dtype: torch.dtype) -> None:
    r"""Stars, whose leaves are equal, beside a graph that has no equal nodes."""
    generator = torch.Generator().manual_seed(1)
    # Their number is no multiple of what a matrix product takes at a time.
    leaves = torch.arange(1, 23)
    rays = torch.stack([torch.zeros_like(leaves), leaves])
    rays = torch.cat([rays, rays.flip(0)], 1)
    other = graphs([11], generator, extra=5).edge_index
    edge_index = torch.cat([23 * i + rays for i in range(5)] + [5 * 23 + other], 1)
    value = torch.cat([
        torch.full((5 * 44, ), 0.3, dtype=dtype),
        torch.rand(other.size(1), generator=generator, dtype=dtype)
    ])
    batch = torch.repeat_interleave(torch.arange(6), torch.tensor([23] * 5 + [11]))
    t = graphs([5, 17, 23, 31, 39, 13], generator, extra=3)
    problem = quadratic_problem(edge_index, value, t.edge_index,
                                edge_cost(t.x.to(dtype), t.edge_index), batch, t.batch,
                                loss=loss, reading='matrix')
    for steps in range(1, 6):
        out = MirrorDescent(epsilon=0.05, num_iters=steps)(problem)
        equal = out.plan[:5, leaves]
        assert torch.equal(equal, equal[:, :1].expand_as(equal))
        assert not torch.equal(out.plan[5, 0], out.plan[5, 1])
