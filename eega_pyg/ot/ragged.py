r"""Graphs of any sizes, given by a batch vector, as padded tensors and back."""
from typing import List, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor


class Layout(NamedTuple):
    r"""Where the nodes of a batch of graphs stand in a padded :math:`(B, n)` tensor.
    :class:`GraphAlignment`, :class:`ContrastiveAlignment`, :func:`linear_problem` and
    :func:`quadratic_problem` take it in the place of a batch vector, and then need not
    ask a device for sizes.

    Shapes:
        - **position:** :math:`(N)`, the flat position of each node, row-major.
        - **mask:** :math:`(B, n)`, whether a position holds a node.
    """
    position: Tensor
    mask: Tensor

    @property
    def batch(self) -> Tensor:
        r"""The batch vector :math:`(N)`."""
        return torch.div(self.position, self.max_nodes, rounding_mode='floor')

    @property
    def batch_size(self) -> int:
        return self.mask.size(0)

    @property
    def max_nodes(self) -> int:
        return self.mask.size(1)

    def pad(self, x: Tensor) -> Tensor:
        r"""Node values :math:`(N, *)` as :math:`(B, n, *)`, zero where no node is; a
        :class:`ValueError` says if they are not as many as the nodes."""
        if x.size(0) != self.position.numel():
            raise ValueError(f"Expected values of {self.position.numel()} nodes (got "
                             f"{x.size(0)})")
        size = self.mask.numel()
        out = x.new_zeros(size, *x.shape[1:]).index_copy(0, self.position, x)
        return out.view(*self.mask.shape, *x.shape[1:])

    def unpad(self, x: Tensor) -> Tensor:
        r"""The inverse of :meth:`pad`."""
        return x.flatten(0, 1).index_select(0, self.position)


def layouts(*ptrs: Tensor) -> List[Layout]:
    r"""The layouts of batches of as many graphs each, given by the cumulated numbers of
    their nodes :math:`(B + 1)`. The host waits for a device once."""
    size = torch.stack([ptr.diff() for ptr in ptrs])
    out = []
    for ptr, row, host in zip(ptrs, size, size.tolist()):
        width = max(host, default=0) or 1
        place = torch.arange(width, device=ptr.device)
        shift = torch.arange(len(host), device=ptr.device) * width - ptr[:-1]
        index = torch.arange(sum(host), device=ptr.device) + torch.repeat_interleave(
            shift, row, output_size=sum(host))
        out.append(Layout(index, place < row[:, None]))
    return out


def single_layout(num_nodes: int, batch: Union[Tensor, Layout, None] = None,
                  batch_size: Optional[int] = None,
                  device: Optional[torch.device] = None) -> Layout:
    r"""Reads a batch vector as PyG makes it.

    Args:
        num_nodes (int): The number of nodes :math:`N` in the whole batch.
        batch (torch.Tensor or Layout, optional): The graph of each node :math:`(N)`,
            ascending, or their layout. Without it, all nodes are of one graph.
        batch_size (int, optional): The number of graphs :math:`B`; needed where the
            last graphs may have no node.
        device (torch.device, optional): Where to build it, if :obj:`batch` is not
            given.

    Raises:
        ValueError: If :obj:`batch` has another length, is not ascending, or names a
            graph beyond :obj:`batch_size`.
    """
    if batch is None:
        if batch_size not in (None, 1):
            raise ValueError(f"Expected a batch vector for {batch_size} graphs "
                             f"(got 'None')")
        index = torch.arange(num_nodes, device=device)
        width = max(num_nodes, 1)
        return Layout(index, (torch.arange(width, device=device) < num_nodes)[None])
    if isinstance(batch, Layout):
        if (batch.position.numel(), batch.batch_size) != (num_nodes, batch_size
                                                          or batch.batch_size):
            raise ValueError(f"Expected a layout of {num_nodes} nodes and {batch_size} "
                             f"graphs (got {batch.position.numel()} and "
                             f"{batch.batch_size})")
        return batch
    if batch.dim() != 1 or batch.numel() != num_nodes:
        raise ValueError(f"Expected a batch vector of {num_nodes} nodes "
                         f"(got {list(batch.shape)})")
    if batch_size is None:
        batch_size = max(int(batch[-1]), 0) + 1 if num_nodes > 0 else 0
    size = batch.new_zeros(batch_size)
    # A width of at least one spares every reduction the case of no element.
    width = 1
    if num_nodes > 0 and batch_size > 0:
        size = size.scatter_add(0, batch.clamp(0, batch_size - 1),
                                torch.ones_like(batch))
        # The host waits for a device once.
        bad = (batch[1:] < batch[:-1]).any() | (batch[0] < 0) | (batch[-1]
                                                                 >= batch_size)
        width, is_bad = torch.stack([size.max(), bad.to(size.dtype)]).tolist()
        if is_bad:
            raise ValueError(f"Expected an ascending batch vector with values in "
                             f"[0, {batch_size}) (got values from {int(batch.min())} "
                             f"to {int(batch.max())})")
    start = torch.arange(size.numel(), device=batch.device) * width
    first = size.cumsum(0) - size
    index = torch.arange(num_nodes, device=batch.device) + (start - first)[batch]
    mask = torch.arange(width, device=batch.device) < size[:, None]
    return Layout(index, mask)


def node_layout(num_nodes_s: int, batch_s: Union[Tensor, Layout, None],
                num_nodes_t: int, batch_t: Union[Tensor, Layout,
                                                 None], batch_size: Optional[int],
                device: torch.device) -> Tuple[Layout, Layout]:
    r"""The layouts of both sides of a batch of pairs of graphs.

    Args:
        num_nodes_s (int): The number of nodes of the first side.
        batch_s (torch.Tensor or Layout, optional): The pair of each node, or their
            layout. (default: one pair)
        num_nodes_t (int): The number of nodes of the second side.
        batch_t (torch.Tensor or Layout, optional): The pair of each node, or their
            layout. (default: one pair)
        batch_size (int, optional): The number of pairs. (default: as many as the batch
            vectors name)
        device (torch.device): Where to build them, if there is no batch vector.

    Raises:
        ValueError: As in :func:`single_layout`, or if one side has a batch vector and
            the other has none.
    """
    if (batch_s is None) != (batch_t is None):
        raise ValueError("Expected a batch vector for both sides or for none")
    if batch_size is None and batch_s is not None and batch_t is not None:
        batch_size = max(_num_graphs(batch) for batch in (batch_s, batch_t))
    return (single_layout(num_nodes_s, batch_s, batch_size, device),
            single_layout(num_nodes_t, batch_t, batch_size, device))


def _num_graphs(batch: Union[Tensor, Layout]) -> int:
    if isinstance(batch, Layout):
        return batch.batch_size
    return 1 + int(batch[-1]) if batch.numel() > 0 else 0
