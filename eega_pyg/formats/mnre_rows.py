r"""The lines of MNRE's files, and what JMERE's own files hold in their place."""
import ast
from pathlib import Path
from typing import Annotated, Any, Iterator, List, NamedTuple, Optional, Tuple, Union

from pydantic import BeforeValidator, Field, Strict
from typing_extensions import TypedDict

from eega_pyg.json_yaml import read_json
from eega_pyg.schema import (
    Entity,
    Name,
    Quintuple,
    Span,
    TagSet,
    Text,
    listed,
    short,
    validated,
)

from .json_array import is_array

# A line of MNRE has less than 2,000 bytes. Longer ones are refused because Python's
# reader of literals needs a multiple of a line's size in memory.
MAX_BYTES = 100_000

NO_RELATION = 'none'


def _as_text(value: Any) -> Any:
    return str(value) if type(value) is int and abs(value) < 2**63 else value


_Integer = Annotated[int, Strict()]
_ImageName = Annotated[Text, BeforeValidator(_as_text)]


class _Side(TypedDict):
    name: Annotated[str, Strict()]
    pos: Tuple[_Integer, _Integer]


class _Entity(_Side):
    tags: Text


class _Line(TypedDict):
    token: Annotated[List[Name], Field(min_length=1)]
    h: _Side
    t: _Side
    img_id: _ImageName
    relation: Text


class _Pair(TypedDict):
    beg_ent: _Entity
    sec_ent: _Entity
    relation: Text


class _Labelled(TypedDict):
    token: Annotated[List[Name], Field(min_length=1)]
    img_id: _ImageName
    label_list: List[Annotated[List[_Pair], Field(min_length=1)]]


class Row(NamedTuple):
    r"""What a file says about one pair of entities.

    Args:
        where (str): File and line, for errors.
        words (tuple of str): The words of the text.
        image_id (str): The name of its image.
        spans (tuple): The spans of the two entities.
        quintuple (Quintuple, optional): The quintuple; :obj:`None` if there is no
            relation.
        text (int, optional): Which text of the file it is, if the file tells texts
            apart.
    """
    where: str
    words: Tuple[str, ...]
    image_id: str
    spans: Tuple[Span, Span]
    quintuple: Optional[Quintuple]
    text: Optional[int] = None


def read_rows(path: Union[str, Path], tags: Optional[TagSet] = None) -> List[Row]:
    r"""Reads what a file says about pairs of entities. It has one of these forms:

    - MNRE's, a Python literal a line, see :func:`~eega_pyg.datasets.read_mnre`. The
      first version of MNRE differs in that no relation is ``'none'``. A name may lack
      the blanks between the words of its span (``'#Acme'`` for ``'#'``, ``'Acme'``),
      and the name of an image may be a number;
    - JMERE's, a JSON array of texts ``{"token": [...], "img_id": ..., "label_list":
      [[{"beg_ent": {"name": ..., "pos": [start, end], "tags": "per"}, "sec_ent": {...},
      "relation": "member_of"}], ...]}``, or such a text a line.

    Args:
        path (str or Path): The file.
        tags (TagSet, optional): The known types and relations; by default all names
            are known. (default: :obj:`None`)

    Raises:
        ValueError: Naming file and line (of an array: the text, from 0) that is wrong.
    """
    rows: List[Row] = []
    for i, (where, value) in enumerate(_values(path)):
        if isinstance(value, dict) and 'label_list' in value:
            rows += _labelled(where, value, tags, i)
        else:
            rows.append(_row(where, validated(_Line, value, where), tags))
    return rows


def _values(path: Union[str, Path]) -> Iterator[Tuple[str, Any]]:
    if is_array(path):
        for i, value in enumerate(validated(List[Any], read_json(path), path)):
            yield f'{path}: text {i}', value
        return
    with open(path, 'rb') as f:  # Only b'\n' ends a line, no other separator.
        for number, line in enumerate(f, 1):
            where = f'{path}:{number}'
            if len(line) > MAX_BYTES:
                raise ValueError(f"{where}: the line is longer than {MAX_BYTES:,} "
                                 f"bytes")
            try:
                text = line.decode('utf-8-sig' if number == 1 else 'utf-8').strip()
            except UnicodeDecodeError as e:
                raise ValueError(f"{where}: not valid UTF-8: {e}") from None
            if text:
                yield where, _literal(where, text)


def _literal(where: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as e:
        reason = str(e).splitlines()[0] if str(e) else 'nested too deeply'
        raise ValueError(f"{where}: not a Python literal: {reason[:200]}") from None


def _row(where: str, value: _Line, tags: Optional[TagSet]) -> Row:
    words = tuple(value['token'])
    spans = (_span(f'{where}: h', value['h'],
                   words), _span(f'{where}: t', value['t'], words))
    relation, image = value['relation'], value['img_id']
    if relation.lower() == NO_RELATION:
        return Row(where, words, image, spans, None)
    parts = relation.split('/')
    if len(parts) != 4 or parts[0]:
        raise ValueError(f"{where}: relation: expected '/type/type/relation' or 'None' "
                         f"(got {short(relation)})")
    _, head_type, tail_type, name = parts
    return Row(where, words, image, spans,
               _quintuple(where, spans, (head_type, tail_type), name, tags))


def _labelled(where: str, value: Any, tags: Optional[TagSet],
              text: int) -> Iterator[Row]:
    # Each pair stands in a list of its own; a file without these lists is as clear.
    labels = value['label_list']
    if isinstance(labels, list):
        value = {
            **value, 'label_list': [x if isinstance(x, list) else [x] for x in labels]
        }
    checked: _Labelled = validated(_Labelled, value, where)
    words = tuple(checked['token'])
    pairs = [pair for label in checked['label_list'] for pair in label]
    for i, pair in enumerate(pairs):
        place = f'{where}: label_list[{i}]'
        head, tail = pair['beg_ent'], pair['sec_ent']
        spans = (_span(f'{place}: beg_ent', head,
                       words), _span(f'{place}: sec_ent', tail, words))
        quintuple = None
        if pair['relation'].lower() != NO_RELATION:
            types = head['tags'], tail['tags']
            quintuple = _quintuple(place, spans, types, pair['relation'], tags)
        yield Row(place, words, checked['img_id'], spans, quintuple, text)


def _quintuple(where: str, spans: Tuple[Span, Span], types: Tuple[str, str],
               relation: str, tags: Optional[TagSet]) -> Quintuple:
    named = [('type', types[0]), ('type', types[1]), ('relation', relation)]
    for kind, part in named:
        known = None if tags is None else (
            tags.types if kind == 'type' else tags.relations)
        if known is None:
            if not part.strip():
                raise ValueError(f"{where}: a {kind} has no name")
        elif part not in known:
            raise ValueError(f"{where}: unknown {kind} {short(part)} (known: "
                             f"{listed(known)})")
    head, tail = (Entity(*span, kind) for span, kind in zip(spans, types))
    return Quintuple(head, tail, relation)


def _span(where: str, value: _Side, words: Tuple[str, ...]) -> Span:
    start, end = value['pos']
    if not 0 <= start < end <= len(words):
        raise ValueError(f"{where}: the span [{short(start)}, {short(end)}) is not "
                         f"inside the sentence of {len(words)} words")
    span = words[start:end]
    if _letters(*span) != _letters(value['name']):
        raise ValueError(f"{where}: the words [{start}, {end}) are "
                         f"{short(' '.join(span))}, not {short(value['name'])}")
    return start, end


def _letters(*words: str) -> str:
    return ''.join(''.join(words).split())
