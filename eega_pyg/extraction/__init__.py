r"""From texts with images to entities and quintuples."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.extraction.certainty import Rated, least_certain_first, rated
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.found import (
        AlignedObject,
        FoundEntity,
        FoundQuintuple,
        Grounding,
    )
    from eega_pyg.extraction.grounding import GroundingHead
    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.item_files import read_items
    from eega_pyg.extraction.result import Alignment, PairProbabilities, Result

__all__ = [
    'AlignedObject',
    'Alignment',
    'Extractor',
    'FoundEntity',
    'FoundQuintuple',
    'Grounding',
    'GroundingHead',
    'Item',
    'PairProbabilities',
    'Rated',
    'Result',
    'least_certain_first',
    'rated',
    'read_items',
]

__getattr__, __dir__ = attach(
    __name__, {
        'AlignedObject': 'found',
        'Alignment': 'result',
        'Extractor': 'extractor',
        'FoundEntity': 'found',
        'FoundQuintuple': 'found',
        'Grounding': 'found',
        'GroundingHead': 'grounding',
        'Item': 'item',
        'PairProbabilities': 'result',
        'Rated': 'certainty',
        'Result': 'result',
        'least_certain_first': 'certainty',
        'rated': 'certainty',
        'read_items': 'item_files',
    })
