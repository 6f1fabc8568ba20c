r"""The binary format of spaCy."""
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Tuple

from eega_pyg.json_yaml import parse_json
from eega_pyg.schema import Index, Name, Share, located, split_fields, validated

from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText
from .held import FIELDS, WITH_WORDS
from .native import other_fields, read_other_fields
from .words import token_spans, tokens_of

if TYPE_CHECKING:
    from spacy.tokens import Doc

HOLDS = FIELDS | {WITH_WORDS, 'relations', 'lone', 'bare', 'empty', 'spacing', 'words'}
#: The text's other fields are a string of JSON in the user data.
_FIELDS = 'eega_pyg.fields'
_Relations = Dict[Tuple[Index, Index], Dict[Name, Share]]


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of a ``DocBin``: ``doc.ents``, and in ``doc._.rel`` for each
    pair of the first tokens of two entities the relations with their scores, as spaCy's
    example of a relation component has them. Relations with a score of one half or more
    are read."""
    import spacy
    from spacy.tokens import DocBin
    _add_extension()
    vocab = spacy.blank('en').vocab
    try:
        docs = list(DocBin().from_bytes(path.read_bytes()).get_docs(vocab))
    except OSError:
        raise
    except Exception as e:  # Of zlib, msgpack or spaCy.
        raise ValueError(f'{path}: not a DocBin of spaCy, or damaged '
                         f'({type(e).__name__})') from None
    for i, doc in enumerate(docs):
        with located(place := f'{path}: text {i}'):
            yield _text(doc, place, left_out)


def _text(doc: 'Doc', place: str, left_out: 'Counter[str]') -> AnnotatedText:
    words = tuple(t.text for t in doc if t.text.strip())
    entities = tuple(
        AnnotatedEntity(e.start_char, e.end_char, e.label_) for e in doc.ents)
    index = {e.start: i for i, e in enumerate(doc.ents)}
    relations: List[AnnotatedRelation] = []
    for pair, scores in validated(_Relations, doc._.rel or {}, 'doc._.rel').items():
        for name, score in scores.items():
            if score < 0.5:
                left_out['relations with a score of less than one half'] += score > 0
                continue
            if missing := [token for token in pair if token not in index]:
                raise ValueError(f"doc._.rel: no entity begins at token {missing[0]}")
            left_out['scores of relations'] += score < 1
            relations.append(AnnotatedRelation(index[pair[0]], index[pair[1]], name))
    left_out["groups of spans beside a text's entities"] += sum(
        len(group) > 0 for group in doc.spans.values())
    content = doc.user_data.get(_FIELDS, '{}')
    known, metadata = split_fields(
        validated(Dict[str, Any], parse_json(content, _FIELDS), _FIELDS),
        tuple(sorted(FIELDS)))
    return AnnotatedText(doc.text, entities, tuple(relations), words or None,
                         metadata=metadata, place=place, **read_other_fields(known))


def write(texts: Iterable[AnnotatedText], path: Path) -> None:
    r"""Writes texts as a ``DocBin``. The score of each relation is 1."""
    import spacy
    from spacy.tokens import Doc, DocBin, Span
    _add_extension()
    vocab = spacy.blank('en').vocab
    docs = DocBin(attrs=['ORTH', 'ENT_IOB', 'ENT_TYPE'], store_user_data=True)
    for text in texts:
        tokens = tokens_of(text)
        spans = token_spans(text, tokens)
        doc = Doc(vocab, [text.text[t.start:t.end] for t in tokens],
                  [t.space for t in tokens])
        doc.set_ents([
            Span(doc, first, last + 1, e.type)
            for e, (first, last) in zip(text.entities, spans)
        ])
        found: Dict[Tuple[int, int], Dict[str, float]] = {}
        for r in text.relations:
            pair = spans[r.head][0], spans[r.tail][0]
            found.setdefault(pair, {})[r.type] = 1.0
        doc._.rel = found
        doc.user_data[_FIELDS] = json.dumps(other_fields(text), ensure_ascii=False)
        docs.add(doc)
    path.write_bytes(docs.to_bytes())


def _add_extension() -> None:
    from spacy.tokens import Doc
    if not Doc.has_extension('rel'):
        Doc.set_extension('rel', default={})
