r"""What Gromov-Wasserstein solvers reach, and in which time.

Every solver gets the same problems from the same starts: the product plan and a
random one. The problems are random graphs of 3 to 20 nodes and, with ``--root``, the
image and text graphs of validation pairs with the features of the shipped model, each
with both losses and both readings. Where a plan ends is measured by the regularised
objective (mirror descent's own) and by the bare one. POT's entropic solvers take the
square loss over all pairs alone; its conditional gradient takes all through
:func:`exact_gromov_wasserstein`.

    python -m benchmarks.transport.gw_convergence --root datasets/jmere
"""
import argparse
import itertools
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import ot
import torch
from torch import Tensor

from benchmarks.transport.solvers import HERE, machine, save
from eega_pyg.ot import (
    DenseStructure,
    LinearProblem,
    MirrorDescent,
    QuadraticProblem,
    Sinkhorn,
    TransportOutput,
    edge_cost,
    exact_gromov_wasserstein,
    quadratic_problem,
)

EPSILON = 0.1
SETTINGS = list(itertools.product(('square', 'absolute'), ('neighbors', 'matrix')))
BATCH = 16
STEPS = 50
#: An end counts as above another's if it is so by more than this share.
SLACK = 1e-3
BUDGETS = (5, 10, 20, 40, 100)


