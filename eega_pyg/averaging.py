r"""A running average of the weights."""
from typing import List, Union

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

#: The power with which later weights count more.
ETA = 8


class PolynomialDecayAveraging(WeightAveraging):
    r"""Validates and saves an average over all steps so far instead of the last
    weights: the polynomial-decay averaging from `"Stochastic Gradient Descent for
    Non-smooth Optimization" <https://arxiv.org/abs/1212.1824>`_ (Shamir and Zhang,
    2013, Section 4)

    .. math::
        \bar{\mathbf{w}}_t = \left( 1 - \frac{\eta + 1}{t + \eta} \right)
        \bar{\mathbf{w}}_{t-1} + \frac{\eta + 1}{t + \eta} \mathbf{w}_t

    with :math:`\eta = 8`, by which half of the average's weight lies in the last 7 % of
    the steps, however many there are.
    """
    def __init__(self) -> None:
        super().__init__(use_buffers=False, multi_avg_fn=_average)


def _average(averages: List[Tensor], weights: List[Tensor],
             num_averaged: Union[Tensor, int]) -> None:
    share = (ETA + 1) / (int(num_averaged) + 1 + ETA)
    for average, weight in zip(averages, weights):
        average.lerp_(weight, share)
