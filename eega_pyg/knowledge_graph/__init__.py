r"""Many results as one graph."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.knowledge_graph.formats.write import check_target
    from eega_pyg.knowledge_graph.graph import KnowledgeGraph, ResultError
    from eega_pyg.knowledge_graph.linking import Linker, TableLinker, normalized_name
    from eega_pyg.knowledge_graph.records import (
        Evidence,
        GraphData,
        Mention,
        Node,
        Relation,
        SeenObject,
        Sentence,
    )

__all__ = [
    'GraphData',
    'KnowledgeGraph',
    'ResultError',
    'check_target',
    'Linker',
    'TableLinker',
    'normalized_name',
    'Sentence',
    'SeenObject',
    'Mention',
    'Node',
    'Evidence',
    'Relation',
]

__getattr__, __dir__ = attach(
    __name__, {
        'GraphData': 'records',
        'KnowledgeGraph': 'graph',
        'ResultError': 'graph',
        'check_target': 'formats.write',
        'Linker': 'linking',
        'TableLinker': 'linking',
        'normalized_name': 'linking',
        'Sentence': 'records',
        'SeenObject': 'records',
        'Mention': 'records',
        'Node': 'records',
        'Evidence': 'records',
        'Relation': 'records',
    })
