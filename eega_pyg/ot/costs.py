r"""Costs between nodes: of all pairs of two graphs, or along the edges of one."""
import torch
from torch import Tensor

from eega_pyg.ot.autocast import at_least_single, no_autocast

# The largest power of two that single precision holds, and its inverse, have this.
_EXPONENT = 126

COSTS = ('cosine', 'sqeuclidean', 'euclidean')


def check_cost(cost: str) -> None:
    r"""Refuses a cost that is none of :data:`COSTS`."""
    if cost not in COSTS:
        raise ValueError(f"Expected a cost in {COSTS} (got '{cost}')")


def as_features(x: Tensor) -> Tensor:
    r"""Features at least in single precision; refuses whole numbers."""
    if not x.is_floating_point():
        raise ValueError(f"Expected floating-point features (got '{x.dtype}'): use "
                         f"'x.float()'")
    return at_least_single(x)


def cosine_cost(cosine: Tensor) -> Tensor:
    r"""One minus the cosine; zero where that is rounding, of which a regulariser
    relative to the costs would make a plan where all features are parallel."""
    cost = 1 - cosine
    return torch.where(cost.abs() <= 8 * torch.finfo(cost.dtype).eps, 0, cost)


def unit_vectors(x: Tensor) -> Tensor:
    r"""Rows of length one. A row of zeros has no direction: it stays zero, and so does
    its gradient, which :func:`torch.nn.functional.normalize` makes as large as one over
    its epsilon."""
    # The squares of very small or large features would be zero or infinite.
    # To scale by a power of two is exact.
    if x.size(-1) > 0:
        exponent = x.detach().abs().amax(-1, keepdim=True).frexp().exponent
        # Of whole numbers, PyTorch 2.6 makes a result of the default type.
        x = x.ldexp(-exponent.clamp(-_EXPONENT, _EXPONENT).to(x.dtype))
    norm = x.norm(dim=-1, keepdim=True)
    zero = norm <= torch.finfo(x.dtype).tiny  # A NaN is none, and stays.
    return torch.where(zero, 0, x / torch.where(zero, 1, norm))


@no_autocast()
def pairwise_cost(x_s: Tensor, x_t: Tensor, cost: str = 'cosine') -> Tensor:
    r"""The cost between every node of one graph and every node of the other.

    .. math::
        c(\mathbf{x}, \mathbf{y}) = 1 - \cos(\mathbf{x}, \mathbf{y}), \quad
        {\|\mathbf{x} - \mathbf{y}\|}^2 \quad \text{or} \quad
        \|\mathbf{x} - \mathbf{y}\|

    Args:
        x_s (torch.Tensor): Node features :math:`(*, n, F)`.
        x_t (torch.Tensor): Node features :math:`(*, m, F)`.
        cost (str, optional): :obj:`"cosine"`, :obj:`"sqeuclidean"` or
            :obj:`"euclidean"`. (default: :obj:`"cosine"`)

    Returns:
        The costs :math:`(*, n, m)`, at least in single precision, with finite
        gradients everywhere. Those of a node with a feature that is NaN are NaN.
    """
    check_cost(cost)
    x_s, x_t = as_features(x_s), as_features(x_t)
    if cost == 'cosine':
        x_s, x_t = unit_vectors(x_s), unit_vectors(x_t)
        return cosine_cost(x_s @ x_t.transpose(-1, -2))
    # The expanded square would lose the small distances to rounding.
    distance = torch.cdist(x_s, x_t, compute_mode='donot_use_mm_for_euclid_dist')
    return distance.square() if cost == 'sqeuclidean' else distance


@no_autocast()
def edge_cost(x: Tensor, edge_index: Tensor, cost: str = 'cosine') -> Tensor:
    r"""The cost between the two ends of each edge, as in :func:`pairwise_cost`.

    Args:
        x (torch.Tensor): Node features :math:`(N, F)`.
        edge_index (torch.Tensor): The edges :math:`(2, |\mathcal{E}|)`.
        cost (str, optional): :obj:`"cosine"`, :obj:`"sqeuclidean"` or
            :obj:`"euclidean"`. (default: :obj:`"cosine"`)

    Returns:
        The costs :math:`(|\mathcal{E}|)`, as those of :func:`pairwise_cost`.
    """
    check_cost(cost)
    x = as_features(x)
    row, col = edge_index
    if cost == 'cosine':
        x = unit_vectors(x)
        return cosine_cost((x.index_select(0, row) * x.index_select(0, col)).sum(-1))
    square = (x.index_select(0, row) - x.index_select(0, col)).square().sum(-1)
    if cost == 'sqeuclidean':
        return square
    # The root's slope is infinite at zero: identical features would get NaN.
    zero = square == 0
    return torch.where(zero, 0, torch.where(zero, 1, square).sqrt())
