r"""The words every other module speaks in.

Names of the node and edge types of one text/image pair, the tag set, entities,
quintuples and scene graphs, each with its JSON form; what is known of a text beside its
quintuples; and how a wrong value is reported.
"""
from .annotation import Annotation, Block
from .checks import (
    Flag,
    Index,
    Name,
    Number,
    Share,
    Text,
    first_error,
    located,
    record,
    short,
    validated,
)
from .fields import OTHER_NAMES, split_fields
from .pair import (
    DEP,
    LABEL_OF_OBJECT,
    LABEL_PIECE,
    OBJECT,
    PAIR,
    PIECE,
    PIECE_OF_TOKEN,
    REL,
    SOME_TYPE,
    TOKEN,
    UNKNOWN,
    UNSCORED,
    UNSTATED,
    EdgeType,
    num_pieces,
)
from .quintuple import Entity, Quintuple, Signature, Signatures, Span
from .scene_graph import SceneGraph, SceneObject, ScenePredicate
from .tags import JMERE_SYMMETRIC, JMERE_TAGS, TagSet

__all__ = [
    'Annotation',
    'Block',
    'Flag',
    'Index',
    'Name',
    'Number',
    'Share',
    'Text',
    'first_error',
    'located',
    'record',
    'short',
    'validated',
    'OTHER_NAMES',
    'split_fields',
    'DEP',
    'LABEL_OF_OBJECT',
    'LABEL_PIECE',
    'OBJECT',
    'PAIR',
    'PIECE',
    'PIECE_OF_TOKEN',
    'REL',
    'SOME_TYPE',
    'TOKEN',
    'UNKNOWN',
    'UNSCORED',
    'UNSTATED',
    'EdgeType',
    'num_pieces',
    'Entity',
    'Quintuple',
    'Signature',
    'Signatures',
    'Span',
    'SceneGraph',
    'SceneObject',
    'ScenePredicate',
    'JMERE_SYMMETRIC',
    'JMERE_TAGS',
    'TagSet',
]
