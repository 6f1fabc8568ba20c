r"""How a node is connected, as numbers."""
import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.utils import degree, remove_self_loops, scatter, to_undirected

from eega_pyg.nn.fusion.parts import all_pairs

#: The largest degree that is told from larger ones is two to the power of this.
_LAST_BUCKET = 9


@torch.no_grad()
def degree_sequences(edge_index: Tensor, num_nodes: int, num_hops: int = 2,
                     decay: float = 0.1) -> Tensor:
    r"""The structural identity of nodes from the `"REGAL: Representation Learning-based
    Graph Alignment" <https://arxiv.org/abs/1802.06257>`_ paper: how many nodes of each
    degree are near a node,

    .. math::
        \mathbf{f}_u = \sum_{k=0}^{K} \delta^k \mathbf{d}_u^k, \qquad
        d^k_{ub} = \lvert \{ v : \textrm{hops}(u, v) = k, \, \lfloor \log_2
        \textrm{degree}(v) \rfloor = b \} \rvert.

    Two edges between the same nodes count once, whatever their directions, and
    self-loops do not count. A node without edges has zeros.

    Args:
        edge_index (Tensor): The edges. :math:`(2, |\mathcal{E}|)`
        num_nodes (int): The number of nodes.
        num_hops (int, optional): How far :math:`K` is looked. (default: :obj:`2`)
        decay (float, optional): The factor :math:`\delta`. (default: :obj:`0.1`)

    Returns:
        A row for each node. :math:`(|\mathcal{V}|, 10)`
    """
    edge_index = remove_self_loops(edge_index)[0]
    source, target = to_undirected(edge_index, num_nodes=num_nodes)
    num = degree(source, num_nodes)
    bucket = num.clamp(min=1).log2().floor().clamp(max=_LAST_BUCKET).long()
    kinds = F.one_hot(bucket, _LAST_BUCKET + 1) * (num > 0).unsqueeze(-1)
    kinds = kinds.to(num.dtype)
    # Who is that many hops from whom.
    start = end = torch.arange(num_nodes, device=edge_index.device)
    known = start * num_nodes + end
    out = kinds
    for k in range(1, num_hops + 1):
        edge, last = all_pairs(source, end, num_nodes)  # Those that go on from there.
        pair = torch.unique(start[last] * num_nodes + target[edge])
        pair = pair[~torch.isin(pair, known)]
        known = torch.cat([known, pair])
        start, end = pair // num_nodes, pair % num_nodes
        out = out + decay**k * scatter(kinds[end], start, dim_size=num_nodes)
    return out