def random_side(sizes: List[int],
                rng: np.random.Generator) -> Tuple[Tensor, Tensor, Tensor]:
    r"""Random trees with half as many more edges, weights between zero and one."""
    edges, weights, batch, first = [], [], [], 0
    for i, n in enumerate(sizes):
        pairs = {(int(rng.integers(j)), j) for j in range(1, n)}
        pairs |= {
            tuple(sorted(rng.choice(n, 2, replace=False).tolist()))
            for _ in range(n // 2)
        }
        for p, q in sorted(pairs):
            edges += [(first + p, first + q), (first + q, first + p)]
            weights += [rng.random()] * 2
        batch += [i] * n
        first += n
    return (torch.tensor(edges).t().contiguous(), torch.tensor(weights).double(),
            torch.tensor(batch))


def random_problems(count: int, rng: np.random.Generator) -> List[QuadraticProblem]:
    out = []
    for _ in range(0, count, BATCH):
        s, t = (random_side(rng.integers(3, 21, BATCH).tolist(), rng) for _ in range(2))
        out.append(quadratic_problem(*s[:2], *t[:2], s[2], t[2], BATCH))
    return out


def real_problems(root: Path, count: int) -> List[QuadraticProblem]:
    r"""What the alignment of the shipped model sees of the first validation pairs."""
    from torch_geometric.loader import DataLoader

    from eega_pyg.datasets import JMERE
    from eega_pyg.saving import load_model
    saved = load_model()
    data = JMERE(str(root), split='val', vocabularies=saved.vocabularies,
                 tags=saved.model.tag_set, **saved.data.arguments())
    out: List[QuadraticProblem] = []

    def keep(_: Any, inputs: Tuple[Any, ...]) -> None:
        x_s, edges_s, batch_s, x_t, edges_t, batch_t, size = inputs
        sides = []
        for x, edges in ((x_s.double(), edges_s), (x_t.double(), edges_t)):
            edges = torch.unique(edges[:, edges[0] != edges[1]], dim=1)
            sides += [edges, edge_cost(x, edges)]
        out.append(
            quadratic_problem(*sides, batch_s, batch_t, size, x_s.size(0), x_t.size(0)))

    saved.model.alignment.register_forward_pre_hook(keep)
    with torch.no_grad():
        for batch in DataLoader(data[:count], batch_size=BATCH):
            saved.model.eval()(batch, align=True)
    return out


def starts(problem: QuadraticProblem, rng: np.random.Generator) -> List[Tensor]:
    r"""The product plan and a random one."""
    product = problem.a[:, :, None] * problem.b[:, None, :]
    cost = -torch.as_tensor(rng.gamma(0.3, size=product.shape) + 1e-6).log()
    solve = Sinkhorn(1., relative=False)
    plan = solve(LinearProblem(cost * (product > 0), problem.a, problem.b)).plan
    # A solver rounds what it starts from to its marginals.
    return [product, MirrorDescent(num_iters=0)(problem, plan).plan]


def ends(problem: QuadraticProblem, plan: Tensor) -> TransportOutput:
    r"""The objectives of given plans."""
    return MirrorDescent(epsilon=EPSILON, num_iters=0)(problem, plan)


def strength(problem: QuadraticProblem) -> Tensor:
    r"""The regulariser in absolute units :math:`(B)`."""
    product = problem.a[:, :, None] * problem.b[:, None, :]
    return 2 * EPSILON * ends(problem, product).quadratic


def full_steps(problem: QuadraticProblem, start: Tensor, steps: int) -> Tensor:
    r"""Mirror descent without a line search, as it is published."""
    unit = strength(problem)
    unit = torch.where(unit > 0, unit, 1)[:, None, None]
    objective, plan, potentials = problem.objective(), start, None
    solve = Sinkhorn(1., relative=False, num_iters=100, tol=1e-8)
    for _ in range(steps):
        linear = LinearProblem(objective.gradient(plan) / unit, problem.a, problem.b)
        out = solve(linear, potentials)
        plan, potentials = out.plan, (out.potential_s, out.potential_t)
    return plan


def matrices(problem: QuadraticProblem) -> Iterator[Tuple[int, np.ndarray, np.ndarray]]:
    r"""Both structures of each pair, without padding."""
    sides = []
    for structure, mass in ((problem.structure_s, problem.a), (problem.structure_t,
                                                               problem.b)):
        assert not isinstance(structure, DenseStructure)
        n = structure.num_nodes
        dense = structure.value.new_zeros(structure.batch_size, n, n)
        dense[structure.graph, structure.row % n, structure.col % n] = structure.value
        sides.append([m[x > 0][:, x > 0].numpy() for m, x in zip(dense, mass)])
    for i, (d_s, d_t) in enumerate(zip(*sides)):
        if d_s.size and d_t.size:
            yield i, d_s, d_t


def pot(solver: str, problem: QuadraticProblem, start: Tensor) -> Tensor:
    r"""POT's entropic solvers, pair by pair."""
    out, unit = start.clone(), strength(problem)
    for i, d_s, d_t in matrices(problem):
        n, m = len(d_s), len(d_t)
        plan = ot.gromov.entropic_gromov_wasserstein(d_s, d_t, epsilon=max(
            float(unit[i]),
            1e-9), G0=start[i, :n, :m].numpy(), solver=solver, max_iter=STEPS, tol=1e-9,
                                                     numItermax=100, warn=False)
        if np.isfinite(plan).all():
            out[i, :n, :m] = torch.as_tensor(plan)
    return out


def contenders(problem: QuadraticProblem) -> Dict[str, Callable[[Tensor], Tensor]]:
    def exact(start: Tensor) -> Tensor:
        return exact_gromov_wasserstein(problem.structure_s, problem.structure_t,
                                        problem.a, problem.b, loss=problem.loss,
                                        reading=problem.reading, plan=start,
                                        num_iters=STEPS).plan

    out: Dict[str, Callable[[Tensor], Tensor]] = {
        'mirror': lambda start: MirrorDescent(epsilon=EPSILON)(problem, start).plan,
        'proximal': lambda start: MirrorDescent('proximal', EPSILON)
        (problem, start).plan,
        'full steps': lambda start: full_steps(problem, start, STEPS),
        "POT's conditional gradient": exact,
    }
    if (problem.loss, problem.reading) == ('square', 'matrix'):
        for name in ('PGD', 'PPA'):
            out[f"POT's {name}"] = lambda start, name=name: pot(name, problem, start)
    return out


def compare(problems: List[QuadraticProblem],
            rng: np.random.Generator) -> Dict[str, Any]:
    r"""Where each solver ends, from each start."""
    found: Dict[str, List[Tensor]] = {}
    seconds: Dict[str, float] = {}
    inside, rises, converged = [], [], []
    for problem in problems:
        begins = starts(problem, rng)
        inside.append((problem.a > 0).any(1))
        for name, solve in contenders(problem).items():
            begin = time.process_time()
            plans = [solve(start) for start in begins]
            seconds[name] = seconds.get(name, 0.) + time.process_time() - begin
            values = [ends(problem, plan) for plan in plans]
            found.setdefault(name, []).append(
                torch.stack([torch.stack([v.regularized, v.quadratic]) for v in values],
                            -1))
        own = MirrorDescent(epsilon=EPSILON)(problem)
        converged.append(own.converged)
        first = ends(problem, begins[0]).regularized
        rises.append(own.regularized > first * (1 + 1e-12))
    keep = torch.cat(inside)
    ours, bare = torch.cat(found['mirror'], 1)[:, keep]  # [B, starts]
    out: Dict[str, Any] = {
        'pairs': int(keep.sum()),
        'converged': float(torch.cat(converged)[keep].double().mean()),
        'above the product plan': float(torch.cat(rises)[keep].double().mean()),
    }
    for name, parts in found.items():
        regularized, quadratic = torch.cat(parts, 1)[:, keep]
        slack = SLACK * regularized.abs() + 1e-9
        below = ours <= regularized + slack
        near, slack = torch.cat(found['proximal'], 1)[1][keep], SLACK * quadratic.abs()
        out[name] = {
            'regularised':
            regularized.mean(0).tolist(),
            'bare':
            quadratic.mean(0).tolist(),
            'mirror at or below':
            below.double().mean(0).tolist(),
            'mirror at or below, best of the starts':
            float((ours.amin(1)
                   <= regularized.amin(1) + slack.amin(1) + 1e-9).double().mean()),
            'proximal at or below, bare':
            (near <= quadratic + slack + 1e-9).double().mean(0).tolist(),
            'seconds':
            seconds[name],
        }
    return out


def curves(problems: List[QuadraticProblem]) -> Dict[str, Any]:
    r"""Mean objectives of each solver after a number of steps, and the processor time
    of a batch, from the product plan."""
    out: Dict[str, Any] = {}
    solvers: Dict[str, Callable[[QuadraticProblem, int], Tensor]] = {
        'mirror': lambda p, k: MirrorDescent(epsilon=EPSILON, num_iters=k)(p).plan,
        'proximal': lambda p, k: MirrorDescent('proximal', EPSILON, num_iters=k)
        (p).plan,
        'full steps': lambda p, k: full_steps(p, p.a[:, :, None] * p.b[:, None, :], k),
    }
    for dtype in (torch.float32, torch.float64):
        typed = [cast(p, dtype) for p in problems]
        for (name, solve), steps in itertools.product(solvers.items(), BUDGETS):
            if name == 'full steps' and steps > STEPS:
                continue
            begin = time.process_time()
            plans = [solve(p, steps) for p in typed]
            used = (time.process_time() - begin) / len(typed)
            values = [ends(p, plan.double()) for p, plan in zip(problems, plans)]
            out.setdefault(str(dtype).split('.')[1], {}).setdefault(name, []).append({
                'steps':
                steps,
                'ms':
                round(1e3 * used, 2),
                'regularised':
                float(torch.cat([v.regularized for v in values]).mean()),
                'bare':
                float(torch.cat([v.quadratic for v in values]).mean())
            })
    return out


def cast(problem: QuadraticProblem, dtype: torch.dtype) -> QuadraticProblem:
    s, t = (
        x._replace(value=x.value.to(dtype))  # type: ignore
        for x in (problem.structure_s, problem.structure_t))
    return replace(problem, structure_s=s, structure_t=t, a=problem.a.to(dtype),
                   b=problem.b.to(dtype))


def convergence(problems: List[QuadraticProblem]) -> Dict[str, float]:
    r"""The share of pairs that converge with the solver's defaults, and with those of
    the alignment."""
    solvers = {
        'MirrorDescent': MirrorDescent(),
        'GraphAlignment': MirrorDescent(num_iters=40, tol=1e-4)
    }
    out: Dict[str, float] = {}
    for (name, solver), dtype in itertools.product(solvers.items(),
                                                   (torch.float32, torch.float64)):
        reached = torch.cat([solver(cast(p, dtype)).converged for p in problems])
        out[f'{name}, {str(dtype).split(".")[1]}'] = float(reached.double().mean())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        '--root', type=Path, help='a JMERE folder with a validation '
        'split (default: random graphs alone)')
    parser.add_argument('--pairs', type=int, default=64)
    parser.add_argument('--output', type=Path, default=HERE / 'gw_convergence.json')
    args = parser.parse_args()
    warnings.filterwarnings('ignore', module='ot')
    torch.set_num_threads(1)

    groups: Dict[str, List[QuadraticProblem]] = {
        'random': random_problems(args.pairs, np.random.default_rng(0))
    }
    if args.root is not None:
        groups['real'] = real_problems(args.root, args.pairs)
    state: Dict[str, Any] = {'machine': machine(1), 'epsilon': EPSILON, 'results': []}
    for (group, problems), (loss,
                            reading) in itertools.product(groups.items(), SETTINGS):
        # The values in units of their mass; the plans are the same without it.
        posed = [
            replace(p, loss=loss, reading=reading, normalize=True) for p in problems
        ]
        result = {
            'problems': group,
            'loss': loss,
            'reading': reading,
            'ends': compare(posed, np.random.default_rng(1)),
            'converged': convergence(posed),
            'curves': curves(posed[:2])
        }
        plain = [MirrorDescent()(replace(p, normalize=False)).plan for p in posed]
        result['plans change with normalize'] = max(
            float((MirrorDescent()(p).plan - x).abs().max())
            for p, x in zip(posed, plain))
        state['results'].append(result)
        save(args.output, state)
        show(result)


def show(result: Dict[str, Any]) -> None:
    at = result['ends']
    print(f"{result['problems']}, {result['loss']}, {result['reading']}: "
          f"{at['pairs']} pairs, {result['converged']}")
    print('from the product plan | regularised | bare | mirror at or below | and from '
          'random plans | best of all starts | s')
    for name, row in at.items():
        if isinstance(row, dict):
            below = row['mirror at or below']
            print(f"{name} | {row['regularised'][0]:.5f} | {row['bare'][0]:.5f} | "
                  f"{100 * below[0]:.1f} % | {100 * np.mean(below[1:]):.1f} % | "
                  f"{100 * row['mirror at or below, best of the starts']:.1f} % | "
                  f"{row['seconds']:.1f}")
    for name, rows in result['curves']['float32'].items():
        print(f'  {name}: ' + ', '.join(
            f"{r['steps']} steps {r['ms']} ms {r['regularised']:.4f} {r['bare']:.4f}"
            for r in rows))


if __name__ == '__main__':
    main()
