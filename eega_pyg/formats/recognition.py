r"""The format of a file, by what is in it."""
import json
import re
from pathlib import Path
from typing import Any, Iterator, Optional, Union

from . import conll


def recognized(path: Union[str, Path]) -> str:
    r"""The format of a file by its ending and its first text.

    Raises:
        ValueError: If it looks like none, or holds no text.
        OSError: If it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        if any(path.rglob('*.ann')):
            return 'brat'
        raise ValueError(f"The folder '{path}' holds no file that ends in .ann: name a "
                         f"file")
    if path.suffix == '.ann':
        return 'brat'
    with open(path, 'rb') as file:
        start = file.read(1 << 20).removeprefix(b'\xef\xbb\xbf').lstrip()
    if re.fullmatch(rb'(\[\s*\])?\s*', start):
        raise ValueError(f"'{path}' holds no text")
    if start.startswith(b'\x78\x9c'):  # Compressed, as a DocBin is.
        return 'spacy'
    text = start.decode('utf-8', 'replace')
    first = text.partition('\n')[0].rstrip()
    form: Optional[str] = None
    if conll.looks_like(text):  # Its first word may be a bracket.
        form = 'conll'
    elif text[:1] in ('{', '['):
        form = next(filter(None, map(_of_value, _values(text))), None)
        begin = next(_values(text), None)
        plain = first[:2] == '{"' or isinstance(begin, dict) and 'text' in begin
        form = form or ('jsonl' if plain else None)
    if form is None:
        raise ValueError(f"{path}: looks like none of the known formats: name its "
                         f"format (--from)")
    return form


def _values(text: str) -> Iterator[Any]:
    r"""The values at the begin of an array of JSON, or of lines of JSON or Python."""
    decoder, place = json.JSONDecoder(), 1 if text.startswith('[') else 0
    while place < len(text):
        place = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            if text.startswith("{'"):  # A line of MNRE.
                yield dict.fromkeys(re.findall(r"'(\w+)': ", text.partition('\n')[0]))
            return
        yield value


def _of_value(value: Any) -> Optional[str]:
    r"""The format of a text, :obj:`None` where it may be of several."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get('data'), dict) and value.keys() & _TASK or (value.keys()
                                                                        >= _ROW):
        return 'label-studio'
    parts = [
        x for name in ('entities', 'relations') if isinstance(value.get(name), list)
        for x in value[name]
    ]
    names = value.keys() | {k for x in parts if isinstance(x, dict) for k in x}
    return next((form for form, marks in _MARKS.items() if names & marks), None)


_BETWEEN = re.compile(r'[\s,]*')
#: What a task of Label Studio has beside its data.
_TASK = {'annotations', 'predictions'}
#: What a row of its JSON-MIN has, which its reader refuses with advice.
_ROW = {'annotation_id', 'lead_time'}
#: Fields of a text, its entities and its relations that no other format has.
_MARKS = {
    'mnre': {'token', 'label_list'},
    'gliner': {'tokenized_text'},
    'prodigy': {'spans', 'head_span', '_task_hash'},
    'spert': {'tokens'},
    'jsonl': {'words', 'start', 'head', 'quintuples'},
    'doccano': {'start_offset', 'from_id', 'label', 'labels', 'Comments'},
}
