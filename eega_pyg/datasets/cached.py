r"""Parsers and tokenizers, loaded once for all splits, and which they are."""
import json
import os
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Dict, Optional

from eega_pyg.files import write_text
from eega_pyg.identity import digest, file_sha256
from eega_pyg.json_yaml import read_json
from eega_pyg.parsing import Parser
from eega_pyg.resolve import encoder_folder, load_tokenizer, spacy_folder
from eega_pyg.transforms import WordPieces

# What a tokenizer is made of. A change of a library may change what it does.
_TOKENIZER_FILES = ('.json', '.txt', '.model')
_LIBRARIES = ('tokenizers', 'transformers')


@lru_cache(maxsize=2)
def cached_parser(name: str, vectors: bool = False) -> Parser:
    r"""A parser, see :class:`~eega_pyg.parsing.Parser`."""
    return Parser(name, vectors=vectors)


@lru_cache(maxsize=2)
def cached_pieces(encoder: str) -> WordPieces:
    r"""The word pieces of an encoder."""
    return WordPieces(load_tokenizer(encoder))


class ToolNotes:
    r"""Tells which parser and which tokenizer a data set was built with, without
    loading them: that takes seconds, and where a data set is only opened they need not
    be installed. What was found out is noted in a file.

    Args:
        path (str): The file.
    """
    def __init__(self, path: str) -> None:
        self.path = path

    def pipeline(self, name: str) -> str:
        r"""The name and the version of a spaCy pipeline."""
        folder = spacy_folder(name)
        if folder is None:
            known = self._notes().get(f'spaCy {name}')
            return known if known is not None else cached_parser(name).version
        meta = read_json(os.path.join(folder, 'meta.json'))
        found = f"{meta['lang']}_{meta['name']}-{meta['version']}"
        self._note(f'spaCy {name}', found)
        return found

    def encoder(self, name: str) -> str:
        r"""A digest of the content of an encoder's tokenizer. A saved model has the
        same tokenizer under another name, and so the same digest."""
        folder = encoder_folder(name)
        notes = self._notes()
        key = f'encoder {name}'
        if folder is None:
            if key in notes:
                return notes[key]
            return encoder_identity(name)
        files = f'tokenizer {_files_identity(folder)}'
        found = notes.get(files)
        if found is None:
            found = encoder_identity(name)
        self._note(files, found)
        self._note(key, found)
        return found

    def _notes(self) -> Dict[str, str]:
        try:
            notes = read_json(self.path)
        except (OSError, ValueError):
            return {}
        if not isinstance(notes, dict):
            return {}
        return {k: v for k, v in notes.items() if isinstance(v, str)}

    def _note(self, key: str, value: str) -> None:
        notes = self._notes()
        if notes.get(key) != value:
            with suppress(OSError):  # A folder that can only be read.
                write_text(self.path, json.dumps({**notes, key: value}, indent=1))


@lru_cache(maxsize=8)
def encoder_identity(name: str) -> str:
    r"""A digest of what an encoder's tokenizer does."""
    pieces = cached_pieces(name)
    content = json.loads(pieces.tokenizer.to_str())
    return digest([content, pieces.max_pieces, pieces.blank])


def _files_identity(folder: str) -> str:
    files: Dict[str, Any] = {
        name: file_sha256(os.path.join(folder, name))
        for name in sorted(os.listdir(folder)) if name.endswith(_TOKENIZER_FILES)
        and os.path.isfile(os.path.join(folder, name))
    }
    return digest([files, [_version(name) for name in _LIBRARIES]])


def _version(library: str) -> Optional[str]:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
