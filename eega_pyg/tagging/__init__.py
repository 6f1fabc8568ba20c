r"""Encodes quintuples into a word-pair table and decodes them from one."""
from .decoding import (
    TOUCHING,
    Extraction,
    decode,
    decode_batch,
    is_directed,
    merge_windows,
    rescore_batch,
)
from .table import TABLES, encode, written

__all__ = [
    'TABLES',
    'TOUCHING',
    'Extraction',
    'decode',
    'decode_batch',
    'encode',
    'is_directed',
    'merge_windows',
    'rescore_batch',
    'written',
]
