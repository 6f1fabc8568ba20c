r"""Many results as one graph."""
from .formats.write import check_target
from .graph import KnowledgeGraph, ResultError
from .linking import Linker, TableLinker, normalized_name
from .records import Evidence, GraphData, Mention, Node, Relation, SeenObject, Sentence

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
