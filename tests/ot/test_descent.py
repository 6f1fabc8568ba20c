r"""Every step of every solver goes down, and where it ends nothing is left to gain."""
from typing import Tuple

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ot_cases import batched, case, graphs

from eega_pyg.ot import (
    GromovWassersteinDistance,
    LinearProblem,
    MirrorDescent,
    ProximalPoint,
    QuadraticProblem,
    Sinkhorn,
    WassersteinDistance,
    edge_cost,
    gromov_wasserstein,
    quadratic_problem,
    sinkhorn,
)

EXAMPLES = settings(max_examples=30)
SEEDS = st.integers(0, 2**31)
LOSSES = st.sampled_from(['square', 'absolute'])
READINGS = st.sampled_from(['neighbors', 'matrix'])


def random_problem(seed: int, loss: str, reading: str, fused: bool = False,
                   directed: bool = False,
                   pairs: int = 3) -> Tuple[QuadraticProblem, torch.Tensor]:
    r"""Problems between random graphs, and a random start for each."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, 9, (2, pairs), generator=generator).tolist()
    s, t = (graphs(n, generator, directed=directed, extra=2) for n in sizes)
    # An edge that is given twice is no square of a difference any more.
    s, t = (g._replace(edge_index=torch.unique(g.edge_index, dim=1)) for g in (s, t))
    problem = quadratic_problem(s.edge_index, edge_cost(s.x,
                                                        s.edge_index), t.edge_index,
                                edge_cost(t.x, t.edge_index), s.batch, t.batch, pairs,
                                loss=loss, reading=reading)
    shape = (*problem.a.shape, problem.b.size(1))
    cost, plan = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    if fused:
        inside = (problem.a > 0)[:, :, None] & (problem.b > 0)[:, None, :]
        problem = QuadraticProblem(problem.structure_s, problem.structure_t, problem.a,
                                   problem.b, torch.where(inside, cost,
                                                          0), 0.7, loss, reading, True)
    return problem, plan**4


@pytest.mark.slow
@EXAMPLES
@given(SEEDS, LOSSES, READINGS, st.sampled_from(['mirror', 'proximal']), st.booleans(),
       st.booleans(), st.booleans(), st.sampled_from([0.02, 0.1, 1.]),
       st.sampled_from([1, 3, 50]))
def test_no_step_of_mirror_descent_goes_up(seed: int, loss: str, reading: str,
                                           method: str, fused: bool, directed: bool,
                                           begin: bool, epsilon: float,
                                           inner: int) -> None:
    problem, plan = random_problem(seed, loss, reading, fused, directed)
    last = torch.full((3, ), torch.inf, dtype=torch.float64)
    for steps in range(10):
        solver = MirrorDescent(method, epsilon, num_iters=steps, inner_iters=inner,
                               tol=0.)
        out = solver(problem, plan if begin else None)
        assert (out.regularized <= last + 1e-12).all(), steps
        # What falls is the objective of a plan, not of what misses its marginals.
        assert out.marginal_error.max() < 1e-12
        last = out.regularized


@EXAMPLES
@given(SEEDS, st.sampled_from([0.02, 0.1, 1.]))
def test_no_step_of_a_linear_solver_goes_the_wrong_way(seed: int,
                                                       epsilon: float) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, (3, 2)).tolist()
    cost, _, _, a, b = batched([case(k, n, rng) for k, n in sizes])
    problem = LinearProblem(cost, a, b)
    last = torch.full((3, ), torch.inf, dtype=torch.float64)
    for steps in range(8):
        out = ProximalPoint(epsilon, num_iters=steps, inner_iters=20)(problem)
        assert (out.linear <= last + 1e-14).all()
        last = out.linear
    # Sinkhorn's iterations ascend the dual.
    last = -last * torch.inf
    for steps in range(1, 9):
        out = Sinkhorn(epsilon, num_iters=steps, tol=0.)(problem)
        dual = (a * out.potential_s).sum(1) + (b * out.potential_t).sum(1)
        assert (dual >= last - 1e-12).all()
        last = dual


@pytest.mark.slow
@settings(max_examples=12)
@given(SEEDS, LOSSES, READINGS, st.booleans())
def test_a_converged_plan_is_stationary(seed: int, loss: str, reading: str,
                                        fused: bool) -> None:
    problem, plan = random_problem(seed, loss, reading, fused)
    out = MirrorDescent(num_iters=500, inner_iters=100, tol=1e-10)(problem, plan)
    a, b = problem.a, problem.b
    product = a[:, :, None] * b[:, None, :]
    inside = product > 0
    unit = 0.1 * torch.where(inside,
                             problem.objective().gradient(product).abs() * product,
                             0).sum((1, 2))
    slope = problem.objective().gradient(out.plan) + unit[:, None, None] * torch.where(
        out.plan > 0, out.plan / torch.where(inside, product, 1), 1).log()
    # Slopes are potentials of rows and columns where there is mass: nothing to gain.
    rest = slope - out.potential_s[:, :, None] - out.potential_t[:, None, :]
    left = (torch.where(inside, rest, 0).abs() * out.plan).sum((1, 2))
    done = out.converged & (unit > 1e-12)
    assert (left[done] <= 1e-4 * unit[done]).all()


def test_two_paths_no_longer_take_turns() -> None:
    r"""The two plans between which whole steps jump (the example of the
    documentation, a hundred times)."""
    generator = torch.Generator().manual_seed(0)
    sides, sizes = [], torch.randint(3, 11, (2, 100), generator=generator)
    for side in sizes:
        batch = torch.repeat_interleave(torch.arange(100), side)
        nodes = torch.arange(len(batch) - 1)
        nodes = nodes[batch[:-1] == batch[1:]]
        path = torch.stack([nodes, nodes + 1])
        edges = torch.cat([path, path.flip(0)], 1)
        x = torch.randn(len(batch), 8, generator=generator)
        sides.append((edges, edge_cost(x, edges), batch))
    distance = GromovWassersteinDistance('absolute', normalize=True)
    (edges_s, attr_s, s), (edges_t, attr_t, t) = sides
    out = distance(edges_s, attr_s, edges_t, attr_t, s, t)
    assert out.converged.double().mean() >= 0.95
    few, more = (GromovWassersteinDistance('absolute', normalize=True,
                                           solver=MirrorDescent(num_iters=k))(edges_s,
                                                                              attr_s,
                                                                              edges_t,
                                                                              attr_t, s,
                                                                              t)
                 for k in (200, 201))
    assert (few.quadratic - more.quadratic).abs().max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize('loss', ['square', 'absolute'])
def test_it_ends_below_whole_steps(loss: str) -> None:
    r"""POT's projected gradient takes whole steps; on sparse matrices it cycles."""
    problem, _ = random_problem(0, loss, 'matrix', pairs=40)
    ours = MirrorDescent()(problem)
    assert ours.converged.double().mean() >= 0.95
    product = problem.a[:, :, None] * problem.b[:, None, :]
    start = MirrorDescent(num_iters=0)(problem)
    unit = 0.2 * start.quadratic
    plan, objective = product, problem.objective()
    for _ in range(50):
        cost = objective.gradient(plan) / unit.clamp(min=1e-12)[:, None, None]
        plan = sinkhorn(cost, problem.a, problem.b, epsilon=1., relative=False,
                        tol=1e-9).plan
    whole = MirrorDescent(num_iters=0)(problem, plan).regularized
    below = ours.regularized <= whole * (1 + 1e-3) + 1e-9
    assert below.double().mean() >= 0.95
    assert (ours.regularized <= start.regularized + 1e-12).all()
    if loss == 'square':
        for i in range(40):
            n, m = int((problem.a[i] > 0).sum()), int((problem.b[i] > 0).sum())
            if n < 2 or m < 2:
                continue
            d_s, d_t = (torch.zeros(g.num_nodes, g.num_nodes, dtype=torch.float64)
                        for g in (problem.structure_s, problem.structure_t))
            for d, g in ((d_s, problem.structure_s), (d_t, problem.structure_t)):
                own = g.graph == i  # type: ignore
                d[
                    g.row[own] % g.num_nodes,  # type: ignore
                    g.col[own] % g.num_nodes] = g.value[own]  # type: ignore
            pots = ot.gromov.entropic_gromov_wasserstein(d_s[:n, :n].numpy(),
                                                         d_t[:m, :m].numpy(),
                                                         epsilon=float(unit[i]),
                                                         max_iter=50, tol=1e-9,
                                                         warn=False)
            assert np.abs(pots - plan[i, :n, :m].numpy()).max() < 1e-4


