r"""Words and tags in columns, as in CoNLL-2003 and GMNER."""
import re
from collections import Counter
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from eega_pyg.schema import Span, listed, located, short

from .annotated import AnnotatedEntity, AnnotatedText
from .held import WITH_WORDS
from .words import from_word_spans, word_spans

HOLDS = frozenset({WITH_WORDS, 'lone', 'bare', 'words', 'image_id'})
IMAGE = 'IMGID:'
#: Begins a document in CoNLL-2003, whose lines have blanks between the columns.
DOCUMENT = '-DOCSTART-'
# A mark and a type. ``E`` and ``L`` end an entity, ``S`` and ``U`` are all of one.
_TAG = re.compile(r'([BIESLU])-(\S|\S.*\S)')
#: What the files of the splits of Twitter-15, Twitter-17 and GMNER are called.
SPLIT_FILES = {
    'train': ('train.txt', ),
    'val': ('val.txt', 'valid.txt', 'dev.txt'),
    'test': ('test.txt', )
}


def read(path: Path, left_out: 'Optional[Counter[str]]' = None,
         types: Optional[Sequence[str]] = None) -> Iterator[AnnotatedText]:
    r"""Yields texts: for each a line for each word, which comes first in it and its tag
    last, and a blank line. Columns are parted by tabs or, where a line has none, by
    blanks; those between the word and the tag are not read. Tags are ``O``, ``B-PER``,
    ``I-PER``, and those of ``BIOES`` and ``BILOU``.

    CoNLL-2003 and the exports of many tools are written so. Twitter-15, Twitter-17 and
    GMNER have a line ``IMGID:...`` before each text.

    Args:
        path (Path): The file.
        left_out (Counter, optional): Nothing is left out. (default: :obj:`None`)
        types (sequence of str, optional): The known types; by default all names.
            (default: :obj:`None`)
    """
    rows: List[Tuple[str, str]] = []
    image, place, width = '', '', 0
    with open(path, 'rb') as f:  # Only b'\n' ends a line, no other separator.
        for number, raw in enumerate(_and_blank(f), 1):
            with located(f'{path}:{number}'):
                line = raw.decode('utf-8-sig' if number == 1 else 'utf-8').rstrip()
                columns = _columns(line)
                if line and not line.startswith(IMAGE) and columns[0] != DOCUMENT:
                    place = place or f'{path}:{number}'
                    width = width or len(columns)
                    rows.append(_row(line, columns, width, types))
                    continue
            if rows:
                with located(place):
                    if width > 2 and _are_counted(rows):
                        raise ValueError('the first column counts the words: leave it '
                                         'out, the words come first')
                    yield _text(rows, image, place)
                rows, image, place = [], '', ''
            if line.startswith(IMAGE):
                image = line[len(IMAGE):].strip()


def looks_like(text: str) -> bool:
    r"""Whether the first lines of a text are columns that end in a tag."""
    lines = [_columns(x.rstrip()) for x in text.split('\n')[:5] if x.strip()]
    rows = [x for x in lines if not x[0].startswith(IMAGE) and x[0] != DOCUMENT]
    if not rows:
        return bool(lines)
    return len(rows[0]) > 1 and all(
        len(x) == len(rows[0]) and
        (x[-1] == 'O' or _TAG.fullmatch(x[-1]) and x[-1][2].isalpha()) for x in rows)


def _and_blank(lines: Iterable[bytes]) -> Iterator[bytes]:
    yield from lines
    yield b''


def _columns(line: str) -> List[str]:
    return line.split('\t') if '\t' in line else re.split(' +', line)


def _row(line: str, columns: List[str], width: int,
         types: Optional[Sequence[str]]) -> Tuple[str, str]:
    word, tag = columns[0], columns[-1]
    if len(columns) < 2 or not word.strip():
        raise ValueError(f"expected a word and its tag, with a tab or blanks between "
                         f"them (got {short(line)})")
    if len(columns) != width:
        raise ValueError(f"expected {width} columns, as in the first line of the file "
                         f"(got {len(columns)}: {short(line)})")
    match = _TAG.fullmatch(tag)
    if tag != 'O' and (not match or types is not None and match[2] not in types):
        known = 'a type' if types is None else listed(types)
        raise ValueError(f"unknown tag {short(tag)} (known: O, and B-, I-, E-, S-, L- "
                         f"and U- before {known})")
    return word, tag


def _are_counted(rows: Sequence[Tuple[str, str]]) -> bool:
    return len(rows) > 2 and [w for w, _ in rows
                              ] == [str(i + 1) for i in range(len(rows))]


def _text(rows: List[Tuple[str, str]], image: str, place: str) -> AnnotatedText:
    words = tuple(word for word, _ in rows)
    found: List[Tuple[Span, str]] = []
    going_on = ''  # The type of the entity that the word before does not end.
    for i, (_, tag) in enumerate(rows):
        mark, _, kind = tag.partition('-')
        start = i
        if mark in ('I', 'E', 'L') and going_on == kind:
            (start, _), _ = found.pop()
        if mark != 'O':
            found.append(((start, i + 1), kind))
        going_on = kind if mark in ('B', 'I') else ''
    spans = from_word_spans(words, [span for span, _ in found])
    entities = tuple(
        AnnotatedEntity(*span, kind) for span, (_, kind) in zip(spans, found))
    return AnnotatedText(' '.join(words), entities, words=words, image_id=image,
                         place=place)


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts in columns."""
    with open(path, 'w', encoding='utf-8', newline='\n') as file:
        for text in texts:
            with located(text.place):
                tags = _tags(text)
            # At the beginning of a file, U+FEFF is the mark of its encoding.
            if text.image_id or text.text.startswith('\ufeff'):
                file.write(f'{IMAGE}{text.image_id}\n')
            file.writelines(f'{w}\t{t}\n' for w, t in zip(text.words or (), tags))
            file.write('\n')


def _tags(text: AnnotatedText) -> List[str]:
    words = text.words or ()
    for word in words:
        if '\t' in word or '\n' in word or word.startswith(IMAGE) or word == DOCUMENT:
            raise ValueError(f"{short(word)} cannot be a word in a column")
    if text.image_id != text.image_id.strip() or '\n' in text.image_id:
        raise ValueError(f"{short(text.image_id)} cannot be the name of an image in a "
                         f"line")
    tags = ['O'] * len(words)
    for e, (start, end) in zip(text.entities, word_spans(text)):
        if e.type != e.type.strip() or '\t' in e.type or '\n' in e.type:
            raise ValueError(f"{short(e.type)} cannot be a tag in a column: rename it")
        tags[start:end] = [f'B-{e.type}'] + [f'I-{e.type}'] * (end - start - 1)
    return tags
