r"""Times and peak memory of :mod:`eega_pyg.ot` beside POT's solvers.

Every solver does the same fixed number of iterations on the same problems, forward
only: 100 Sinkhorn iterations for Wasserstein, and 5 proximal steps of 20 Sinkhorn
iterations for Gromov-Wasserstein with the square loss on all pairs of nodes, which is
what POT can do. The graphs have constant degree. In one case all solvers take turns, so
that other work on the machine meets them alike; each solver's peak memory is that of a
process of its own.

    python -m benchmarks.transport.solvers --threads 2

With ``--peers``, two more libraries take part (``pip install ott-jax geomloss``), whose
memory is not measured. For them, one thread is ``taskset -c 0`` and
``XLA_FLAGS=--xla_cpu_multi_thread_eigen=false``.
"""
import argparse
import json
import math
import multiprocessing
import os
import platform
import time
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import ot
import torch
from torch import Tensor

from eega_pyg.ot import gromov_wasserstein, node_layout, sinkhorn, sparse_structure

HERE = Path(__file__).parents[1] / 'results'
#: Cases with more entries (batch size x nodes x nodes) are not run.
LIMIT = 2e7
BATCHES = (1, 4, 16, 64, 256)
SIZES = (10, 20, 40, 100, 200, 500, 1000, 2000)
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}
ITERATIONS, STEPS, INNER = 100, 5, 20
EPSILON = 0.1


class Case(NamedTuple):
    problem: str
    batch_size: int
    nodes_s: int
    nodes_t: int
    ragged: bool

    @property
    def key(self) -> str:
        kind = 'ragged' if self.ragged else 'equal'
        return (
            f'{self.problem}-{self.batch_size}x{self.nodes_s}x{self.nodes_t}-{kind}')

    @property
    def entries(self) -> int:
        return self.batch_size * self.nodes_s * self.nodes_t


class Data(NamedTuple):
    r"""The same problems in every form a solver takes."""
    cost: Tensor
    d_s: Tensor
    d_t: Tensor
    mask_s: Tensor
    mask_t: Tensor
    sparse: Tuple[Any, Any]
    pairs: List[Tuple[np.ndarray, np.ndarray, np.ndarray]]


def cases() -> List[Case]:
    out = []
    for problem in ('wasserstein', 'gromov'):
        # Objects against words, as a batch of training has them.
        out += [
            Case(problem, b, 10, 40, ragged) for b in (1, 16, 64, 256)
            for ragged in (False, True) if b > 1 or not ragged
        ]
        out += [
            Case(problem, b, n, n, ragged) for b in BATCHES for n in SIZES
            for ragged in (False, True) if b > 1 or not ragged
        ]
    return sorted(out, key=lambda c: (c.nodes_s == c.nodes_t, c.entries))


