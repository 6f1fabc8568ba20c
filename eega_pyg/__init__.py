r"""EEGA as a PyTorch Geometric library: knowledge graphs from text with pictures.

Names are loaded when they are asked for: ``import eega_pyg.ot`` loads torch and nothing
of the text or image stack.
"""
from typing import TYPE_CHECKING

from eega_pyg import _moved
from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.config import Config
    from eega_pyg.datasets import JMERE, FakeJMERE, JSONLines
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.result import Result
    from eega_pyg.knowledge_graph import KnowledgeGraph
    from eega_pyg.nn.models import EEGA
    from eega_pyg.saving.saved_model import load_model
    from eega_pyg.schema import JMERE_TAGS, Entity, Quintuple, SceneGraph, TagSet
    from eega_pyg.training.evaluation import evaluate
    from eega_pyg.training.run import fit

__version__ = '0.1.0'

__all__ = [
    'Config',
    'EEGA',
    'Entity',
    'Extractor',
    'FakeJMERE',
    'Item',
    'JMERE',
    'JMERE_TAGS',
    'JSONLines',
    'KnowledgeGraph',
    'Quintuple',
    'Result',
    'SceneGraph',
    'TagSet',
    'evaluate',
    'fit',
    'load_model',
]

__getattr__, __dir__ = attach(
    __name__, {
        'Config': 'config',
        'EEGA': 'nn.models',
        'Entity': 'schema',
        'Extractor': 'extraction.extractor',
        'FakeJMERE': 'datasets',
        'Item': 'extraction.item',
        'JMERE': 'datasets',
        'JMERE_TAGS': 'schema',
        'JSONLines': 'datasets',
        'KnowledgeGraph': 'knowledge_graph',
        'Quintuple': 'schema',
        'Result': 'extraction.result',
        'SceneGraph': 'schema',
        'TagSet': 'schema',
        'evaluate': 'training.evaluation',
        'fit': 'training.run',
        'load_model': 'saving.saved_model',
    })
_moved.install()
