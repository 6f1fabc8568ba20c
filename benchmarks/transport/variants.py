r"""Unbalanced and partial transport in :mod:`eega_pyg.ot` beside POT's solvers, which
take one pair after the other: processor time for random costs between 10 and up to 40
nodes in double precision, one thread, forward only, each to its tolerance.

    python -m benchmarks.transport.variants
"""
import argparse
import json
import platform
import time
from typing import Callable, Dict, List

import numpy as np
import ot
import torch

from eega_pyg.ot import (
    LinearProblem,
    UnbalancedSinkhorn,
    exact_wasserstein,
    partial_problem,
)


def problem(batch_size: int) -> LinearProblem:
    generator = torch.Generator().manual_seed(0)
    cost = torch.rand(batch_size, 10, 40, generator=generator, dtype=torch.float64)
    size = torch.randint(5, 41, (batch_size, ), generator=generator)
    b = (torch.arange(40) < size[:, None]).double()
    return LinearProblem(cost, torch.full((batch_size, 10), 0.1, dtype=torch.float64),
                         b / b.sum(1, keepdim=True))


def contenders(given: LinearProblem) -> Dict[str, Dict[str, Callable[[], object]]]:
    solver = UnbalancedSinkhorn(0.1, 1., 1., relative=False)
    pairs = [(a.numpy(), b[b > 0].numpy(), c[:, b > 0].numpy())
             for c, a, b in zip(*given)]
    return {
        'unbalanced': {
            'eega_pyg.ot':
            lambda: solver(given),
            'POT':
            lambda: [
                ot.unbalanced.sinkhorn_unbalanced(a, b, c, 0.1, 1., reg_type='kl',
                                                  stopThr=1e-5) for a, b, c in pairs
            ]
        },
        'partial, exact': {
            'eega_pyg.ot':
            lambda: exact_wasserstein(*partial_problem(given, 0.5)),
            'POT':
            lambda:
            [ot.partial.partial_wasserstein(a, b, c, m=0.5) for a, b, c in pairs]
        },
    }


def best_time(call: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return float(np.min(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[1, 16, 64, 256])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--out', help='a JSON file for the times')
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: List[dict] = []
    print('| problem | pairs | eega_pyg.ot, ms | POT, ms |')
    print('|---|---|---|---|')
    for batch_size in args.batch_sizes:
        for name, calls in contenders(problem(batch_size)).items():
            ours, pot = (1e3 * best_time(calls[k], args.repeats)
                         for k in ('eega_pyg.ot', 'POT'))
            rows.append({'problem': name, 'pairs': batch_size, 'ms': ours, 'pot': pot})
            print(f'| {name} | {batch_size} | {ours:.1f} | {pot:.1f} |')
    if args.out:
        with open(args.out, 'w', encoding='utf-8') as file:
            json.dump({'machine': platform.platform(), 'rows': rows}, file, indent=1)


if __name__ == '__main__':
    main()
