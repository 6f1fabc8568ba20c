r"""From the dependency tree of a caption to its objects and predicates."""
from itertools import combinations
from typing import TYPE_CHECKING, Iterator, List, Tuple

from eega_pyg.vision.captions.objects import COUNTS, CaptionObjects
from eega_pyg.vision.captions.syntax import PREPOSITIONS, SUBJECTS, Syntax
from eega_pyg.vision.captions.words import BODY_PARTS, PARTITIVES, RECIPROCAL, is_person

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

Triple = Tuple[int, str, int]


class CaptionGraph:
    r"""Reads objects and triples off one parsed caption.

    Args:
        doc (spacy.tokens.Doc): A tagged, lemmatised and parsed caption.
    """
    def __init__(self, doc: 'Doc') -> None:
        self.syntax = Syntax(doc)
        self._objects = CaptionObjects(self.syntax)
        self.objects = self._objects.objects
        self.triples: List[Triple] = []
        for token in self.syntax.doc:
            for triple in self._relations(token):
                if triple[0] != triple[2] and triple not in self.triples:
                    self.triples.append(triple)

    def _relations(self, token: 'Token') -> Iterator[Triple]:
        if token.i in self.syntax.quoted:
            return
        if token.dep_ in PREPOSITIONS:
            yield from self._prepositional(token)
        elif token.dep_ == 'poss':
            for owner in self._objects.of(token):
                for thing in self._objects.of(token.head):
                    yield owner, 'have', thing
        if (token.pos_ == 'VERB' and token.lemma_ != 'be'
                and not self.syntax.is_noun(token)):
            yield from self._verbal(token)

    def _verbal(self, verb: 'Token') -> Iterator[Triple]:
        if self.syntax.negated(verb):
            return
        subjects = self._subjects(verb)
        name = self._verb(verb)
        passive = _passive(verb)
        if self._reciprocal(verb):
            for first, second in combinations(subjects, 2):
                yield first, name, second
        for child in verb.children:
            if child.dep_ in ('dobj', 'oprd', 'attr') and not passive:
                for obj in self._objects.all(self.syntax.conjuncts(child)):
                    yield from ((s, name, obj) for s in subjects)
            elif child.dep_ == 'agent' and passive:
                for _, actor in self._objects_of(child):
                    yield from ((actor, name, s) for s in subjects)

    def _prepositional(self, prep: 'Token') -> Iterator[Triple]:
        host = self.syntax.host(prep)
        if prep.dep_ == 'agent' and _passive(host):
            return
        words, subjects = [prep.lower_], []
        if host.pos_ == 'ADV' or host.dep_ in PREPOSITIONS:
            if host.dep_ in PREPOSITIONS:  # "out of": read from the outer one.
                return
            words.insert(0, host.lower_)  # "next to"
            host = host.head
        if prep.lower_ == 'without' or self.syntax.negated(host):
            return
        if prep.lower_ == 'of' and host.lower_ in COUNTS:  # "some of whom"
            return
        if self.syntax.is_noun(host) or host in self._objects:
            if (self.syntax.lemma(host) in PARTITIVES
                    or self.syntax.place(host)) and (prep == self.syntax.of(host)):
                return
            subjects = self._objects.all(self.syntax.group(host, prep))
        elif host.pos_ == 'AUX' or host.lemma_ in ('be', 'appear', 'seem'):
            subjects = self._subjects(host)
            if prep.i < host.i and not subjects:  # "behind him is a flag"
                subjects = self._objects.all(c for c in host.rights if c.dep_ == 'attr')
        elif host.pos_ == 'VERB':
            subjects = self._subjects(host)
            # Who "hug each other on a court" hug nothing on it, but are there.
            if not self._about_subject(prep) and not self._reciprocal(host):
                words.insert(0, self.syntax.lemma(host))
        elif host.pos_ == 'ADJ':
            if host.lower_ not in ('visible', 'present'):
                words.insert(0, host.lower_)
            subjects = self._subjects(host)
        if any(map(_each_other, prep.children)):  # "next to each other"
            for first, second in combinations(subjects, 2):
                yield first, ' '.join(words), second
        for name, obj in self._objects_of(prep):
            predicate = ' '.join([*words, *name])
            yield from ((s, predicate, obj) for s in subjects)

    def _reciprocal(self, verb: 'Token') -> bool:
        things = [c for c in verb.children if c.dep_ in ('dobj', 'agent', 'dative')]
        return any(map(_each_other,
                       things)) or (not things
                                    and self.syntax.lemma(verb) in RECIPROCAL)

    def _about_subject(self, prep: 'Token') -> bool:
        # "standing, with a house behind him": with is not how he stands.
        if prep.lower_ != 'with':
            return False
        parts = {
            c.lemma_
            for t in prep.children
            for c in (t, *t.children) if c.dep_ in ('pobj', 'nsubj')
        }
        return self.syntax.doc[prep.i - 1].text == ',' or bool(parts & BODY_PARTS)

    def _objects_of(self, prep: 'Token') -> List[Tuple[List[str], int]]:
        # What a preposition leads to, with the words that come in between.
        found: List[Tuple[List[str], int]] = []
        for child in prep.children:
            if child.dep_ in PREPOSITIONS:
                found += [([child.lower_, *w], i) for w, i in self._objects_of(child)]
            elif child.dep_ == 'pcomp' and child.pos_ == 'VERB':
                # "with another man standing behind him" is about that man alone.
                named = [
                    c for c in child.children
                    if c.dep_ in SUBJECTS and not is_person(self.syntax.lemma(c))
                ]
                found += [([], i) for c in named
                          for i in self._objects.all(self.syntax.conjuncts(c))]
            elif child.dep_ == 'pobj' and self.syntax.place(child):
                of = self.syntax.of(child)
                place = [t.lower_ for t in (*self.syntax.modifiers(child), child)]
                if of is not None:
                    found += [([*place, 'of', *w], i) for w, i in self._objects_of(of)]
            elif child.dep_ == 'pobj':
                found += [([], i)
                          for i in self._objects.all(self.syntax.conjuncts(child))]
        return found

    def _verb(self, verb: 'Token') -> str:
        particles = [c.lower_ for c in verb.children if c.dep_ == 'prt']
        return ' '.join([self.syntax.lemma(verb), *particles])

    def _subjects(self, token: 'Token', depth: int = 0) -> List[int]:
        r"""Who does or is what a verb or adjective says."""
        named = [c for c in token.children if c.dep_ in SUBJECTS]
        if named:
            nouns = [
                n for c in named
                for n in (self.syntax.conjuncts(c) if self.syntax.is_noun(c) else [c])
            ]
            return self._objects.all(nouns)
        host = self.syntax.host(token)
        if host == token or depth > 8:
            left = [c for c in token.lefts if self.syntax.is_noun(c)]
            return self._objects.all(left[:1])
        if self.syntax.is_noun(host) or host.pos_ == 'PRON':
            return self._objects.all(self.syntax.group(host, token))
        return self._subjects(host, depth + 1)


def _each_other(token: 'Token') -> bool:
    return token.lower_ == 'other' and any(c.lower_ == 'each' for c in token.children)


def _passive(verb: 'Token') -> bool:
    if verb.tag_ != 'VBN':
        return False
    return not any(c.dep_ in ('aux', 'dobj') and c.lemma_ != 'be'
                   for c in verb.children)
