r"""The layers of the two graphs: the paper's, and what can stand in its place."""
from copy import deepcopy
from typing import Any, Callable, Dict, Optional, Union, get_args

import torch
from torch.nn.parameter import is_lazy
from torch_geometric.nn import (
    FastRGCNConv,
    FiLMConv,
    GATv2Conv,
    GCNConv,
    GINEConv,
    TransformerConv,
)
from torch_geometric.nn.inits import reset

from eega_pyg.config import ConvName, ModelConfig
from eega_pyg.nn.attribute_transformer import AttributeTransformer
from eega_pyg.nn.conv import AttributeTransformerConv, TypedConv

#: A graph layer of one's own, or what makes one from the size of its input and output
#: and the number of edge types.
OwnConv = Union[torch.nn.Module, Callable[[int, int], torch.nn.Module]]


def graph_layer(conv: Union[str, OwnConv], channels: int, num_edge_types: int,
                options: ModelConfig) -> TypedConv:
    r"""A layer that is called with the types of the edges and keeps the size of its
    input.

    - ``'transformer'``, ``'gatv2'``, ``'gine'``: :class:`~torch_geometric.nn` 's
      ``TransformerConv``, ``GATv2Conv`` (without self-loops of its own: those of both
      graphs are edges of a type of their own) and ``GINEConv`` (with an MLP of two
      layers), which read a trained embedding of the edge type;
    - ``'rgcn'``: ``FastRGCNConv``, which reads the types. Its matrices have a block a
      head, since a full one a predicate would be most of the model;
    - ``'film'``, ``'gcn'``: ``FiLMConv`` (with one relation) and ``GCNConv``, which do
      not see the types.

    Args:
        conv (str, torch.nn.Module or callable): One of these names; a layer, which is
            copied; or what makes one from :obj:`channels` and :obj:`num_edge_types`.
            A layer that is no :class:`~eega_pyg.nn.conv.TypedConv` becomes one.
        channels (int): Size of each input and output sample.
        num_edge_types (int): Number of edge types.
        options (ModelConfig): Heads, dropout and the size of an edge type's embedding.

    Raises:
        ValueError: On another name, without edge embeddings where they are needed, or
            on a layer that is to learn its sizes from its first input.
        TypeError: On what is, or makes, no :class:`torch.nn.Module`.
    """
    heads, size, edge_dim = options.heads, channels // options.heads, options.edge_dim
    kwargs: Dict[str, Any] = {'dropout': options.dropout, 'edge_dim': edge_dim or None}
    if isinstance(conv, torch.nn.Module):
        layer = deepcopy(conv)
        reset(layer)
    elif callable(conv):
        layer = conv(channels, num_edge_types)
    elif conv == 'transformer':
        layer = TransformerConv(channels, size, heads, **kwargs)
    elif conv == 'gatv2':
        layer = GATv2Conv(channels, size, heads, add_self_loops=False, **kwargs)
    elif conv == 'gine':
        if edge_dim == 0:
            raise ValueError("Expected an 'edge_dim' above 0 with the layer 'gine', "
                             "which reads the edges' embeddings (got '0')")
        mlp = torch.nn.Sequential(torch.nn.Linear(channels, channels), torch.nn.ReLU(),
                                  torch.nn.Linear(channels, channels))
        layer = TypedConv(GINEConv(mlp, edge_dim=edge_dim), num_edge_types, edge_dim)
    elif conv == 'rgcn':
        layer = FastRGCNConv(channels, channels, num_edge_types, num_blocks=heads)
    elif conv == 'film':
        layer = FiLMConv(channels, channels)
    elif conv == 'gcn':
        layer = GCNConv(channels, channels, add_self_loops=False)
    elif not isinstance(conv, str):
        layer = conv
    else:
        raise ValueError(f"Expected a graph layer of {', '.join(get_args(ConvName))} "
                         f"(got '{conv}')")
    if not isinstance(layer, torch.nn.Module):
        raise TypeError(f"Expected a graph layer that is a torch.nn.Module (got "
                        f"'{type(layer).__name__}')")
    if any(map(is_lazy, layer.parameters())):
        raise ValueError(f"Expected a graph layer that knows its sizes: its input has "
                         f"{channels} channels (got {layer})")
    return layer if isinstance(layer, TypedConv) else TypedConv(layer, num_edge_types)


def attribute_transformers(options: ModelConfig, channels: int, num_edge_types: int,
                           zero_type: Optional[int] = None) -> torch.nn.ModuleList:
    r"""The attribute transformers of one graph.

    They start by adding little to the features of the pretrained encoder. With much
    noise in these, a tagger first learns to call every pair none.

    Args:
        options (ModelConfig): Number of layers, heads, dropout and the size of an edge
            type's embedding.
        channels (int): Size of each input and output sample.
        num_edge_types (int): Number of edge types.
        zero_type (int, optional): The type whose embedding starts at zero.
            (default: :obj:`None`)
    """
    heads, dropout = options.heads, options.dropout
    types: Dict[str, Any] = {}
    if options.edge_dim > 0:
        types = {
            'edge_dim': options.edge_dim,
            'num_edge_types': num_edge_types,
            'zero_type': zero_type
        }
    layers = torch.nn.ModuleList()
    for _ in range(options.num_layers):
        conv = AttributeTransformerConv(channels, channels // heads, heads,
                                        dropout=dropout, value_gain=0.1, **types)
        layers.append(AttributeTransformer(conv, channels, dropout=dropout))
    return layers