def graph(n: int, rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    r"""A connected graph of degree about 4, its edges both ways and their distances."""
    ring, chord = np.arange(n), rng.permutation(n)
    row, col = np.concatenate([ring, ring]), np.concatenate([(ring + 1) % n, chord])
    edges = np.unique(np.sort(np.stack([row, col]), axis=0), axis=1)
    edges = edges[:, edges[0] != edges[1]]
    weight = rng.random(edges.shape[1])
    return np.concatenate([edges, edges[::-1]], 1), np.concatenate([weight, weight])


def make(case: Case) -> Data:
    rng = np.random.default_rng(0)
    sizes = [[
        int(rng.integers(max(n // 4, 1), n + 1)) if case.ragged else n
        for _ in range(case.batch_size)
    ] for n in (case.nodes_s, case.nodes_t)]
    sparse, dense, masks, single = [], [], [], []
    for side in sizes:
        graphs = [graph(n, rng) for n in side]
        first = np.cumsum([0] + side[:-1])
        batch = torch.repeat_interleave(torch.arange(len(side)), torch.tensor(side))
        nodes, _ = node_layout(len(batch), batch, len(batch), batch, len(side),
                               batch.device)
        edge_index = np.concatenate([e + f for (e, _), f in zip(graphs, first)], 1)
        weight = np.concatenate([w for _, w in graphs])
        sparse.append(
            sparse_structure(torch.as_tensor(edge_index),
                             torch.as_tensor(weight).float(), nodes))
        matrices = []
        for n, (edges, w) in zip(side, graphs):
            matrix = np.zeros((n, n), np.float32)
            matrix[edges[0], edges[1]] = w
            matrices.append(matrix)
        dense.append(pad(matrices))
        masks.append(nodes.mask)
        single.append(matrices)
    costs = [rng.random((n, m)).astype(np.float32) for n, m in zip(*sizes)]
    return Data(pad(costs), dense[0], dense[1], masks[0], masks[1],
                (sparse[0], sparse[1]), list(zip(costs, *single)))


def pad(arrays: List[np.ndarray]) -> Tensor:
    out = torch.zeros(len(arrays), *(max(n) for n in zip(*(x.shape for x in arrays))))
    for i, x in enumerate(arrays):
        out[i, :x.shape[0], :x.shape[1]] = torch.as_tensor(x)
    return out


def solvers(case: Case, data: Data,
            peers: bool = False) -> Dict[str, Callable[[], Any]]:
    linear = case.problem == 'wasserstein'
    out = {
        'eega_pyg.ot': ours_linear if linear else ours_sparse,
        'eega_pyg.ot, dense': ours_dense,
        'POT loop': pot_loop_linear if linear else pot_loop,
        'POT batch': pot_batch_linear if linear else pot_batch,
    }
    if linear:
        del out['eega_pyg.ot, dense']
    if case.ragged:
        out['POT batch, mass 1e-9'] = out.pop('POT batch')
    made: Dict[str, Callable[[], Any]] = {
        name: partial(solve, data)
        for name, solve in out.items()
    }
    if peers:
        from benchmarks.transport import peers as others
        made.update(
            others.linear(data, EPSILON, ITERATIONS) if linear else others.
            gromov(data, EPSILON, STEPS, INNER))
    return made


def ours_linear(data: Data) -> Any:
    return sinkhorn(data.cost, mask_s=data.mask_s, mask_t=data.mask_t, epsilon=EPSILON,
                    relative=False, num_iters=ITERATIONS, check_every=ITERATIONS,
                    tol=0.)


def ours_sparse(data: Data) -> Any:
    return ours(data, *data.sparse)


def ours_dense(data: Data) -> Any:
    return ours(data, data.d_s, data.d_t)


def ours(data: Data, s: Any, t: Any) -> Any:
    return gromov_wasserstein(s, t, mask_s=data.mask_s, mask_t=data.mask_t,
                              reading='matrix', method='proximal', epsilon=EPSILON,
                              relative=False, num_iters=STEPS, inner_iters=INNER,
                              check_every=INNER, tol=0.)


def pot_loop_linear(data: Data) -> Any:
    return [
        ot.sinkhorn([], [], cost, EPSILON, numItermax=ITERATIONS, stopThr=0, warn=False)
        for cost, _, _ in data.pairs
    ]


def pot_loop(data: Data) -> Any:
    return [
        ot.gromov.entropic_gromov_wasserstein(d_s, d_t, epsilon=EPSILON, symmetric=True,
                                              solver='PPA', max_iter=STEPS, tol=0,
                                              numItermax=INNER, stopThr=0, warn=False)
        for _, d_s, d_t in data.pairs
    ]


def pot_batch_linear(data: Data) -> Any:
    return ot.batch.solve_batch(data.cost, EPSILON, mass(data.mask_s),
                                mass(data.mask_t), max_iter=ITERATIONS, tol=0,
                                method='log_sinkhorn', grad='detach')


def pot_batch(data: Data) -> Any:
    return ot.batch.solve_gromov_batch(data.d_s, data.d_t, EPSILON, mass(data.mask_s),
                                       mass(data.mask_t), symmetric=True,
                                       max_iter=STEPS, tol=0, max_iter_inner=INNER,
                                       tol_inner=0, grad='detach')


def mass(mask: Tensor) -> Tensor:
    r"""Uniform masses; POT's batch gives NaN for padding without any."""
    out = torch.where(mask, 1., 1e-9)
    return out / out.sum(1, keepdim=True)


def times(case: Case, threads: int, clock: str, budget: float,
          peers: bool = False) -> Dict[str, float]:
    r"""The fastest of several turns, in seconds."""
    torch.set_num_threads(threads)
    now = CLOCKS[clock]
    run = solvers(case, make(case), peers)
    best = {name: math.inf for name in run}
    start, turns = now(), 0
    while turns < 2 or (turns < 30 and now() - start < budget):
        for name, solve in run.items():
            begin = now()
            solve()
            best[name] = min(best[name], now() - begin)
        turns += 1
    return best


def memory(case: Case, threads: int, name: str) -> float:
    r"""What one solve adds to the process at its peak, in MB (Linux)."""
    torch.set_num_threads(threads)
    small = Case(case.problem, 2, 5, 5, case.ragged)
    solvers(small, make(small))[name]()
    solve = solvers(case, make(case))[name]
    Path('/proc/self/clear_refs').write_text('5')
    before = status('VmRSS')
    solve()
    return (status('VmHWM') - before) / 1024


def status(field: str) -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise KeyError(field)


def apart(function: Callable, *args: Any) -> Any:
    r"""Calls a function in a new process: no memory or threads are left from before."""
    with multiprocessing.get_context('fork').Pool(1) as pool:
        return pool.apply(function, args)


def machine(threads: int) -> Dict[str, Any]:
    model = [
        line.split(':')[1].strip()
        for line in Path('/proc/cpuinfo').read_text().splitlines()
        if 'model name' in line
    ]
    return {
        'cpu': model[0] if model else platform.processor(),
        'cores': os.cpu_count(),
        'threads': threads,
        'torch': torch.__version__,
        'date': date.today().isoformat(),
    }


def save(path: Path, value: Dict[str, Any]) -> None:
    temporary = path.with_suffix('.tmp')
    temporary.write_text(json.dumps(value, indent=1) + '\n')
    os.replace(temporary, path)


def exponent(results: List[Dict[str, Any]], name: str, what: str) -> Optional[float]:
    r"""The slope over the nodes of single pairs of at least 200 nodes, log-log."""
    points = [
        (r['nodes_s'], r[what][name]) for r in results
        if r['problem'] == 'gromov' and r['batch_size'] == 1 and r['nodes_s'] >= 200
        and r['nodes_s'] == r['nodes_t'] and name in r[what]
    ]
    if len(points) < 3 or min(y for _, y in points) <= 0:
        return None
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


def table(results: List[Dict[str, Any]]) -> None:
    print(f'{"case":38} {"solver":22} {"ms":>10} {"MB":>8} {"times ours":>10}')
    for r in results:
        ours = r['seconds']['eega_pyg.ot']
        for name, seconds in r['seconds'].items():
            print(f'{r["key"]:38} {name:22} {1e3 * seconds:10.2f} '
                  f'{r["megabytes"].get(name, math.nan):8.1f} {seconds / ours:10.2f}')


def plot(results: List[Dict[str, Any]], path: Path) -> None:
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    panels = [
        ('Gromov-Wasserstein, one pair', 'nodes of each graph', 'seconds',
         lambda r: r['problem'] == 'gromov' and r['batch_size'] == 1, 'nodes_s'),
        ('Gromov-Wasserstein, one pair', 'nodes of each graph', 'megabytes',
         lambda r: r['problem'] == 'gromov' and r['batch_size'] == 1, 'nodes_s'),
        ('Gromov-Wasserstein, 40 nodes, equal', 'pairs in the batch', 'seconds',
         lambda r: r['problem'] == 'gromov' and r['nodes_s'] == 40 and not r['ragged'],
         'batch_size'),
        ('Gromov-Wasserstein, ≤ 40 nodes, ragged', 'pairs in the batch', 'seconds',
         lambda r: r['problem'] == 'gromov' and r['nodes_s'] == 40 and r['ragged'],
         'batch_size'),
    ]
    figure, axes = plt.subplots(2, 2, figsize=(10, 8))
    colors = {
        'eega_pyg.ot': 'C0',
        'eega_pyg.ot, dense': 'C9',
        'POT loop': 'C1',
        'POT batch': 'C3',
        'POT batch, mass 1e-9': 'C3',
        'ott-jax, log': 'C2',
        'ott-jax, kernel': 'C8',
        'geomloss': 'C4'
    }
    for axis, (title, xlabel, what, keep, by) in zip(axes.flat, panels):
        rows = sorted((r for r in results if keep(r)), key=lambda r: r[by])
        for name in sorted({name for r in rows for name in r[what]}):
            points = [(r[by], r[what][name]) for r in rows if name in r[what]]
            slope = exponent(results, name, what) if by == 'nodes_s' else None
            label = name if slope is None else f'{name} (n^{slope:.1f} from 200)'
            axis.loglog(*zip(*points), 'o-', color=colors[name], label=label, ms=4)
        axis.set(title=title, xlabel=xlabel,
                 ylabel='seconds' if what == 'seconds' else 'peak memory, MB')
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--clock', choices=list(CLOCKS), default='wall')
    parser.add_argument('--max-entries', type=float, default=LIMIT)
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=list(BATCHES))
    parser.add_argument('--budget', type=float, default=5., help='seconds for a case')
    parser.add_argument('--peers', action='store_true',
                        help='also ott-jax and geomloss, which have to be installed')
    parser.add_argument('--output', type=Path, default=HERE / 'ot_solvers.json')
    args = parser.parse_args()

    args.output.parent.mkdir(parents=True, exist_ok=True)
    state: Dict[str, Any] = {'results': [], 'skipped': []}
    if args.output.exists():
        state = json.loads(args.output.read_text())
    state['machine'] = machine(args.threads)
    done = {r['key'] for r in state['results']}
    state['skipped'] = [c.key for c in cases() if c.entries > LIMIT]
    for case in cases():
        if (case.key in done or case.batch_size not in args.batch_sizes
                or case.entries > min(args.max_entries, LIMIT)):
            continue
        print(case.key, flush=True)
        seconds = apart(times, case, args.threads, args.clock, args.budget, args.peers)
        megabytes = {
            name: apart(memory, case, args.threads, name)
            for name in seconds if name in solvers(case, make(case))
        }
        state['results'].append({
            'key': case.key,
            **case._asdict(), 'seconds': seconds,
            'megabytes': megabytes,
            'threads': args.threads,
            'clock': args.clock,
            'load': round(os.getloadavg()[0], 1)
        })
        save(args.output, state)
    done = {r['key'] for r in state['results']}
    state['not run'] = [
        c.key for c in cases() if c.entries <= LIMIT and c.key not in done
    ]
    state['exponents'] = {
        what: {
            name: exponent(state['results'], name, what)
            for name in ('eega_pyg.ot', 'eega_pyg.ot, dense', 'POT loop', 'POT batch')
        }
        for what in ('seconds', 'megabytes')
    }
    save(args.output, state)
    table(state['results'])
    print(f'skipped, more than {LIMIT:.0e} entries: {len(state["skipped"])} cases')
    print(f'left out by the options: {len(state["not run"])} cases')
    print(json.dumps(state['exponents'], indent=1))
    plot(state['results'], args.output.with_suffix('.png'))


if __name__ == '__main__':
    main()
