r"""The same problems in ott-jax and geomloss, which
:mod:`benchmarks.transport.solvers` needs with ``--peers`` alone.

ott-jax is compiled and mapped over the pairs, which are padded with zero mass;
compiling is not timed. geomloss has no iterations at one ε: it descends from the
diameter to ε in as many steps as the others iterate, and takes features, in the place
of which it is given the costs.
"""
from functools import partial
from typing import Any, Callable, Dict

import jax
import jax.numpy as jnp
import torch
from geomloss import SamplesLoss
from ott.geometry.geometry import Geometry
from ott.problems.linear.linear_problem import LinearProblem
from ott.problems.quadratic.quadratic_problem import QuadraticProblem
from ott.solvers.linear.sinkhorn import Sinkhorn
from ott.solvers.quadratic.gromov_wasserstein import GromovWasserstein
from torch import Tensor

Solve = Callable[[], Any]


def ott_linear(data: Any, epsilon: float, iterations: int, log: bool) -> Solve:
    solver = _sinkhorn(iterations, log)

    def one(cost: Any, a: Any, b: Any) -> Any:
        return solver(LinearProblem(Geometry(cost, epsilon=epsilon), a, b)).matrix

    return _compiled(one, data.cost, _mass(data.mask_s), _mass(data.mask_t))


def ott_gromov(data: Any, epsilon: float, steps: int, inner: int, log: bool) -> Solve:
    solver = GromovWasserstein(_sinkhorn(inner, log), epsilon=epsilon, threshold=0.,
                               min_iterations=steps, max_iterations=steps)

    def one(d_s: Any, d_t: Any, a: Any, b: Any) -> Any:
        geometries = (Geometry(d, epsilon=epsilon) for d in (d_s, d_t))
        return solver(QuadraticProblem(*geometries, a=a, b=b)).matrix

    return _compiled(one, data.d_s, data.d_t, _mass(data.mask_s), _mass(data.mask_t))


def geomloss_linear(data: Any, epsilon: float, iterations: int) -> Solve:
    # Its steps are those from the diameter to the blur, by this factor.
    loss = SamplesLoss('sinkhorn', p=1, blur=epsilon, diameter=1.,
                       scaling=epsilon**(1 / iterations), debias=False,
                       cost=lambda x, y: data.cost if x[0, 0, 0] == 0 else data.cost.mT,
                       potentials=True, backend='tensorized')
    a, b = _mass(data.mask_s), _mass(data.mask_t)
    # Features that say which side they are.
    return partial(loss, a,
                   torch.zeros_like(a)[:, :, None], b,
                   torch.ones_like(b)[:, :, None])


def linear(data: Any, epsilon: float, iterations: int) -> Dict[str, Solve]:
    return {
        'ott-jax, log': ott_linear(data, epsilon, iterations, True),
        'ott-jax, kernel': ott_linear(data, epsilon, iterations, False),
        'geomloss': geomloss_linear(data, epsilon, iterations)
    }


def gromov(data: Any, epsilon: float, steps: int, inner: int) -> Dict[str, Solve]:
    return {
        'ott-jax, log': ott_gromov(data, epsilon, steps, inner, True),
        'ott-jax, kernel': ott_gromov(data, epsilon, steps, inner, False)
    }


def _sinkhorn(iterations: int, log: bool) -> Sinkhorn:
    return Sinkhorn(lse_mode=log, threshold=0., inner_iterations=iterations,
                    min_iterations=iterations, max_iterations=iterations)


def _mass(mask: Tensor) -> Tensor:
    return mask / mask.sum(1, keepdim=True)


def _compiled(one: Callable, *tensors: Tensor) -> Solve:
    arrays = [jnp.asarray(x.numpy()) for x in tensors]
    solve = jax.jit(jax.vmap(one))
    jax.block_until_ready(solve(*arrays))
    return lambda: jax.block_until_ready(solve(*arrays))
