r"""What a text says may be seen in the image beside it."""
from functools import cached_property
from typing import TYPE_CHECKING, Any, Dict, List, Sequence, Tuple

from eega_pyg.vision.captions.words import UNSEEN

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span, Token

#: What is looked for where an entity of a type is named; of other types, nothing.
VISIBLE: Dict[str, str] = {
    'EVENT': 'crowd',
    'FAC': 'building',
    'GPE': 'city',
    'LOC': 'landscape',
    'NORP': 'people',
    'ORG': 'logo',
    'PERSON': 'person',
    'PRODUCT': 'product',
}
#: Labels of a text at most, and how much of it is read.
MAX_LABELS, MAX_CHARACTERS = 20, 5_000
_MODIFIERS = frozenset({'amod', 'compound', 'nmod'})


class TextLabels:
    r"""Finds labels in texts, in the order in which they are named:

    - of a named entity, a noun for its type (:obj:`VISIBLE`), because a detector knows
      no names: "Rome" is a ``'city'``;
    - of a name whose type the recogniser does not know, ``'person'``, which most of
      them are; if there is none in the image, none is found;
    - of any other noun phrase, its head noun with adjectives and compound parts, in
      lower case: ``'red cup'``. Times, colours and what has no shape ("importance") are
      left out, as in captions.

    Of a text, :obj:`MAX_CHARACTERS` characters are read, and :obj:`MAX_LABELS` labels
    are kept.

    Args:
        spacy_model (str, optional): A pipeline for English with a parser and a
            named-entity recogniser, see :func:`~eega_pyg.resolve.load_spacy`.
            (default: :obj:`'en_core_web_sm'`)
    """
    def __init__(self, spacy_model: str = 'en_core_web_sm') -> None:
        self.spacy_model = spacy_model

    @cached_property
    def nlp(self) -> 'Language':
        r"""The pipeline, loaded when it is first needed."""
        from eega_pyg.resolve import load_spacy
        return load_spacy(self.spacy_model)

    def __call__(self, texts: Sequence[str]) -> List[Tuple[str, ...]]:
        r"""The labels of each text."""
        docs = self.nlp.pipe(text[:MAX_CHARACTERS] for text in texts)
        return [self._labels(doc) for doc in docs]

    def _labels(self, doc: 'Doc') -> Tuple[str, ...]:
        found = [(span.start, VISIBLE[span.label_]) for span in doc.ents
                 if span.label_ in VISIBLE]
        found += [(chunk.root.i, label) for chunk in doc.noun_chunks
                  if (label := _label(chunk))]
        return tuple(dict.fromkeys(label for _, label in sorted(found)))[:MAX_LABELS]

    def identity(self) -> List[Any]:
        r"""All that the labels depend on, as plain values."""
        meta = self.nlp.meta
        return [meta['lang'], meta['name'], meta['version'], VISIBLE]

    def __getstate__(self) -> Dict[str, Any]:
        return {'spacy_model': self.spacy_model}  # A pickle finds the pipeline again.

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.spacy_model}')"


def _label(chunk: 'Span') -> str:
    root = chunk.root
    if root.pos_ == 'PROPN' and _is_named_by(root):
        return VISIBLE['PERSON']
    if root.pos_ != 'NOUN' or not _is_named_by(root) or root.lemma_.lower() in UNSEEN:
        return ''
    words = [
        t.lower_ for t in chunk
        if t.i < root.i and t.dep_ in _MODIFIERS and _is_named_by(t)
    ]
    return ' '.join([*words, root.lemma_.lower()])


def _is_named_by(token: 'Token') -> bool:
    return token.is_alpha and not token.ent_type_
