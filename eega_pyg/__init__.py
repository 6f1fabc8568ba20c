"""EEGA as a PyTorch Geometric library: knowledge graphs from text with pictures.

The package is lazy: ``import eega_pyg.ot`` loads torch and nothing of the text or
image stack.
"""
from importlib import import_module
from typing import Any

__version__ = '0.1.0'

_EXPORTS = {
    'Entity': 'eega_pyg.schema',
    'JMERE_TAGS': 'eega_pyg.schema',
    'Quintuple': 'eega_pyg.schema',
    'SceneGraph': 'eega_pyg.schema',
    'TagSet': 'eega_pyg.schema',
    'EEGA': 'eega_pyg.nn.models',
    'JMERE': 'eega_pyg.datasets',
    'FakeJMERE': 'eega_pyg.datasets',
    'Extractor': 'eega_pyg.extractor',
    'Item': 'eega_pyg.item',
    'KnowledgeGraph': 'eega_pyg.knowledge_graph',
}

__all__ = [*_EXPORTS]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'eega_pyg' has no attribute '{name}'")
    return getattr(import_module(_EXPORTS[name]), name)
