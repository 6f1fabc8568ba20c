r"""What the caption parser reads off a dependency tree: who is coordinated with whom,
what a word modifies, and the two mistakes of a small parser worth repairing.

Captions are mostly noun phrases without a verb, which a parser trained on news gets
wrong in recurring ways; :class:`Syntax` corrects those where the words leave no doubt.
"""
from typing import TYPE_CHECKING, Dict, Iterator, List

from eega_pyg.vision.captions.repairs import quoted, repaired
from eega_pyg.vision.captions.words import (
    ACTIONS,
    ANIMALS,
    BODY_PARTS,
    CLOTHES,
    COMPOUNDS,
    DRAWINGS,
    FRAMES,
    GERUNDS,
    LOCATIONS,
    NOBODY,
    OPEN_AIR,
    PARTITIVES,
    PLACE_PREPOSITIONS,
    PLACES,
    PLURAL_ONLY,
    PRINTS,
    VAGUE,
    is_person,
)

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

SUBJECTS = frozenset({'nsubj', 'nsubjpass', 'csubj'})
PREPOSITIONS = frozenset({'prep', 'agent', 'dative'})
_MODIFIERS = frozenset({'amod', 'compound', 'nmod', 'npadvmod', 'advmod', 'quantmod'})
# A noun that is only a part of another's name or of an adverb.
_INNER = frozenset(
    {'compound', 'amod', 'nmod', 'npadvmod', 'advmod', 'intj', 'nummod', 'quantmod'})
_SHOWS = frozenset('have show feature contain include display'.split())


