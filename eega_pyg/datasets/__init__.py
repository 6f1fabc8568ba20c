r"""Data sets of text/image pairs."""
from .fake import FakeJMERE
from .jmere import JMERE
from .mnre import Record, read_mnre
from .visual_sources import VisualSources

__all__ = [
    'FakeJMERE',
    'JMERE',
    'Record',
    'VisualSources',
    'read_mnre',
]
