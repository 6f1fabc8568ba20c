r"""Data sets of text/image pairs."""
from .conll04 import read_conll04
from .fake import FakeJMERE
from .gmner import read_gmner
from .jmere import JMERE
from .joined import join_records
from .mnre import read_mnre
from .record import Record
from .visual_sources import VisualSources

__all__ = [
    'FakeJMERE',
    'JMERE',
    'Record',
    'VisualSources',
    'join_records',
    'read_conll04',
    'read_gmner',
    'read_mnre',
]
