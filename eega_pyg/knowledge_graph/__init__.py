r"""Many results as one graph."""
from .graph import KnowledgeGraph, ResultError, check_target
from .linking import Linker, TableLinker, normalized_name
from .records import Evidence, Mention, Node, Relation, SeenObject, Sentence

__all__ = [
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
