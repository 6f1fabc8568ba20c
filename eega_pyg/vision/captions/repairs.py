r"""What a parser trained on news gets wrong about captions, put right beforehand."""
from typing import TYPE_CHECKING, Set

from eega_pyg.vision.captions.words import GERUNDS

if TYPE_CHECKING:
    from spacy.tokens import Doc

_QUOTES = frozenset('"“”«»')


def repaired(doc: 'Doc') -> 'Doc':
    r"""A copy of a parsed caption in which verbs taken for nouns ("a man in a jersey
    standing") and nouns taken for verbs ("a suit and tie") are put right."""
    from spacy.tokens import Doc
    heads, deps = [t.head.i for t in doc], [t.dep_ for t in doc]
    pos, tags, lemmas = ([t.pos_ for t in doc], [t.tag_
                                                 for t in doc], [t.lemma_ for t in doc])
    for token in doc:
        i = token.i
        if (token.dep_ == 'conj' and token.tag_ in ('VB', 'VBP')
                and token.head.pos_ == 'NOUN'
                and all(c.dep_ in ('prep', 'punct', 'cc', 'conj')
                        for c in token.children)):
            pos[i], tags[i] = 'NOUN', 'NN'
        before = doc[i - 1] if i else token
        base = GERUNDS.get(token.lower_)
        if (token.dep_ == 'pcomp' and token.head.lower_ == 'without'
                and before.head == token and before.dep_ in ('nsubj', 'compound')):
            # "a dog without a leash chasing a ball": the leash does not chase.
            heads[i - 1], deps[i - 1] = token.head.i, 'pobj'
            heads[i], deps[i] = token.head.head.i, 'acl'
            for child in token.lefts:
                if child != before:
                    heads[child.i] = i - 1
        elif before.lower_ in ('other', 'others') and base and before.head == token:
            # "two men, one smiling, the other waving"
            pos[i - 1], deps[i - 1] = 'PRON', 'nsubj'
            pos[i], tags[i], lemmas[i] = 'VERB', 'VBG', base
        elif (token.dep_ == 'appos' and token.head == before != token
              and {token.pos_, before.pos_} <= {'NOUN', 'PROPN'}):
            # A name in two pieces.
            heads[i] = i if before.head == before else before.head.i
            deps[i], deps[i - 1], heads[i - 1] = before.dep_, 'compound', i
            for child in before.children:
                if child != token:
                    heads[child.i] = i
        elif before.pos_ not in ('NOUN', 'PROPN') or token not in before.ancestors:
            continue
        elif token.pos_ == 'VERB' and before.dep_ == 'compound':
            deps[i - 1] = 'nsubj'  # "a tire laying in the grass"
        elif token.pos_ in ('NOUN', 'PROPN') and base:
            # "a man in a jersey standing in a crowd": the jersey takes its place.
            heads[i - 1] = i - 1 if token.head == token else token.head.i
            deps[i - 1] = token.dep_
            heads[i], deps[i] = i - 1, 'acl'
            pos[i], tags[i], lemmas[i] = 'VERB', 'VBG', base
            for child in token.lefts:
                if child != before:
                    heads[child.i] = i - 1
    return Doc(doc.vocab, [t.text for t in doc], [bool(t.whitespace_) for t in doc],
               tags=tags, pos=pos, lemmas=lemmas, heads=heads, deps=deps)


def quoted(doc: 'Doc') -> Set[int]:
    r"""The indices of written text: what stands between a pair of double quotes."""
    quotes = [
        t.i for t in doc
        if t.text in _QUOTES or t.tag_ in ("``", "''") and "'" not in t.text[:1]
    ]
    return {i for a, b in zip(quotes[::2], quotes[1::2]) for i in range(a, b + 1)}
