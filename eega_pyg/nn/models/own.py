r"""Parts of a model that were exchanged for others, which may be one's own."""
from typing import Any, Dict, Union

import torch

from eega_pyg.config import ModelConfig
from eega_pyg.config.options import check_fusion
from eega_pyg.nn.fusion_layer import fusion_layer
from eega_pyg.nn.graph_layer import graph_layer

#: What ``config.json`` says of a part: its name, or the class of one's own.
Stored = Union[str, Dict[str, str]]

_ARE = {'conv': 'graph layers of this model are', 'fusion': 'fusion of this model is'}


def named_parts(visual: bool, **parts: Any) -> Dict[str, str]:
    r"""Those of the parts ``conv`` and ``fusion`` that are options by their names.

    Raises:
        ValueError: If a part is what ``config.json`` says of one's own, which was not
            given, or if one does not go with the other or without the image.
    """
    for name, part in parts.items():
        if isinstance(part, dict):
            raise ValueError(
                f"The {_ARE[name]} of the class '{part.get('own')}', which is no "
                f"part of eega_pyg: give it or a factory of it, e.g. "
                f"load_model(folder, {name}=my_factory)")
    names = {name: part for name, part in parts.items() if isinstance(part, str)}
    if len(names) < len(parts):
        check_fusion(names.get('fusion', 'your own'), names.get('conv', 'your own'),
                     visual)
    return names


def replace_layers(model: Any, conv: Any, sizes: Dict[str, int],
                   options: ModelConfig) -> Stored:
    r"""Puts other layers, see :func:`~eega_pyg.nn.graph_layer`, into both graphs of a
    model."""
    model.typed = True
    stored: Stored = options.conv
    graphs = [(model.text_graph, sizes['dep'])]
    if model.visual:
        graphs.append((model.visual_graph, sizes['predicate']))
    for graph, num_edge_types in graphs:
        if conv == 'none':
            del graph[:]
        for layer in graph:
            layer.conv = graph_layer(conv, model.text_encoder.out_channels,
                                     num_edge_types, options)
            if not isinstance(conv, str):
                stored = _class(layer.conv.conv)
    return stored


def replace_fusion(model: Any, fusion: Any, sizes: Dict[str, int],
                   options: ModelConfig) -> Stored:
    r"""Puts another fusion, see :func:`~eega_pyg.nn.fusion_layer`, in the place of a
    model's graph layers, alignment and image2text attention."""
    del model.text_graph[:], model.visual_graph[:]
    del model.image_to_text, model.alignment, model.contrast
    model.fusion = fusion_layer(fusion, model.text_encoder.out_channels, sizes['dep'],
                                sizes['predicate'], options)
    return fusion if isinstance(fusion, str) else _class(model.fusion)


def _class(module: torch.nn.Module) -> Dict[str, str]:
    kind = type(module)
    return {'own': f'{kind.__module__}.{kind.__qualname__}'}
