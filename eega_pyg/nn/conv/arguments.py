r"""Refuses arguments of a layer by their names, before they fail somewhere within it.

What needs a look at values is checked on the CPU alone: elsewhere it would wait for the
device. There, PyTorch stops at such a value by itself."""
from typing import Iterable, Mapping, Optional, Tuple, Union

import torch
from torch import Tensor
from torch_geometric.typing import OptPairTensor, Size


def looks_at_values(x: Tensor) -> bool:
    r"""Whether the values of a tensor may be looked at."""
    return x.device.type == 'cpu' and not torch.compiler.is_compiling()


def check_features(name: str, x: object, num_channels: int = -1) -> None:
    r"""Refuses what is no matrix of :obj:`num_channels` floating-point columns."""
    if not isinstance(x, Tensor):
        raise TypeError(f"Expected '{name}' to be a tensor (got "
                        f"'{type(x).__name__}')")
    if x.dim() != 2 or num_channels not in (-1, x.size(1)):
        width = 'F' if num_channels == -1 else num_channels
        raise ValueError(f"Expected '{name}' of shape [N, {width}] (got "
                         f"{list(x.shape)})")
    if not x.is_floating_point():
        raise TypeError(f"Expected '{name}' of a floating-point type (got "
                        f"'{x.dtype}')")


def check_nodes(x: Union[Tensor, OptPairTensor],
                num_channels: Tuple[int, Optional[int]]) -> OptPairTensor:
    r"""The features of sources and targets, of the given sizes; targets whose size is
    :obj:`None` are not read."""
    pair = x if isinstance(x, tuple) else (x, x)
    if len(pair) != 2:
        raise ValueError(f"Expected 'x' as a tensor or a pair of them (got "
                         f"{len(pair)})")
    check_features('x', pair[0], num_channels[0])
    if num_channels[1] is not None:
        check_features('x' if pair[1] is pair[0] else 'x[1]', pair[1], num_channels[1])
    elif pair[1] is not None and not isinstance(pair[1], Tensor):
        raise TypeError(f"Expected 'x[1]' to be a tensor (got "
                        f"'{type(pair[1]).__name__}')")
    return pair


def check_types(name: str, types: object, num: int, num_types: int) -> None:
    r"""Refuses what is not :obj:`num` whole numbers from 0 to :obj:`num_types` - 1."""
    if not isinstance(types, Tensor):
        raise TypeError(f"Expected '{name}' to be a tensor (got "
                        f"'{type(types).__name__}')")
    if types.is_floating_point() or types.is_complex() or types.dtype == torch.bool:
        raise TypeError(f"Expected '{name}' to be whole numbers (got '{types.dtype}')")
    if types.shape != (num, ):
        raise ValueError(f"Expected '{name}' of shape [{num}] (got "
                         f"{list(types.shape)})")
    if num > 0 and looks_at_values(types):
        low, high = (int(x) for x in types.aminmax())
        if low < 0 or high >= num_types:
            raise IndexError(f"Expected '{name}' from 0 to {num_types - 1} (got {low} "
                             f"to {high})")


def check_rows(name: str, value: Tensor, num: int, width: Optional[int]) -> None:
    r"""Refuses what is not :obj:`num` floating-point numbers, or rows of them."""
    shape = (num, ) if width is None else (num, width)
    if not isinstance(value, Tensor):
        raise TypeError(f"Expected '{name}' to be a tensor (got "
                        f"'{type(value).__name__}')")
    if value.shape != shape:
        raise ValueError(f"Expected '{name}' of shape {list(shape)} (got "
                         f"{list(value.shape)})")
    if not value.is_floating_point():
        raise TypeError(f"Expected '{name}' of a floating-point type (got "
                        f"'{value.dtype}')")


def check_edges(edge_index: Tensor, size: Size) -> None:
    r"""Refuses what is no list of edges between as many nodes as there are."""
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"Expected 'edge_index' of shape [2, E] (got "
                         f"{list(edge_index.shape)})")
    if (edge_index.is_floating_point() or edge_index.is_complex()
            or edge_index.dtype == torch.bool):
        raise ValueError(f"Expected 'edge_index' to be whole numbers (got "
                         f"'{edge_index.dtype}')")
    if edge_index.size(1) == 0 or not looks_at_values(edge_index):
        return
    low, high = edge_index.min(dim=1).values, edge_index.max(dim=1).values
    for side, num_nodes in enumerate(size or (None, None)):
        if int(low[side]) < 0 or (num_nodes is not None
                                  and int(high[side]) >= num_nodes):
            of = 'any' if num_nodes is None else f'{num_nodes}'
            raise IndexError(f"Expected 'edge_index' to name nodes out of {of} in its "
                             f"row {side} (got {int(low[side])} to {int(high[side])})")


def check_size(size: object, num_nodes: Tuple[Optional[int], ...]) -> None:
    r"""Refuses a size that is not that of the node features."""
    if (not isinstance(size, (tuple, list)) or len(size) != 2
            or not all(n is None or isinstance(n, int) for n in size)):
        raise ValueError(f"Expected 'size' as two numbers of nodes (got {size!r})")
    for given, known in zip(size, num_nodes):
        if None not in (given, known) and given != known:
            raise ValueError(f"Expected 'size' of the nodes in 'x' (got {tuple(size)} "
                             f"for {num_nodes})")


def check_heads(channels: int, heads: int) -> None:
    r"""Refuses a number of heads that do not share the channels evenly."""
    if heads < 1 or channels % heads:
        raise ValueError(f"Expected 'heads' to divide {channels} channels (got "
                         f"'{heads}')")


def check_keys(name: str, given: Mapping[str, object], keys: Iterable[str]) -> None:
    r"""Refuses a mapping without one of the keys."""
    missing = [key for key in keys if key not in given]
    if missing:
        raise ValueError(f"Expected {', '.join(map(repr, missing))} in '{name}' (got "
                         f"{', '.join(map(repr, given)) or 'nothing'})")
