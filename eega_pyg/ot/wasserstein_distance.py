r"""The Wasserstein distance between graphs as a module."""
from typing import Any, Optional

import torch
from torch import Tensor

from eega_pyg.ot.linear import linear_problem
from eega_pyg.ot.result import TransportOutput
from eega_pyg.ot.sinkhorn import sinkhorn


class WassersteinDistance(torch.nn.Module):
    r"""The entropic Wasserstein distance between the nodes of two graphs (Cuturi,
    *"Sinkhorn Distances: Lightspeed Computation of Optimal Transport"*, 2013; Eq. 5 of
    EEGA), for each pair of a batch of graphs of any sizes.

    Args:
        cost (str, optional): The cost between two nodes, :obj:`"cosine"`,
            :obj:`"sqeuclidean"` or :obj:`"euclidean"`. (default: :obj:`"cosine"`)
        **kwargs (optional): Options of :func:`sinkhorn`.

    Shapes:
        - **input:** node features :math:`(N_s, F)` and :math:`(N_t, F)`, and the batch
          vectors :math:`(N_s)` and :math:`(N_t)`
        - **output:** :class:`TransportOutput`; the distance is its :obj:`linear`
    """
    def __init__(self, cost: str = 'cosine', **kwargs: Any):
        super().__init__()
        self.cost = cost
        self.kwargs = kwargs

    def forward(self, x_s: Tensor, x_t: Tensor, batch_s: Optional[Tensor] = None,
                batch_t: Optional[Tensor] = None, batch_size: Optional[int] = None,
                a: Optional[Tensor] = None,
                b: Optional[Tensor] = None) -> TransportOutput:
        r"""Args are those of :func:`linear_problem`."""
        problem = linear_problem(x_s, x_t, batch_s, batch_t, batch_size, self.cost, a,
                                 b)
        return sinkhorn(*problem, **self.kwargs)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(cost={self.cost!r})'
