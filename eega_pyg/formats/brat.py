r"""Standoff files of brat, ``NAME.txt`` and ``NAME.ann``."""
import re
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from eega_pyg.schema import Span, located, short

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .offsets import check_names

HOLDS = frozenset({'relations', 'lone', 'bare', 'empty', 'spacing', 'overlaps'})
_LINE_ENDS = re.compile(r'[\r\n]+')
_ENTITY = re.compile(r'(\S+) (\d{1,9} \d{1,9}(?:;\d{1,9} \d{1,9})*)')
_RELATION = re.compile(r'(\S+) Arg1:(\S+) Arg2:(\S+)')
#: What else a line may state.
_OTHERS = {
    'E': 'events',
    'A': 'attributes',
    'M': 'attributes',
    'N': 'normalizations',
    '#': 'notes',
    '*': 'relations without direction of more than two entities'
}


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of a folder and of the folders in it (or of one ``.ann`` file),
    in the order of their names. An entity in several parts is read only if nothing but
    white space stands between them, which is how brat writes one that goes over the end
    of a line."""
    files = [path.with_suffix('.ann')]
    if path.is_dir():
        files = sorted(path.rglob('*.ann'))
        left_out['files .txt without a file .ann'] += sum(
            not file.with_suffix('.ann').is_file() for file in path.rglob('*.txt'))
    if not files:
        raise ValueError(f"The folder '{path}' holds no file that ends in .ann")
    for file in files:
        yield _text(file, left_out)


def _decoded(path: Path) -> str:
    try:
        return path.read_bytes().decode('utf-8')
    except UnicodeDecodeError as e:
        raise ValueError(f'{path}: not UTF-8: {e}') from None


def _text(file: Path, left_out: 'Counter[str]') -> AnnotatedText:
    content = _decoded(file.with_suffix('.txt'))
    found: Dict[str, Tuple[str, Span, Optional[str], int]] = {}
    relations: List[Tuple[int, str, str, str]] = []
    for number, line in enumerate(_decoded(file).removeprefix('\ufeff').split('\n'), 1):
        if not line.strip():
            continue
        with located(f'{file}:{number}'):
            key, _, rest = line.partition('\t')
            if key[:1] == 'T':
                if key in found:
                    raise ValueError(f"the id {short(key)} is taken already")
                found[key] = (*_entity(rest, content), number)
            elif key[:1] == 'R':
                match = _RELATION.fullmatch(rest.strip())
                if match is None:
                    raise ValueError(f"expected 'TYPE Arg1:T1 Arg2:T2' (got "
                                     f"{short(rest)})")
                relations.append((number, *match.groups()))  # type: ignore[arg-type]
            elif key[:1] in _OTHERS:
                left_out[_OTHERS[key[:1]]] += 1
            else:
                raise ValueError(f"expected a line that begins with T or R (got "
                                 f"{short(line)})")
    with located(file):
        check_names(_spaced(content), [span for _, span, *_ in found.values()],
                    [name for *_, name, _ in found.values()])
    index = {key: i for i, key in enumerate(found)}
    made = []
    for kind, span, _, number in found.values():
        with located(f'{file}:{number}'):
            made.append(AnnotatedEntity(*span, kind))
    ends = []
    for number, name, head, tail in relations:
        with located(f'{file}:{number}'):
            for key in (head, tail):
                if key not in index:
                    raise ValueError(f"no entity has the id {short(key)}")
            ends.append(AnnotatedRelation(index[head], index[tail], name))
    with located(file):
        return AnnotatedText(content, tuple(made), tuple(ends), place=str(file))


def _spaced(text: str) -> str:
    # In a name that goes over the end of a line stands a blank for it.
    return re.sub(r'[\r\n]', ' ', text)


def _entity(rest: str, content: str) -> Tuple[str, Span, Optional[str]]:
    # A name may hold tabs, and the line may end as Windows ends lines.
    head, tab, name = rest.partition('\t')
    match = _ENTITY.fullmatch(head.strip())
    if match is None:
        raise ValueError(f"expected 'TYPE START END' (got {short(head)})")
    parts = [tuple(map(int, p.split(' '))) for p in match[2].split(';')]
    for (_, end), (start, _) in zip(parts, parts[1:]):
        if not end <= start or content[end:start].strip():
            raise ValueError(f"the entity {short(name)} is in several parts "
                             f"({match[2]}), which is not read: mark it whole")
    span = (parts[0][0], parts[-1][1])
    if len(parts) > 1 or not tab:  # White space between parts is not in the name.
        return match[1], span, None
    name = name.removesuffix('\r') if name != _spaced(content[slice(*span)]) else name
    return match[1], span, name


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes the two files of each text, ``00000000.txt`` and so on, into a folder."""
    for number, text in enumerate(texts):
        with located(text.place):
            lines = list(_lines(text))
        file = path / f'{number:08d}'
        file.with_suffix('.txt').write_bytes(text.text.encode('utf-8'))
        content = ''.join(line + '\n' for line in lines)
        file.with_suffix('.ann').write_bytes(content.encode('utf-8'))


def _lines(text: AnnotatedText) -> Iterator[str]:
    for name in [e.type for e in text.entities] + [r.type for r in text.relations]:
        if re.search(r'\s', name):
            raise ValueError(f"{short(name)} has white space in it, which no type of "
                             f"brat has: rename it")
    for i, e in enumerate(text.entities, 1):
        parts = list(_parts(text.text, e.start, e.end))
        spans = ';'.join(f'{a} {z}' for a, z in parts)
        name = ' '.join(text.text[a:z] for a, z in parts)
        yield f'T{i}\t{e.type} {spans}\t{name}'
    for i, r in enumerate(text.relations, 1):
        yield f'R{i}\t{r.type} Arg1:T{r.head + 1} Arg2:T{r.tail + 1}'


def _parts(text: str, start: int, end: int) -> Iterator[Span]:
    # No part of an entity of brat goes over the end of a line.
    place = start
    for match in _LINE_ENDS.finditer(text, start, end):
        if place < match.start():
            yield place, match.start()
        place = match.end()
    if place < end:
        yield place, end
