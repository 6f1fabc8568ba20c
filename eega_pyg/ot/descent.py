r"""Mirror descent until each pair of a batch has converged."""
from typing import Iterator, List, NamedTuple, Optional, Tuple, Type, Union

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.ot.array_steps import ArraySteps, fits_arrays
from eega_pyg.ot.kernels import CACHE
from eega_pyg.ot.steps import Options, State, Steps


class Descent(NamedTuple):
    r"""Where a batch of descents has ended.

    Shapes:
        - **plan:** :math:`(B, n, m)`; **u**, **v:** :math:`(B, n)`, :math:`(B, m)`
        - **iterations**, **converged:** :math:`(B)`
    """
    plan: Tensor
    u: Tensor
    v: Tensor
    iterations: Tensor
    converged: Tensor


class _Ended(NamedTuple):
    pairs: Tensor
    plan: Tensor
    u: Tensor
    v: Tensor
    iterations: int
    converged: bool


def descend(state: State, options: Options, forbidden: Options,
            feasible: Optional[Tensor] = None) -> Descent:
    r"""Does the steps of all pairs, with the options :obj:`forbidden` of those in which
    a pair of nodes is; those that are not :obj:`feasible` :math:`(B)` stay where they
    are. A pair that has converged takes no more part."""
    _, n, m = state.plan.shape
    ended: List[_Ended] = []
    if feasible is not None:
        ended.append(_end(state, ~feasible, 0, False))
        state = state.part(feasible.nonzero().flatten())
    for some, own in _kinds(state, options, forbidden):
        if fits_arrays(some, own):
            for part in _chunks(some):
                ended += _run(part, ArraySteps, own)
        else:
            ended += _run(some, Steps, own)
    return _together(ended, n, m)


def _kinds(state: State, options: Options,
           forbidden: Options) -> Iterator[Tuple[State, Options]]:
    r"""The pairs without and with a forbidden pair of nodes, each as it would be in a
    batch without the others."""
    if state.permitted is None:
        yield state, options
        return
    a, b = state.setting.marginals[:2]
    inside = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    some = (inside & ~state.permitted).any(2).any(1)
    whole, others = (x.nonzero().flatten() for x in (~some, some))
    if whole.numel() > 0:
        yield state.part(whole)._replace(permitted=None), options
    if others.numel() > 0:
        yield state.part(others), forbidden


def _chunks(state: State) -> Iterator[State]:
    r"""Some pairs of about one size at a time, as many as a core's cache holds."""
    size, n, m = state.plan.shape
    if size * n * m <= CACHE or size == 1:
        yield state
        return
    rows, columns = ((np.arange(1,
                                x.size(1) + 1) * (x.numpy() > 0)).max(1)
                     for x in (mass.detach() for mass in state.setting.marginals[:2]))
    order = np.argsort(rows * columns, kind='stable')
    first = 0
    for end in range(1, size + 1):
        part = order[first:end + 1]
        if end == size or len(part) * rows[part].max() * columns[part].max() > CACHE:
            yield state.part(torch.from_numpy(np.sort(order[first:end])))
            first = end


def _end(state: State, which: Tensor, iterations: int, converged: bool) -> _Ended:
    index = which.nonzero().flatten()
    pairs, plan, u, v = (x.index_select(0, index)
                         for x in (state.pairs, state.plan, state.u, state.v))
    return _Ended(pairs, plan, u, v, iterations, converged)


def _run(state: State, kind: Union[Type[Steps], Type[ArraySteps]],
         options: Options) -> Iterator[_Ended]:
    steps = kind(state, options)
    active = torch.ones_like(state.pairs, dtype=torch.bool)
    left = active.numel()
    for i in range(1, options.num_iters + 1):
        if left == 0:
            break
        done = active & (steps() <= options.tol * steps.state.setting.marginals.mass)
        active = active & ~done
        before, left = left, int(active.sum())
        if left == before:
            continue
        yield _end(steps.state, done, i, True)
        # Pairs that have ended are carried along until they are a quarter.
        if 0 < left <= 0.75 * active.numel():
            steps = kind(steps.state.part(active.nonzero().flatten()), options)
            active = active[active]
    yield _end(steps.state, active, options.num_iters, False)


def _together(ended: List[_Ended], n: int, m: int) -> Descent:
    ended = [x for x in ended if x.pairs.numel() > 0] or ended[:1]
    plan, u, v, iterations, converged = (torch.cat(parts) for parts in zip(
        *((F.pad(x.plan, (0, m - x.plan.size(2), 0, n - x.plan.size(1))),
           F.pad(x.u, (0, n - x.u.size(1))), F.pad(x.v, (0, m - x.v.size(1))),
           torch.full_like(x.pairs, x.iterations),
           torch.full_like(x.pairs, x.converged, dtype=torch.bool)) for x in ended)))
    out = Descent(plan, u, v, iterations, converged)
    if len(ended) == 1:
        return out
    order = torch.argsort(torch.cat([x.pairs for x in ended]))
    return Descent(*(x[order] for x in out))
