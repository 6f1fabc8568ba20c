r"""JSON lines of Prodigy."""
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from typing_extensions import NotRequired, TypedDict

from eega_pyg.json_yaml import read_lines
from eega_pyg.schema import Index, Name, Text, located, short, split_fields, validated

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import FIELDS, WITH_WORDS
from .native import other_fields, read_other_fields, write_lines
from .words import token_spans, tokens_of

HOLDS = FIELDS | {
    WITH_WORDS, 'relations', 'lone', 'bare', 'empty', 'spacing', 'words', 'overlaps'
}
_OWN = ('text', 'tokens', 'spans', 'relations', 'answer')


class _Token(TypedDict):
    text: Text
    start: Index
    end: Index


class _Span(TypedDict):
    start: Index
    end: Index
    label: Name
    token_end: NotRequired[Index]


class _End(TypedDict):
    start: Index
    end: Index


class _Relation(TypedDict):
    head: Index
    child: Index
    label: Name
    head_span: NotRequired[_End]
    child_span: NotRequired[_End]


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of tasks with ``text``, ``tokens``, ``spans`` and
    ``relations``. Tasks that were rejected or ignored are not read."""
    for number, value in read_lines(path):
        with located(place := f'{path}:{number}'):
            fields = validated(Dict[str, Any], value)
            if fields.get('answer', 'accept') != 'accept':
                left_out['tasks that were rejected or ignored'] += 1
                continue
            own = [name for name in fields if name.startswith('_')]
            left_out["fields of Prodigy's own ('_task_hash')"] += len(own)
            yield _text({
                k: v
                for k, v in fields.items() if k not in own
            }, place, left_out)


def _text(fields: Dict[str, Any], place: str,
          left_out: 'Counter[str]') -> AnnotatedText:
    known, metadata = split_fields(fields, (*_OWN, *FIELDS))
    if 'text' not in known:
        raise ValueError("missing 'text'")
    text = validated(Text, known['text'], 'text')
    words: List[str] = []
    starts: Set[int] = set()
    ends_of_words: Set[int] = set()
    for i, value in enumerate(validated(List[Any], known.get('tokens', []), 'tokens')):
        token = validated(_Token, value, f'tokens[{i}]')
        if text[token['start']:token['end']] != token['text']:
            raise ValueError(f"tokens[{i}]: at [{token['start']}, {token['end']}) "
                             f"stands {short(text[token['start']:token['end']])}, not "
                             f"{short(token['text'])}")
        if token['text'].strip():
            words.append(token['text'])
            starts.add(token['start'])
            ends_of_words.add(token['end'])
    entities, spans, ends = [], {}, {}
    for i, value in enumerate(validated(List[Any], known.get('spans', []), 'spans')):
        with located(f'spans[{i}]'):
            s = validated(_Span, value)
            entities.append(AnnotatedEntity(s['start'], s['end'], s['label']))
        spans[s['start'], s['end']] = i
        ends[s.get('token_end', -1)] = i
    if words and not all(e.start in starts and e.end in ends_of_words
                         for e in entities):
        left_out['words of texts in which an entity cuts one'] += 1
        words = []
    relations = []
    for i, value in enumerate(
            validated(List[Any], known.get('relations', []), 'relations')):
        with located(f'relations[{i}]'):
            r = validated(_Relation, value)
            head, tail = (_entity(r, side, spans, ends) for side in ('head', 'child'))
            relations.append(AnnotatedRelation(head, tail, r['label']))
    return AnnotatedText(text, tuple(entities), tuple(relations),
                         tuple(words) or None, metadata=metadata, place=place,
                         **read_other_fields(known))


def _entity(relation: Any, side: str, spans: Dict[Tuple[int, int], int],
            ends: Dict[int, int]) -> int:
    # A relation names the last token of an entity, where it does not name its span.
    span = relation.get(f'{side}_span')
    found = ends.get(relation[side]) if span is None else spans.get(
        (span['start'], span['end']))
    if found is None:
        raise ValueError(f"{side}: is not among the spans")
    return found


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as tasks of Prodigy."""
    write_lines(map(_to_dict, texts), path)


def _to_dict(text: AnnotatedText) -> Dict[str, Any]:
    tokens = tokens_of(text)
    spans = [{
        'start': e.start,
        'end': e.end,
        'token_start': first,
        'token_end': last,
        'label': e.type
    } for e, (first, last) in zip(text.entities, token_spans(text, tokens))]
    return {
        'text':
        text.text,
        'tokens': [{
            'text': text.text[t.start:t.end],
            'start': t.start,
            'end': t.end,
            'id': i,
            'ws': t.space
        } for i, t in enumerate(tokens)],
        'spans':
        spans,
        'relations': [{
            'head': spans[r.head]['token_end'],
            'child': spans[r.tail]['token_end'],
            'head_span': spans[r.head],
            'child_span': spans[r.tail],
            'label': r.type
        } for r in text.relations],
        'answer':
        'accept',
        **other_fields(text)
    }
