r"""The Wasserstein distance between graphs as a module."""
from typing import Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot.costs import check_cost
from eega_pyg.ot.linear import linear_problem
from eega_pyg.ot.proximal import ProximalPoint
from eega_pyg.ot.result import TransportOutput
from eega_pyg.ot.sinkhorn import Sinkhorn


class WassersteinDistance(torch.nn.Module):
    r"""The Wasserstein distance between the nodes of two graphs (Cuturi,
    *"Sinkhorn Distances: Lightspeed Computation of Optimal Transport"*, 2013; Eq. 5 of
    EEGA), for each pair of a batch of graphs of any sizes.

    Args:
        cost (str, optional): The cost between two nodes, :obj:`"cosine"`,
            :obj:`"sqeuclidean"` or :obj:`"euclidean"`. (default: :obj:`"cosine"`)
        solver (Sinkhorn or ProximalPoint, optional): What solves the problems.
            (default: :obj:`Sinkhorn()`)

    Shapes:
        - **input:** node features :math:`(N_s, F)` and :math:`(N_t, F)`, and the batch
          vectors :math:`(N_s)` and :math:`(N_t)`
        - **output:** :class:`TransportOutput`; the distance is its :obj:`linear`
    """
    def __init__(self, cost: str = 'cosine', solver: Union[Sinkhorn,
                                                           ProximalPoint] = Sinkhorn()):
        super().__init__()
        check_cost(cost)
        self.cost = cost
        self.solver = solver

    def forward(self, x_s: Tensor, x_t: Tensor, batch_s: Optional[Tensor] = None,
                batch_t: Optional[Tensor] = None, batch_size: Optional[int] = None,
                a: Optional[Tensor] = None,
                b: Optional[Tensor] = None) -> TransportOutput:
        r"""Args are those of :func:`linear_problem`."""
        return self.solver(
            linear_problem(x_s, x_t, batch_s, batch_t, batch_size, self.cost, a, b))

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.cost!r}, {self.solver})'
