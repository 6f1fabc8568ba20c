r"""The objects of a caption: what its noun phrases and pronouns stand for."""
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional

from eega_pyg.vision.captions.syntax import SUBJECTS, Syntax
from eega_pyg.vision.captions.words import (
    ANIMALS,
    BODY_PARTS,
    FEMALE,
    FRAMES,
    GENERIC_PERSONS,
    MALE,
    PARTITIVES,
    PLURAL_ONLY,
    UNSEEN,
    WRITTEN,
    is_person,
)

if TYPE_CHECKING:
    from spacy.tokens import Token

_NEW = frozenset(
    {'a', 'an', 'another', 'other', 'some', 'two', 'three', 'four', 'five'})
_PERSONAL = frozenset(
    'he she him her his they them their himself herself themselves'.split())
COUNTS = frozenset(
    'one both each all other others some two three another third'.split())
_RELATIVE = frozenset({'who', 'that', 'which', 'whom'})


@dataclass
class Mention:
    r"""One object as it was first named."""
    head: str
    label: str
    plural: bool
    person: bool


class CaptionObjects:
    r"""Collects the objects of one caption, from its first word to its last.

    Args:
        syntax (Syntax): The repaired dependency tree.
    """
    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self.objects: List[Mention] = []
        self._of_token: Dict[int, List[int]] = {}
        for token in syntax.doc:
            self._name(token)

    def __contains__(self, token: 'Token') -> bool:
        return token.i in self._of_token

    def _name(self, token: 'Token') -> None:
        syntax = self.syntax
        if token.pos_ == 'PRON' or token.lower_ in COUNTS and (
                token.dep_ in SUBJECTS or any(c.dep_ == 'prep'
                                              for c in token.children)):
            self._of_token[token.i] = self._antecedent(token)
        if not syntax.is_noun(token):
            return
        lemma = syntax.lemma(token)
        if (lemma in UNSEEN or syntax.place(token) or self._frame(token)
                or syntax.absent(token) or self._descriptive(token)
                or not any(c.isalpha() for c in lemma)):
            return
        if lemma in PARTITIVES and syntax.of(token) is not None:
            return  # `of` looks behind the "of".
        if (subject := self._same_as(token)) is not None:
            self._of_token[token.i] = subject
            return
        self._of_token[token.i] = [self._object(token)]

    def _frame(self, token: 'Token') -> bool:
        # The picture itself, unless somebody holds it.
        if self.syntax.lemma(token) not in FRAMES:
            return False
        if any(c.dep_ == 'det' and c.lower_ in ('the', 'this') for c in token.children):
            return True
        return not self._of_token and token.dep_ in ('ROOT', 'attr', *SUBJECTS)

    def _descriptive(self, token: 'Token') -> bool:
        # "a chef's coat" is a coat; "a man's hand" and "Ann's coat" speak of two.
        if token.dep_ == 'appos' and token.i and token.nbor(-1).text == '(':
            return True
        return (token.dep_ == 'poss' and token.pos_ == 'NOUN'
                and self.syntax.lemma(token.head) not in BODY_PARTS
                and not any(c.lower_ == 'the' for c in token.children))

    def _same_as(self, token: 'Token') -> Optional[List[int]]:
        # "He is a politician" names nobody new, nor does "a character, a young man".
        if self._apposed(token):
            return self.of(token.head) or None
        if token.dep_ != 'attr' or token.head.lemma_ != 'be':
            return None
        verb = token.head
        while verb.dep_ == 'xcomp':  # "he appears to be a politician"
            verb = verb.head
        for child in verb.children:
            if child.dep_ in SUBJECTS:
                return self.of(child) or None
        return None

    def _apposed(self, token: 'Token') -> bool:
        # Not one of a list ("a man, a woman and a child").
        head = token.head
        return (token.dep_ == 'appos' and token.tag_ == head.tag_ == 'NN'
                and all(is_person(self.syntax.lemma(t)) for t in (token, head))
                and token.doc[token.left_edge.i - 1].text == ','
                and not any(c.dep_ in ('cc', 'conj') for t in (token, head)
                            for c in t.children))

    def _object(self, token: 'Token') -> int:
        syntax = self.syntax
        lemma = syntax.lemma(token)
        head = token.lower_ if token.lower_ in PLURAL_ONLY else lemma
        modifiers = syntax.modifiers(token)
        if (modifiers and modifiers[0].lower_ in WRITTEN and modifiers[0].pos_ == 'NOUN'
                and any(c.lower_ == 'the' for c in token.children)):
            head, modifiers = syntax.lemma(modifiers[0]), []  # "the word dynamon"
        label = ''.join(t.lower_ + t.whitespace_ for t in modifiers) + head
        label = label.lstrip('-/.,& ')
        new = any(c.lower_ in _NEW or c.dep_ == 'nummod' for c in token.children)
        if not new:
            words = {t.lower_ for t in modifiers}
            for i in reversed(range(len(self.objects))):
                other = self.objects[i]
                if other.head == head and words <= set(other.label.split()):
                    return i
                if (head in GENERIC_PERSONS and other.person and not words
                        and any(c.lower_ == 'the' for c in token.children)):
                    return i
        plural = token.tag_ in ('NNS', 'NNPS') or lemma == 'people'
        self.objects.append(Mention(head, label, plural, is_person(lemma)))
        return len(self.objects) - 1

    def _antecedent(self, token: 'Token') -> List[int]:
        word = token.lower_
        if word in _RELATIVE:
            clause = token.head
            while clause.dep_ not in ('relcl', 'ROOT'):
                clause = clause.head
            if clause.dep_ != 'relcl':
                return []
            return self.all(self.syntax.group(self.syntax.host(clause), clause))
        if word in ('it', 'its', 'itself'):
            return self._thing(token)
        if word in COUNTS:
            plural = [i for i, o in enumerate(self.objects) if o.plural and o.person]
            return plural[-1:] or [i
                                   for i, o in enumerate(self.objects) if o.plural][-1:]
        if word not in _PERSONAL:
            return []
        unlike = (FEMALE if word in MALE else MALE if word in FEMALE else frozenset())
        persons = [
            i for i, o in enumerate(self.objects) if o.person and o.head not in unlike
        ]
        humans = [i for i in persons if self.objects[i].head not in ANIMALS]
        persons = humans or persons
        if word.startswith('the'):
            several = [i for i in persons if self.objects[i].plural]
            persons = several or persons
            on = token.head.lower_ in ('on', 'in', 'inside')
            if word == 'them' and on and (things := self._hosts(token)):
                return things  # "plates with drawings on them"
        near = self._next_to(token)
        if token.dep_ == 'poss':  # "a man raises his hand"
            persons = [i for i in persons if i in near] or persons
        else:
            persons = [i for i in persons if i not in near] or persons
        return self._salient(token, persons)

    def _next_to(self, token: 'Token') -> List[int]:
        # Whom a pronoun that is no subject cannot mean: "a man standing behind him".
        if token.dep_ in SUBJECTS:
            return []
        for above in token.ancestors:
            if above.pos_ == 'VERB':
                return self.all(c for c in above.children
                                if c.dep_ in SUBJECTS) or self.of(above.head)
            if above.i in self._of_token:
                return self._of_token[above.i]
        return []

    def _salient(self, token: 'Token', candidates: List[int]) -> List[int]:
        # A pronoun that opens a sentence takes up the topic of the one before, which
        # captions name first; any other speaks of what was named last.
        start = token.sent.start
        if token.dep_ in SUBJECTS and start > 0 and token.head.dep_ == 'ROOT':
            before = [s for s in token.doc.sents if s.start < start]
            for sentence in reversed(before):
                named = {i for t in sentence for i in self._of_token.get(t.i, [])}
                if found := [i for i in candidates if i in named]:
                    return found[:1]
        return candidates[-1:]

    def _thing(self, token: 'Token') -> List[int]:
        if found := self._hosts(token):
            return found
        near = self._next_to(token)
        things = [
            i for i, o in enumerate(self.objects) if not o.person and i not in near
        ]
        return self._salient(token, things)

    def _hosts(self, token: 'Token') -> List[int]:
        # "a bag with a picture on it": the picture is on the bag, not on itself.
        above = [a for a in token.ancestors if a.i in self._of_token and a.i < token.i]
        for ancestor in above[1:]:
            found = [
                i for i in self._of_token[ancestor.i] if not self.objects[i].person
            ]
            if found:
                return found
        return []

    def of(self, token: 'Token') -> List[int]:
        r"""The objects that a word stands for."""
        if token.i in self._of_token:
            return self._of_token[token.i]
        of = self.syntax.of(token)
        if of is not None and self.syntax.is_noun(token):
            if self.syntax.lemma(token) in PARTITIVES:
                return self.all(n for c in of.children if c.dep_ == 'pobj'
                                for n in self.syntax.conjuncts(c))
        return []

    def all(self, tokens: Iterable['Token']) -> List[int]:
        r"""The objects that some words stand for, each once."""
        return list(dict.fromkeys(i for t in tokens for i in self.of(t)))
