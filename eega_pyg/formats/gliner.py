r"""JSON of GLiNER, with the relations of GLiREL."""
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Dict, Iterable, Iterator, List, Optional, Tuple

from pydantic import Field
from typing_extensions import TypedDict

from eega_pyg.schema import Index, Name, Span, located, short, split_fields, validated

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import FIELDS, WITH_WORDS
from .json_array import read_values
from .native import other_fields, read_other_fields, write_array
from .words import from_word_spans, word_spans

HOLDS = FIELDS | {WITH_WORDS, 'relations', 'lone', 'bare', 'words', 'overlaps'}
_OWN = ('tokenized_text', 'ner', 'relations')
_Words = Annotated[List[Name], Field(min_length=1)]


class _Side(TypedDict):
    position: Tuple[Index, Index]


class _Relation(TypedDict):
    head: _Side
    tail: _Side
    relation_text: Name


def read(path: Path,
         left_out: 'Optional[Counter[str]]' = None) -> Iterator[AnnotatedText]:
    r"""Yields the texts of a JSON list, or of JSON lines, of ``{"tokenized_text":
    [...], "ner": [[start, last, type, name], ...], "relations": [{"head": {"position":
    [start, last]}, "tail": {...}, "relation_text": ...}, ...]}``. A span goes from its
    first to its last word; the name and the relations may be absent."""
    for place, value in read_values(path):
        with located(place):
            yield _text(validated(Dict[str, Any], value), place)


def _text(fields: Dict[str, Any], place: str) -> AnnotatedText:
    known, metadata = split_fields(fields, (*_OWN, *FIELDS))
    if 'tokenized_text' not in known:
        raise ValueError("missing 'tokenized_text'")
    words = tuple(validated(_Words, known['tokenized_text'], 'tokenized_text'))
    found: Dict[Span, int] = {}
    entities = []
    for i, value in enumerate(validated(List[List[Any]], known.get('ner', []), 'ner')):
        with located(f'ner[{i}]'):
            start, last, kind = validated(Tuple[Index, Index, Name], value[:3])
            (a, z), = from_word_spans(words, [(start, last + 1)])
            if len(value) > 3 and value[3] is not None and _letters(
                    words[start:last + 1]) != _letters([str(value[3])]):
                raise ValueError(f"the words {start} to {last} are "
                                 f"{short(' '.join(words[start:last + 1]))}, not "
                                 f"{short(value[3])}")
            entities.append(AnnotatedEntity(a, z, kind))
        found.setdefault((start, last), i)
    relations = []
    for i, value in enumerate(
            validated(List[Any], known.get('relations', []), 'relations')):
        with located(f'relations[{i}]'):
            r = validated(_Relation, value)
            ends = []
            for side in ('head', 'tail'):
                if r[side]['position'] not in found:
                    raise ValueError(f"{side}: no entity stands at "
                                     f"{list(r[side]['position'])}")
                ends.append(found[r[side]['position']])
            relations.append(AnnotatedRelation(ends[0], ends[1], r['relation_text']))
    return AnnotatedText(' '.join(words), tuple(entities), tuple(relations), words,
                         metadata=metadata, place=place, **read_other_fields(known))


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as GLiNER and GLiREL are trained on them."""
    write_array(map(_to_dict, texts), path)


def _to_dict(text: AnnotatedText) -> Dict[str, Any]:
    spans = [[start, end - 1] for start, end in word_spans(text)]
    names = [text.text[e.start:e.end] for e in text.entities]

    def side(i: int) -> Dict[str, Any]:
        return {
            'mention': names[i],
            'position': spans[i],
            'type': text.entities[i].type
        }

    return {
        'tokenized_text':
        list(text.words or ()),
        'ner':
        [[*span, e.type, name] for span, e, name in zip(spans, text.entities, names)],
        'relations': [{
            'head': side(r.head),
            'tail': side(r.tail),
            'relation_text': r.type
        } for r in text.relations],
        **other_fields(text)
    }


def _letters(words: Iterable[str]) -> str:
    return ''.join(''.join(words).split())
