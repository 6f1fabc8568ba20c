r"""Data sets of text/image pairs."""
from .fake import FakeJMERE
from .jmere import JMERE
from .mnre import Record, read_mnre

__all__ = [
    'FakeJMERE',
    'JMERE',
    'Record',
    'read_mnre',
]
