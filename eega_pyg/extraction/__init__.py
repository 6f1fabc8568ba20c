r"""From texts with images to entities and quintuples."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.found import AlignedObject, FoundEntity, FoundQuintuple
    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.item_files import read_items
    from eega_pyg.extraction.result import Alignment, PairProbabilities, Result

__all__ = [
    'AlignedObject',
    'Alignment',
    'Extractor',
    'FoundEntity',
    'FoundQuintuple',
    'Item',
    'PairProbabilities',
    'Result',
    'read_items',
]

__getattr__, __dir__ = attach(
    __name__, {
        'AlignedObject': 'found',
        'Alignment': 'result',
        'Extractor': 'extractor',
        'FoundEntity': 'found',
        'FoundQuintuple': 'found',
        'Item': 'item',
        'PairProbabilities': 'result',
        'Result': 'result',
        'read_items': 'item_files',
    })
