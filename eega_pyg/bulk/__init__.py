r"""Extraction from more texts than one process reads: over cores, GPUs and machines."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.bulk.batches import BatchExtractor
    from eega_pyg.bulk.ray_engine import Summary, extract_files

__all__ = ['BatchExtractor', 'Summary', 'extract_files']

__getattr__, __dir__ = attach(__name__, {
    'BatchExtractor': 'batches',
    'Summary': 'ray_engine',
    'extract_files': 'ray_engine',
})