class Syntax:
    r"""The repaired dependency tree of one caption.

    Args:
        doc (spacy.tokens.Doc): A tagged, lemmatised and parsed caption.
    """
    def __init__(self, doc: 'Doc') -> None:
        self.doc = doc = repaired(doc)
        self.quoted = quoted(doc)
        self._host: Dict[int, 'Token'] = {}
        self._coordinated: Dict[int, List['Token']] = {}
        for token in doc:
            if token.dep_ in ('conj', 'appos') and self.is_noun(token):
                first = self._first_conjunct(token)
                self._coordinated.setdefault(first.i, []).append(token)
                self._host[token.i] = first
        for token in doc:
            if token.dep_ in ('acl', 'relcl', 'prep', 'advcl') or token.pos_ == 'VERB':
                self._host.setdefault(token.i, self._attachment(token))

    def host(self, token: 'Token') -> 'Token':
        r"""The head of a word, where need be another than the parser's."""
        return self._host.get(token.i, token.head)

    def is_noun(self, token: 'Token') -> bool:
        r"""Whether a word is the head of a noun phrase."""
        if token.i in self.quoted or token.lower_ in GERUNDS:
            return False
        if token.pos_ not in ('NOUN', 'PROPN') or token.dep_ in _INNER:
            return False
        # "a dance or performance setting": the second part is one of the name, too.
        return token.dep_ != 'conj' or token.head.dep_ not in _INNER

    def lemma(self, token: 'Token') -> str:
        r"""The lemma of a word, or of the two that are one name ("hot dog")."""
        name = self._lemma(token)
        if token.i and (whole := f'{token.nbor(-1).lower_} {name}') in COMPOUNDS:
            return whole
        return name

    def _lemma(self, token: 'Token') -> str:
        if token.pos_ == 'PROPN':
            return token.lower_
        return GERUNDS.get(token.lower_, token.lemma_.lower())

    def conjuncts(self, token: 'Token') -> List['Token']:
        r"""A noun and those coordinated with it, if it is the first of them."""
        return [token, *self._coordinated.get(token.i, [])]

    def group(self, token: 'Token', modifier: 'Token') -> List['Token']:
        r"""The nouns that a modifier of :obj:`token` speaks of: "a man and a woman
        holding flags" is about both."""
        first = self._host.get(token.i, token) if self.is_noun(token) else token
        members = self.conjuncts(first)
        if (len(members) == 1 or token not in (members[0], members[-1])
                or modifier.i < members[-1].i or self._own(modifier)
                or any(c.dep_ in ('prep', 'acl', 'relcl') for m in members[:-1]
                       for c in m.rights if c.i < members[-1].i)):
            return [token]
        persons = {is_person(self.lemma(m)) or m.pos_ == 'PROPN' for m in members}
        # Of things, only what they do together: "a bus and a truck driving by".
        together = persons == {True} or persons == {False} and modifier.pos_ == 'VERB'
        return members if together else [token]

    def _own(self, modifier: 'Token') -> bool:
        # "a man and a woman in a dress": one dress is worn by one.
        return modifier.dep_ == 'prep' and modifier.lower_ in ('in', 'with') and any(
            c.dep_ == 'pobj' and self.lemma(c) in CLOTHES and any(
                d.lower_ in ('a', 'an')
                for d in c.children) and modifier.head.dep_ == 'conj' and any(
                    d.dep_ == 'det' for d in modifier.head.children)
            for c in modifier.children)

    def negated(self, verb: 'Token') -> bool:
        r"""Whether what a verb says is denied: "is not", "never", "nobody", "lacks"."""
        if verb.lemma_ == 'lack' or any(
                c.dep_ == 'neg' or c.dep_ in SUBJECTS and c.lower_ in NOBODY
                for c in verb.children):
            return True
        if verb.dep_ != 'conj' or verb.head.pos_ not in ('VERB', 'AUX'):
            return False
        # "does not wear a hat or hold a phone"
        either = any(c.dep_ == 'cc' and c.lower_ in ('or', 'nor')
                     for c in verb.head.children)
        return either and self.negated(verb.head)

    def absent(self, token: 'Token') -> bool:
        r"""Whether the caption says that what a noun names is not there."""
        first = self._host.get(token.i, token)  # Of those coordinated with it.
        words = {c.lower_ for c in token.children if c.dep_ in ('det', 'preconj')}
        if first != token and self.is_noun(first):
            joined = {
                c.lower_
                for c in (*first.children, *token.head.children)
                if c.dep_ in ('cc', 'preconj') or c.lower_ == 'neither'
            }
            if joined & {'neither', 'nor'}:
                return True
            if 'or' in joined:
                return self.absent(first)
        if words & {'no', 'neither'}:
            return True
        above = token.head
        while above.dep_ in PREPOSITIONS and above.head != above:
            if above.lower_ == 'without':
                return True
            above = self.host(above)
        return (token.dep_ not in SUBJECTS and above.pos_ in ('VERB', 'AUX')
                and self.negated(above))

    def place(self, token: 'Token') -> bool:
        r"""Whether a noun is a place that belongs to a preposition ("in front of")."""
        prep = token.head
        if (self.lemma(token) not in PLACES or prep.dep_ not in PREPOSITIONS
                or prep.lower_ not in PLACE_PREPOSITIONS):
            return False
        articles = {c.lower_ for c in token.children if c.dep_ == 'det'}
        return self.of(token) is not None or articles <= {'the'}

    def of(self, token: 'Token') -> 'Token | None':
        r"""The preposition "of" right behind a noun."""
        for child in token.children:
            if child.lower_ == 'of' and child.dep_ == 'prep':
                return child
        return None

    def modifiers(self, token: 'Token') -> List['Token']:
        r"""The adjectives and compound parts in front of a noun, in order."""
        start = token.i
        while start > 0:
            left = self.doc[start - 1]
            child = next((a for a in (left, *left.ancestors) if a.head == token), None)
            if (child is None or child.i >= token.i or left.pos_ in ('DET', 'NUM')
                    or child.dep_ not in _MODIFIERS and left.text != '-'):
                break
            start = left.i
        end = token.i - self.lemma(token).count(' ')  # "hot" is a part of the name.
        return [
            t for t in self.doc[start:end]
            if t.i not in self.quoted and t.lower_ not in VAGUE
        ]

    def _first_conjunct(self, token: 'Token') -> 'Token':
        head = token.head
        if self._human(token) and not self._human(head) and (self._rider(token, head) or
                                                             self._dress(token, head)):
            actor = self.host(self.host(head))
            if head.dep_ == 'pobj':
                actor = self.host(head.head)
            head = actor if is_person(self.lemma(actor)) else head
        near = _noun_before_and(token)
        if (near is not None and near != head and self.is_noun(near)
                and not is_person(self.lemma(token)) and not is_person(self.lemma(near))
                and any(is_person(self.lemma(a)) for a in near.ancestors)):
            # "a man in a suit and tie": the tie goes with the suit.
            head = near
        while head.i in self._host and head.dep_ in ('conj', 'appos'):
            head = self._host[head.i]
        return head

    def _human(self, token: 'Token') -> bool:
        lemma = self.lemma(token)
        return is_person(lemma) and lemma not in ANIMALS

    def _rider(self, token: 'Token', head: 'Token') -> bool:
        # "a man wearing a hat and a woman": nobody wears her. An animal may well be
        # hugged with a child, but not where she does something herself.
        return head.dep_ == 'dobj' and (not is_person(self.lemma(head))
                                        or _has_clause(token))

    def _dress(self, token: 'Token', head: 'Token') -> bool:
        # "a woman in a dress and a man in a suit": she is not in the man.
        return head.dep_ == 'pobj' and head.head.lower_ in (
            'in', 'with') and self.lemma(head) in CLOTHES

    def _attachment(self, token: 'Token') -> 'Token':
        head = token.head
        if head.i in self.quoted or token.dep_ == 'prep' and token.i - 1 in self.quoted:
            # "the word 'STOP' on it"
            before = next(
                (t
                 for t in reversed(list(self.doc[:token.i])) if t.i not in self.quoted),
                head)
            return before
        if token.dep_ == 'prep' and token.lower_ not in ('of', 'with'):
            owner = self._host.get(head.i)
            if (head.dep_ == 'conj' and owner is not None and owner != head.head
                    and not is_person(self.lemma(head))):
                return head.head  # "a man in a suit and tie on a chair"
        if token.dep_ == 'prep' and (near := self._near(token, head)) is not None:
            return near
        if self.is_noun(head) and not is_person(self.lemma(head)):
            if (person := self._stray(token, head)) is not None:
                return person
        if token.dep_ in ('acl', 'relcl') and self.is_noun(head):
            return self._actor(token, head)
        if token.dep_ == 'prep' and head.pos_ in ('VERB', 'AUX'):
            near = self.doc[token.i - 1] if token.i else token
            if self.lemma(head) in _SHOWS and near.dep_ == 'dobj' and near.head == head:
                return near  # "has a ring in her ear"
            if token.lower_ == 'with' and head.pos_ == 'VERB':
                return self._with(token, head)
            if (near.dep_ == 'conj' and is_person(self.lemma(near))
                    and near.head.dep_ == 'dobj'):
                return near
        if token.dep_ == 'prep' and token.lower_ == 'with' and self.is_noun(head):
            thing = next((c for c in token.children if c.dep_ == 'pobj'), token)
            near = self.doc[token.i - 1]
            if self.lemma(thing) in PRINTS and self.is_noun(near) and (not is_person(
                    self.lemma(near))):
                return near  # "a man in a shirt with a logo"
        if token.dep_ == 'prep' and self.lemma(head) in DRAWINGS and (token.lower_
                                                                      in ('in', 'with',
                                                                          'on')):
            of, near = self.of(head), self.doc[token.i - 1]
            if of is not None and of in near.ancestors and self.is_noun(near):
                return near  # "a drawing of a man with a hat"
        return head

    def _person(self, token: 'Token') -> 'Token | None':
        # Who wears a noun, or does what it belongs to.
        for above in self._path(token):
            if self.is_noun(above) and is_person(self.lemma(above)):
                return above
            if above.pos_ == 'VERB':
                for child in above.children:
                    if child.dep_ in SUBJECTS and is_person(self.lemma(child)):
                        return child
        return None

    def _near(self, prep: 'Token', head: 'Token') -> 'Token | None':
        before = self.doc[prep.i - 1] if prep.i else prep
        if (before.head.lower_ == 'with' and before.head.head == head
                and self.lemma(before) in BODY_PARTS):
            return before  # "girls with their hands over their mouths"
        things = [c for c in prep.children if c.dep_ == 'pobj']
        if (prep.lower_ in ('in', 'on', 'at')
                and {self.lemma(before), self.lemma(head)} <= CLOTHES | PLURAL_ONLY
                and any(self.lemma(c) in LOCATIONS for c in things)):
            return self._person(head)  # "a man in a red shirt on the field"
        if (before == head and head.head.dep_ == 'prep' and self._carried(prep)
                and self.lemma(head.head.head) in ACTIONS):
            return head.head.head
        if head.head.lower_ == 'with' and head.head.head.pos_ == 'VERB':
            if prep.lower_ in ('in', 'on', 'at') and any(
                    self.lemma(c) in LOCATIONS for c in things):
                return head.head.head  # "playing with a kite on the beach"
        return None

    def _stray(self, token: 'Token', noun: 'Token') -> 'Token | None':
        # "a man in a suit, with a flag", "a man in a shirt with glasses": not the
        # suit's flag, nor the shirt's glasses.
        start = token.left_edge.i
        parted = start > 0 and self.doc[start - 1].text == ','
        worn = token.lower_ == 'with' and self.lemma(noun) in CLOTHES and any(
            self.lemma(c) in BODY_PARTS or c.lower_ in PLURAL_ONLY
            for c in token.children)
        if not worn and not (parted and (token.dep_ in
                                         ('acl', 'relcl') or token.lower_ == 'with')):
            return None
        return next((a for a in self._above(noun) if is_person(self.lemma(a))), None)

    def _above(self, noun: 'Token') -> 'Iterator[Token]':
        # The nouns above a noun, in the repaired tree.
        return (t for t in self._path(noun) if self.is_noun(t))

    def _path(self, token: 'Token') -> 'Iterator[Token]':
        current = token
        while (above := self._host.get(current.i, current.head)) != current:
            current = above
            yield current

    def _actor(self, verb: 'Token', noun: 'Token') -> 'Token':
        # "a woman in a red dress holding a baby": dresses hold nothing.
        if (self.lemma(verb) not in ACTIONS or is_person(self.lemma(noun))
                or self.lemma(noun) in BODY_PARTS
                or noun.pos_ == 'PROPN' and noun.head.lower_ not in ('in', 'with')
                or any(c.dep_ in SUBJECTS for c in verb.children)):
            return noun
        for above in self._above(noun):
            partitive = self.lemma(above) in PARTITIVES and self.of(above) is not None
            if partitive or is_person(self.lemma(above)):
                return above
        if (person := self._person(noun)) is not None:
            return person  # "models walk down a runway wearing dresses"
        before = [
            t for t in self.doc[noun.i:verb.i] if self.is_noun(t)
            and is_person(self.lemma(t)) and t.is_ancestor(verb) is False
        ]
        return before[-1] if before else noun

    def _carried(self, prep: 'Token') -> bool:
        # "running on the beach with a surfboard": one thing in the open is with who
        # is there, while "a street with trees" has them.
        return (prep.lower_ == 'with' and self.lemma(prep.nbor(-1)) in OPEN_AIR and any(
            c.dep_ == 'pobj' and c.tag_ == 'NN' and any(d.lower_ in ('a', 'an')
                                                        for d in c.children)
            for c in prep.children))

    def _with(self, prep: 'Token', verb: 'Token') -> 'Token':
        # "at a desk with a laptop" is about the desk, "at a desk with a friend" and
        # "at a desk, with a smile" are about who is there.
        thing = next((c for c in prep.children if c.dep_ == 'pobj'), None)
        near = self.doc[prep.i - 1]
        if (thing is None or self._carried(prep) or not self.is_noun(near)
                or is_person(self.lemma(near)) or is_person(self.lemma(thing))
                or self.lemma(thing) in BODY_PARTS or self.lemma(near) in FRAMES
                or self.place(near)):
            return verb
        return near


def _has_clause(token: 'Token') -> bool:
    return any(c.dep_ in ('acl', 'relcl', 'prep') for c in token.rights)


def _noun_before_and(token: 'Token') -> 'Token | None':
    start = token.left_edge.i
    if start < 2 or token.doc[start - 1].lower_ not in ('and', 'or', '&'):
        return None
    return token.doc[start - 2]
