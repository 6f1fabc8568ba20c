r"""Losses of Gromov-Wasserstein problems that are sums of products of one side each."""
from typing import Callable, Dict, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.structure import DenseStructure, Structure

Function = Callable[[Tensor], Tensor]


def _value(x: Tensor) -> Tensor:
    return x


def _positive(x: Tensor) -> Tensor:
    # Padding has zeros; what a loss has there is of no weight, and has to be finite.
    return torch.where(x > 0, x, 1)


def _log(x: Tensor) -> Tensor:
    return _positive(x).log()


def _entropy(x: Tensor) -> Tensor:
    return x * _log(x) - x


#: The loss :math:`L(x, y) = f(x) + g(y) + c \, h(x) \, k(y)` as :math:`(c, h, k, f, g)`
#: (Peyré *et al.*, 2016).
SEPARABLE: Dict[str, Tuple[float, Function, Function, Function, Function]] = {
    'square': (-2., _value, _value, torch.square, torch.square),
    'kl': (-1., _value, _log, _entropy, _value),
}


def check_divergence(s: Structure, t: Structure, a: Tensor, b: Tensor,
                     complete: bool) -> None:
    r"""Refuses values between which :math:`x \log (x / y) - x + y` is not finite.

    Args:
        s (DenseStructure or SparseStructure): The first side, of values :math:`x`.
        t (DenseStructure or SparseStructure): The second side, of values :math:`y`.
        a (torch.Tensor): The first marginals :math:`(B, n)`.
        b (torch.Tensor): The second marginals :math:`(B, m)`.
        complete (bool): Whether pairs of nodes without an edge have the value zero.

    Raises:
        ValueError: If a value is not allowed, or a pair of nodes of the second side has
            none.
    """
    for side, structure, mass in (('first', s, a), ('second', t, b)):
        if isinstance(structure, DenseStructure):
            structure = structure.to_sparse(mass)
        value = structure.value.detach()
        wrong = ~(value >= 0) if side == 'first' else ~(value > 0)
        if bool(wrong.any()):
            raise ValueError(f"Expected values {'>= 0' if side == 'first' else '> 0'} "
                             f"on the {side} side for the loss 'kl' "
                             f"(got {float(value[wrong][0])})")
        if side == 'second' and complete:
            edges = torch.bincount(structure.graph, minlength=structure.batch_size)
            if bool((edges < (mass > 0).sum(1).square()).any()):
                raise ValueError("Expected an edge between all nodes of the second "
                                 "side for the loss 'kl' and the reading 'matrix': "
                                 "take the reading 'neighbors'")
