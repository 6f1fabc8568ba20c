r"""Words and tags in columns, with a line for the image."""
from collections import Counter
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from eega_pyg.schema import Span, listed, located, short

from .annotated import AnnotatedEntity, AnnotatedText
from .held import WITH_WORDS
from .words import from_word_spans, word_spans

HOLDS = frozenset({WITH_WORDS, 'lone', 'bare', 'words', 'image_id'})
IMAGE = 'IMGID:'
#: What the files of the splits of Twitter-15, Twitter-17 and GMNER are called.
SPLIT_FILES = {
    'train': ('train.txt', ),
    'val': ('val.txt', 'valid.txt', 'dev.txt'),
    'test': ('test.txt', )
}


def read(path: Path, left_out: 'Optional[Counter[str]]' = None,
         types: Optional[Sequence[str]] = None) -> Iterator[AnnotatedText]:
    r"""Yields texts: for each a line ``IMGID:...``, a line for each word with its tag
    (``O``, ``B-PER``, ``I-PER``) after a tab, and a blank line. Twitter-15, Twitter-17
    and GMNER are written so.

    Args:
        path (Path): The file.
        left_out (Counter, optional): Nothing is left out. (default: :obj:`None`)
        types (sequence of str, optional): The known types; by default all names.
            (default: :obj:`None`)
    """
    rows: List[Tuple[str, str]] = []
    image, place = '', ''
    with open(path, 'rb') as f:  # Only b'\n' ends a line, no other separator.
        for number, raw in enumerate(_and_blank(f), 1):
            with located(f'{path}:{number}'):
                line = raw.decode('utf-8-sig' if number == 1 else 'utf-8').rstrip()
                if line and not line.startswith(IMAGE):
                    place = place or f'{path}:{number}'
                    rows.append(_row(line, types))
                    continue
            if rows:
                with located(place):
                    yield _text(rows, image, place)
                rows, image, place = [], '', ''
            if line:
                image = line[len(IMAGE):].strip()


def _and_blank(lines: Iterable[bytes]) -> Iterator[bytes]:
    yield from lines
    yield b''


def _row(line: str, types: Optional[Sequence[str]]) -> Tuple[str, str]:
    word, _, tag = line.partition('\t')
    if not tag or not word.strip():
        raise ValueError(f"expected a word and its tag with a tab between them (got "
                         f"{short(line)})")
    mark, _, kind = tag.partition('-')
    if tag != 'O' and (mark not in ('B', 'I') or not kind.strip() or '\t' in kind
                       or types is not None and kind not in types):
        known = 'a type' if types is None else listed(types)
        raise ValueError(f"unknown tag {short(tag)} (known: O, and B- and I- before "
                         f"{known})")
    return word, tag


def _text(rows: List[Tuple[str, str]], image: str, place: str) -> AnnotatedText:
    words = tuple(word for word, _ in rows)
    found: List[Tuple[Span, str]] = []
    before = 'O'
    for i, (_, tag) in enumerate(rows):
        mark, _, kind = tag.partition('-')
        start = i
        if mark == 'I' and before[2:] == kind:
            (start, _), _ = found.pop()
        if mark != 'O':
            found.append(((start, i + 1), kind))
        before = tag
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
            file.write(f'{IMAGE}{text.image_id}\n')
            file.writelines(f'{w}\t{t}\n' for w, t in zip(text.words or (), tags))
            file.write('\n')


def _tags(text: AnnotatedText) -> List[str]:
    words = text.words or ()
    for word in words:
        if '\t' in word or '\n' in word or word.startswith(IMAGE):
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
