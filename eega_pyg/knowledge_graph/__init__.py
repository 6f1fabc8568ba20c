r"""Many results as one graph."""
from .graph import KnowledgeGraph
from .linking import Linker, TableLinker, normalized_name
from .records import Evidence, Mention, Node, Relation, SeenObject, Sentence

__all__ = [
    'KnowledgeGraph',
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
