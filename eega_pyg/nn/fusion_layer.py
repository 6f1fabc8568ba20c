r"""How words come to know the image: the ways of other papers, and one's own."""
from copy import deepcopy
from typing import Any, Callable, Union, get_args

import torch
from torch_geometric.nn.inits import reset

from eega_pyg.config import FusionName, ModelConfig
from eega_pyg.nn.fusion import (
    AGBAN,
    MAF,
    MEGA,
    OCSGA,
    UMGF,
    AdapCoAtt,
    FusionInput,
    FusionOutput,
)

#: A fusion of one's own, or what makes one from the size of words and objects, the
#: number of types of dependencies and that of predicates.
OwnFusion = Union[torch.nn.Module, Callable[[int, int, int], torch.nn.Module]]
#: The parts of the joint loss that are no fusion's own.
PARTS = ('loss', 'main', 'graph', 'wd', 'gwd')

_PLAIN = {'adapcoatt': AdapCoAtt, 'agban': AGBAN, 'mega': MEGA, 'maf': MAF}
_LAYERED = {'ocsga': OCSGA, 'umgf': UMGF}


def fusion_layer(fusion: Union[str, OwnFusion], channels: int, num_dependencies: int,
                 num_predicates: int, options: ModelConfig) -> torch.nn.Module:
    r"""A module that is called with a :class:`~eega_pyg.nn.fusion.FusionInput` and
    gives a :class:`~eega_pyg.nn.fusion.FusionOutput`.

    Args:
        fusion (str, torch.nn.Module or callable): ``'adapcoatt'``, ``'ocsga'``,
            ``'agban'``, ``'umgf'``, ``'mega'`` or ``'maf'``; a module, which is copied
            and starts anew; or what makes one from the three numbers.
        channels (int): Size of words and objects.
        num_dependencies (int): Number of edge types between words.
        num_predicates (int): Number of edge types between objects.
        options (ModelConfig): Heads, dropout and, for ``'ocsga'`` and ``'umgf'``,
            layers.

    Raises:
        ValueError: On another name.
        TypeError: On what is, or makes, no :class:`torch.nn.Module`.
    """
    layer: Any = fusion
    if isinstance(fusion, torch.nn.Module):
        layer = deepcopy(fusion)
        reset(layer)
    elif not isinstance(fusion, str):
        if callable(fusion):
            layer = fusion(channels, num_dependencies, num_predicates)
    elif fusion in _PLAIN:
        layer = _PLAIN[fusion](channels, options.heads, dropout=options.dropout)
    elif fusion in _LAYERED:
        layer = _LAYERED[fusion](channels, options.heads, options.num_layers,
                                 options.dropout)
    else:
        raise ValueError(f"Expected a fusion of {', '.join(get_args(FusionName)[1:])} "
                         f"(got '{fusion}')")
    if not isinstance(layer, torch.nn.Module):
        raise TypeError(f"Expected a fusion that is a torch.nn.Module (got "
                        f"'{type(layer).__name__}')")
    return layer


def fuse(fusion: torch.nn.Module, inputs: FusionInput) -> FusionOutput:
    r"""Calls a fusion, which may be one's own, and refuses what is no output of one.

    Raises:
        TypeError: If it gives something else.
        ValueError: If it changes the size of the words, or if a loss is no scalar or
            has the name of another part of the joint loss.
    """
    out, name = fusion(inputs), type(fusion).__name__
    if not isinstance(out, FusionOutput):
        raise TypeError(f"Expected {name} to give a FusionOutput (got "
                        f"'{type(out).__name__}')")
    if out.words.shape != inputs.words.shape:
        raise ValueError(f"Expected {name} to keep the shape "
                         f"{list(inputs.words.shape)} of the words (got "
                         f"{list(out.words.shape)})")
    for key, loss in out.losses.items():
        if key in PARTS or loss.dim() > 0:
            raise ValueError(f"Expected the losses of {name} to be scalars of other "
                             f"names than {', '.join(PARTS)} (got '{key}' of shape "
                             f"{list(loss.shape)})")
    return out
