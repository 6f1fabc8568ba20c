r"""Data sets of text/image pairs."""
from .conll04 import read_conll04
from .fake import FakeJMERE
from .gmner import GMNER, Twitter, read_gmner
from .jmere import JMERE
from .joined import join_records
from .json_lines import JSONLines
from .jsonl import Survey, read_jsonl, survey
from .mnre import read_mnre
from .on_disk import OnDiskPairs
from .opening import open_dataset
from .pair_dataset import PairDataset
from .record import Record, Seen
from .visual_sources import VisualSources

__all__ = [
    'FakeJMERE',
    'GMNER',
    'JMERE',
    'JSONLines',
    'OnDiskPairs',
    'PairDataset',
    'Record',
    'Seen',
    'Survey',
    'Twitter',
    'VisualSources',
    'join_records',
    'open_dataset',
    'read_conll04',
    'read_gmner',
    'read_jsonl',
    'read_mnre',
    'survey',
]
