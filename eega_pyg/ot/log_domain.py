r"""Sinkhorn's iterations in the log domain, which no strength is too small for."""
import math
from typing import Tuple

import torch
from torch import Tensor

from eega_pyg.ot.marginals import Marginals

LOG2_E = math.log2(math.e)


def fast_exp(x: Tensor) -> Tensor:
    r"""The exponential. Where it underflows, as it does in padding, :func:`torch.exp`
    takes a path that is ten times slower than that of :func:`torch.exp2`."""
    return (x * LOG2_E).exp2()


def logsumexp(x: Tensor, dim: int) -> Tensor:
    r"""The logarithm of a sum of exponentials of finite numbers."""
    top = x.detach().amax(dim, keepdim=True)
    return fast_exp(x - top).sum(dim).log() + top.squeeze(dim)


def log_plan(score: Tensor, u: Tensor, v: Tensor) -> Tensor:
    r"""The logarithm :math:`s_{ij} + u_i + v_j` of a scaled plan."""
    return score + u[:, :, None] + v[:, None, :]


class LogDomain:
    r"""Scalings :math:`u, v` of a batch of plans :math:`\exp(s_{ij} + u_i + v_j)`.

    Args:
        score (torch.Tensor): The scores :math:`(B, n, m)`, finite everywhere.
        marginals (Marginals): The row and column sums.
        v (torch.Tensor): Where to start :math:`(B, m)`.
    """
    def __init__(self, score: Tensor, marginals: Marginals, v: Tensor):
        self.score, self.marginals, self.v = score, marginals, v
        self.u = marginals.log_a

    def step(self) -> None:
        r"""Does one iteration."""
        _, _, log_a, log_b, _ = self.marginals
        self.u = log_a - logsumexp(self.score + self.v[:, None, :], dim=2)
        self.v = log_b - logsumexp(self.score + self.u[:, :, None], dim=1)

    def iterate(self, steps: int) -> Tensor:
        r"""Does some iterations and returns the error of the row sums, relative to the
        mass :math:`(B)`."""
        for _ in range(steps):
            self.step()
        with torch.no_grad():
            row = fast_exp(log_plan(self.score, self.u, self.v)).sum(2)
            return (row - self.marginals.a).abs().sum(1) / self.marginals.mass

    def scalings(self) -> Tuple[Tensor, Tensor]:
        r"""The scalings of rows and columns."""
        return self.u, self.v

    def select(self, pairs: Tensor) -> 'LogDomain':
        r"""The same for some pairs."""
        return LogDomain(self.score[pairs], self.marginals.select(pairs), self.v[pairs])
