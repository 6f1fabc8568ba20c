r"""The Gromov-Wasserstein distance between graphs as a module."""
from typing import Optional

import torch
from torch import Tensor

from eega_pyg.ot.fused import quadratic_problem
from eega_pyg.ot.gromov import MirrorDescent
from eega_pyg.ot.quadratic import Loss, check_reading
from eega_pyg.ot.result import TransportOutput


class GromovWassersteinDistance(torch.nn.Module):
    r"""The Gromov-Wasserstein distance between two graphs with distances on their edges
    (Peyré *et al.*, *"Gromov-Wasserstein Averaging of Kernel and Distance Matrices"*,
    2016; Eq. 6 of EEGA), for each pair of a batch of graphs of any sizes.

    Args:
        loss, reading, normalize (optional): As in :class:`QuadraticProblem`.
        solver (MirrorDescent, optional): What solves the problems.
            (default: :obj:`MirrorDescent()`)

    Shapes:
        - **input:** edges :math:`(2, |\mathcal{E}_s|)` and :math:`(2,
          |\mathcal{E}_t|)`, their distances :math:`(|\mathcal{E}_s|)` and
          :math:`(|\mathcal{E}_t|)` (or attributes with :math:`D` channels), and the
          batch vectors :math:`(N_s)` and :math:`(N_t)`
        - **output:** :class:`TransportOutput`; the distance is its :obj:`quadratic`
    """
    def __init__(self, loss: Loss = 'square', reading: str = 'neighbors',
                 normalize: bool = False, solver: MirrorDescent = MirrorDescent()):
        super().__init__()
        check_reading(loss, reading)
        self.loss = loss
        self.reading = reading
        self.normalize = normalize
        self.solver = solver

    def forward(self, edge_index_s: Tensor, edge_attr_s: Tensor, edge_index_t: Tensor,
                edge_attr_t: Tensor, batch_s: Optional[Tensor] = None,
                batch_t: Optional[Tensor] = None, batch_size: Optional[int] = None,
                num_nodes_s: Optional[int] = None, num_nodes_t: Optional[int] = None,
                a: Optional[Tensor] = None,
                b: Optional[Tensor] = None) -> TransportOutput:
        r"""Args are those of :func:`quadratic_problem`."""
        return self.solver(
            quadratic_problem(edge_index_s, edge_attr_s, edge_index_t, edge_attr_t,
                              batch_s, batch_t, batch_size, num_nodes_s, num_nodes_t, a,
                              b, loss=self.loss, reading=self.reading,
                              normalize=self.normalize))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.loss!r}, {self.reading!r}, '
                f'normalize={self.normalize}, {self.solver})')
