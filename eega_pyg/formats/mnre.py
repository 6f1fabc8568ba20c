r"""Lines of MNRE."""
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Hashable, Iterable, Iterator, List, Tuple

from eega_pyg.schema import Entity, Span, located, short

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import WITH_WORDS
from .mnre_rows import MAX_BYTES, NO_RELATION, Row, read_rows
from .words import from_word_spans, word_spans

HOLDS = frozenset({WITH_WORDS, 'relations', 'words', 'image_id', 'overlaps'})


def grouped(rows: Iterable[Row], version: str = 'v1') -> List[List[Row]]:
    r"""The rows with a relation, in one list for each sentence: ``'v1'`` joins
    consecutive rows with the same words, where a row without a relation ends such a
    run; ``'merged'`` joins all rows with the same image and words."""
    groups: Dict[Hashable, List[Row]] = {}
    run, previous = 0, None
    for row in rows:
        if row.quintuple is None or row.words != previous:
            run += 1
        previous = row.words
        if row.quintuple is not None:
            key: Hashable = (row.image_id, row.words)
            if version == 'v1':
                key = run if row.text is None else ('text', row.text)
            groups.setdefault(key, []).append(row)
    return list(groups.values())


def check_types(rows: Iterable[Row]) -> None:
    r"""Raises a :class:`ValueError` if a span has two types in one sentence."""
    types: Dict[Span, str] = {}
    for row in rows:
        assert row.quintuple is not None
        for entity in (row.quintuple.head, row.quintuple.tail):
            known = types.setdefault(entity.span, entity.type)
            if known != entity.type:
                name = ' '.join(row.words[entity.start:entity.end])
                raise ValueError(f"{row.where}: '{name}' is '{entity.type}' here and "
                                 f"'{known}' in another line of the sentence")


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the sentences of a file of MNRE or JMERE, as JMERE joins them."""
    rows = read_rows(path)
    if number := sum(row.quintuple is None for row in rows):
        left_out["lines that state no relation, which name no types"] += number
    for group in grouped(rows):
        check_types(group)
        with located(group[0].where):
            yield _text(group)


def _text(rows: List[Row]) -> AnnotatedText:
    first = rows[0]
    quintuples = dict.fromkeys(r.quintuple for r in rows if r.quintuple is not None)
    entities: List[Entity] = sorted({e for q in quintuples for e in (q.head, q.tail)})
    spans = from_word_spans(first.words, [e.span for e in entities])
    index = {e.span: i for i, e in enumerate(entities)}
    return AnnotatedText(
        ' '.join(first.words),
        tuple(AnnotatedEntity(*s, e.type) for s, e in zip(spans, entities)),
        tuple(
            AnnotatedRelation(index[q.head.span], index[q.tail.span], q.relation)
            for q in quintuples), first.words, first.image_id, place=first.where)


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes a line for each relation. Between two texts of the same words stands one
    that states no relation, which is how a reader tells them apart."""
    with open(path, 'w', encoding='utf-8', newline='\n') as file:
        previous = None
        for text in texts:
            assert text.words is not None
            with located(text.place):
                lines = _lines(text)
                if text.words == previous:
                    lines.insert(0, _separator(text))
                if any(len(line.encode('utf-8')) >= MAX_BYTES for line in lines):
                    raise ValueError(f"a line would be longer than {MAX_BYTES:,} bytes")
            previous = text.words
            file.writelines(line + '\n' for line in lines)


def _lines(text: AnnotatedText) -> List[str]:
    lines = []
    for r in text.relations:
        types = [text.entities[i].type for i in (r.head, r.tail)]
        for name in (*types, r.type):
            if '/' in name or name.lower() == NO_RELATION:
                raise ValueError(f"{short(name)} cannot be written as a type or "
                                 f"relation of MNRE: rename it")
        lines.append(_line(text, r.head, r.tail, '/'.join(('', *types, r.type))))
    return lines


def _line(text: AnnotatedText, head: int, tail: int, relation: str) -> str:
    words, spans = list(text.words or ()), word_spans(text)

    def side(i: int) -> Dict[str, Any]:
        start, end = spans[i]
        return {'name': ' '.join(words[start:end]), 'pos': [start, end]}

    return repr({
        'token': words,
        'h': side(head),
        't': side(tail),
        'img_id': text.image_id,
        'relation': relation
    })


def _separator(text: AnnotatedText) -> str:
    related = {(r.head, r.tail) for r in text.relations}
    pairs: Iterator[Tuple[int, int]] = ((a, b) for a in range(len(text.entities))
                                        for b in range(len(text.entities))
                                        if a != b and (a, b) not in related)
    pair = next(pairs, None)
    if pair is None:
        raise ValueError('the same words stand in the text before, and no pair of '
                         'entities without a relation can be written between the two')
    return _line(text, *pair, 'None')
