r"""What a person means by the arguments of ``eega extract`` and ``eega graph``."""
import os
import re
import sys
from glob import glob
from pathlib import Path
from typing import List, Optional

from .console import note


def input_paths(texts: List[str], source: Optional[Path]) -> List[Path]:
    r"""The files that the arguments of a command name; none if there is a text.

    An argument that is a file, a folder or ``-`` is read. It may be a pattern
    (``'texts/*.csv'``), and so may a source. One that reads like the name of a file,
    and is none, is an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is nothing to read, or there is a file and a text.
    """
    from eega_pyg.extraction.item_files import STANDARD_INPUT
    if source is not None and texts:
        raise ValueError('Give either TEXT or --input FILE')
    if source is not None:
        texts = _found(str(source)) or [str(source)]
    elif len(texts) == 1 and not re.search(r'\s', texts[0]):
        texts = _found(texts[0]) or texts
    if not texts:
        raise ValueError('Give a text in quotes, a file, or - for the standard input')
    paths = []
    for text in texts:
        if text == STANDARD_INPUT or os.path.exists(text):
            paths.append(Path(text))
        elif source is not None or looks_like_a_file(text):
            raise FileNotFoundError(f"There is no file or folder '{text}'")
        elif _has_ending(text):
            note(f"There is no file '{text}': it is read as a text")
    if len(paths) < len(texts) > 1:
        other = next(t for t in texts if Path(t) not in paths)
        raise ValueError(f"There is no file '{other}': put a text into quotes")
    return paths


def _found(pattern: str) -> List[str]:
    return [] if os.path.exists(pattern) else sorted(glob(pattern, recursive=True))


def tell_of_typing(paths: List[Path]) -> None:
    r"""Says that texts are awaited, where they are typed."""
    from eega_pyg.extraction.item_files import STANDARD_INPUT
    if Path(STANDARD_INPUT) in paths and sys.stdin.isatty():
        note('Reading texts until Ctrl-D')


def looks_like_a_file(text: str) -> bool:
    r"""Whether a text reads like the name of a file, *e.g.*, ``'data/tweets.csv'``."""
    folder = os.path.dirname(text)
    ending = _has_ending(text)
    path = text.startswith(('./', '../', '~/', '/'))
    if any(c.isspace() for c in text):  # A sentence may be about a file.
        return ending and (path or os.path.isdir(folder))
    return '://' not in text and (ending or path or text.endswith('/'))


def _has_ending(text: str) -> bool:
    from eega_pyg.extraction.item_files import ENDINGS
    return os.path.splitext(text)[1].lower() in {*ENDINGS, *_OTHER_FILES}


_OTHER_FILES = ('.doc', '.docx', '.gz', '.htm', '.html', '.jpg', '.jpeg', '.md', '.odt',
                '.pdf', '.png', '.rtf', '.tar', '.xls', '.xlsx', '.xml', '.zip')
