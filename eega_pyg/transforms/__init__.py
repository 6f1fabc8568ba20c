r"""Turns a parsed pair of text and image into a
:class:`~torch_geometric.data.HeteroData`; each transform adds its own stores."""
from .co_occurrence import CoOccurrence
from .entities import Entities
from .pair import Pair
from .pair_transform import PairTransform
from .pmi import PMI
from .text_graph import TextGraph
from .visual_graph import VisualGraph
from .vocabulary import Vocabularies, Vocabulary
from .word_pairs import WordPairs
from .word_pieces import Pieces, WordPieces

__all__ = [
    'CoOccurrence',
    'Entities',
    'Pair',
    'PairTransform',
    'Pieces',
    'PMI',
    'TextGraph',
    'VisualGraph',
    'Vocabularies',
    'Vocabulary',
    'WordPairs',
    'WordPieces',
]