def test_a_name_that_does_not_exist_is_refused_at_once() -> None:
    for make in (MirrorDescent, Sinkhorn, ProximalPoint, WassersteinDistance,
                 GromovWassersteinDistance):
        with pytest.raises(TypeError, match='epsilom'):
            make(epsilom=0.1)
    with pytest.raises(TypeError, match='epsilom'):
        gromov_wasserstein(torch.eye(3), torch.eye(3), epsilom=0.1)
    with pytest.raises(ValueError, match="'tol' >= 0"):
        MirrorDescent(tol=-1.)
    with pytest.raises(ValueError, match='a cost in'):
        WassersteinDistance('manhattan')
    with pytest.raises(ValueError, match='a reading in'):
        GromovWassersteinDistance(reading='all')


def test_a_problem_keeps_its_options() -> None:
    problem, _ = random_problem(1, 'absolute', 'matrix')
    solver = MirrorDescent(num_iters=3)
    plain = QuadraticProblem(*(getattr(problem, x)
                               for x in ('structure_s', 'structure_t', 'a', 'b')))
    expected = gromov_wasserstein(*plain, loss='absolute', reading='matrix',
                                  num_iters=3)
    for x, y in zip(solver(problem), expected):
        torch.testing.assert_close(x, y)
    with pytest.raises(ValueError, match='give it to a solver'):
        gromov_wasserstein(*problem)
