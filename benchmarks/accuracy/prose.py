r"""Makes annotated texts of ordinary prose out of templates and names.

    python -m benchmarks.accuracy.prose prose.jsonl --number 4000 --seed 0

The templates and names stand in ``datasets/prose``, whose README says how they were
annotated. Of twelve texts, five are single sentences, three go on about the same
entities for two to four sentences, two state no relation, and two put two or three of
these together. ``train.also=[jsonl:prose.jsonl]`` trains on
them.
"""
import argparse
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from benchmarks.accuracy.prose_names import Name, Names
from eega_pyg.formats import AnnotatedText, write_texts
from eega_pyg.formats.annotated import AnnotatedEntity, AnnotatedRelation
from eega_pyg.json_yaml import read_yaml
from eega_pyg.schema import JMERE_SYMMETRIC, located

FOLDER = Path(__file__).parents[2] / 'datasets' / 'prose'
#: The files of templates, and how many of twelve texts are made of each; two are
#: joined.
FILES = {
    'sentences': (('people.yaml', 'world.yaml', 'facts.yaml'), 5),
    'paragraphs': (('paragraphs.yaml', ), 3),
    'unrelated': (('unrelated.yaml', ), 2),
}
#: Relations for which the order of the two says nothing; the first is written as head.
UNORDERED = JMERE_SYMMETRIC | {'alumi'}
#: How often relatives have one family name.
KIN = {'parent': 0.85, 'siblings': 0.9, 'couple': 0.25}
SLOT = re.compile(r'\{((?P<base>(?P<kind>[a-z]+)\d*)(\.(?P<part>[a-z]+))?(/\d)?)'
                  r'(~(?P<form>\w+))?\}')
_CHOICE = re.compile(r'\[([^\]]*\|[^\]]*)\]')
_ARTICLE = re.compile(r'\b([Aa])\(n\) (?=(.?))')
# Words that begin with a vowel and are spoken with a consonant.
_CONSONANT = re.compile(r'(Eu|eu|Uk|Ur[iu]|Ug|Uni|uni|One|one)')


class Template(NamedTuple):
    r"""A text with slots.

    Args:
        text (str): The text.
        relations (tuple): Head, relation and tail, each slot as it is written.
        shared (tuple): Pairs of slots; the first has the family name of the second.
        place (str): Where it stands.
    """
    text: str
    relations: Tuple[Tuple[str, str, str], ...]
    shared: Tuple[Tuple[str, str], ...]
    place: str

    @classmethod
    def read(cls, line: str, place: str) -> 'Template':
        r"""Reads ``text => head relation tail; …``.

        Raises:
            ValueError: If a statement has not three words, or names a slot that the
                text does not have.
        """
        text, _, stated = line.partition('=>')
        slots = {m[1].removesuffix('.bare') for m in SLOT.finditer(text)}
        relations, shared = [], []
        with located(place):
            for statement in filter(None, map(str.strip, stated.split(';'))):
                words = statement.split()
                if len(words) != 3:
                    raise ValueError(f"expected 'head relation tail' (got "
                                     f"'{statement}')")
                head, relation, tail = words
                if relation == 'shares':
                    shared.append((head, tail))
                    continue
                if missing := {head, tail} - slots:
                    raise ValueError(f"'{statement}': no slot {{{missing.pop()}}} in "
                                     f"'{text.strip()}'")
                relations.append((head, relation, tail))
        return cls(text.strip(), tuple(relations), tuple(shared), place)


@cache
def read_templates(files: Tuple[str, ...]) -> Tuple[Template, ...]:
    r"""Reads files of topics, each of which holds a template a line."""
    found = []
    for file in files:
        for topic, lines in read_yaml(FOLDER / file).items():
            for i, line in enumerate(lines.splitlines(), 1):
                found.append(Template.read(line, f'{FOLDER / file}: {topic}, {i}'))
    return tuple(found)


def fill(template: Template, names: Names) -> AnnotatedText:
    r"""A text with names in the slots of a template. What :obj:`names` has given out
    since its last :meth:`~Names.forget` is not used again."""
    text = _CHOICE.sub(lambda m: names.random.choice(m[1].split('|')), template.text)
    slots = list(SLOT.finditer(text))
    parts: Dict[str, Set[str]] = {}
    for slot in slots:
        parts.setdefault(slot['base'], set()).add(slot['part'] or '')
    shared = dict(template.shared)
    for head, relation, tail in template.relations:
        if names.random.random() < KIN.get(relation, 0):
            bases = [slot['base'] for slot in slots]
            first, then = sorted((re.split('[./]', name)[0] for name in (head, tail)),
                                 key=bases.index)
            shared.setdefault(then, first)
    drawn: Dict[str, Name] = {}
    for slot in slots:
        base = slot['base']
        if base not in drawn:
            family = drawn.get(shared.get(base, ''))
            if family is not None and not family.people:
                family = None
            drawn[base] = names.draw(slot['kind'], parts, base, family)
    written, spans, end = '', [], 0
    for slot in slots:
        written += text[end:slot.start()]
        end = slot.end()
        name = drawn[slot['base']]
        if slot['form']:
            written += name.form(slot['form'])
            continue
        before, string, kind = name.part(slot['part'] or '')
        if not written or written.endswith(('. ', '? ', '! ')):
            before = names.title(name, slot['part']) or before
            string = string if before else string[0].upper() + string[1:]
            before = before[:1].upper() + before[1:]
        written += before
        if kind:
            key = slot[1].removesuffix('.bare')
            spans.append((len(written), len(written) + len(string), kind, key))
        written += string
    return _annotated(written + text[end:], spans, template)


def _annotated(text: str, spans: List[Tuple[int, int, str, str]],
               template: Template) -> AnnotatedText:
    for match in reversed(list(_ARTICLE.finditer(text))):
        vowel = match[2].lower() in 'aeiouéáóö' and not _CONSONANT.match(
            text, match.end())
        article = match[1] + ('n ' if vowel else ' ')
        text = text[:match.start()] + article + text[match.end():]
        shift = len(match[0]) - len(article)
        spans = [(a - shift, z - shift, kind, key) if a >= match.end() else
                 (a, z, kind, key) for a, z, kind, key in spans]
    places = {key: i for i, (*_, key) in enumerate(spans)}
    if len(places) < len(spans):
        raise ValueError(f'{template.place}: a slot stands twice; call the second '
                         f'{{SLOT/2}}')
    relations = []
    for head, relation, tail in template.relations:
        one, other = places[head], places[tail]
        if relation in UNORDERED and other < one:
            one, other = other, one
        relations.append(AnnotatedRelation(one, other, relation))
    entities = tuple(AnnotatedEntity(a, z, kind) for a, z, kind, _ in spans)
    return AnnotatedText(text, entities, tuple(relations))


def joined(texts: Sequence[AnnotatedText]) -> AnnotatedText:
    r"""Texts one after the other."""
    whole = ''
    entities: List[AnnotatedEntity] = []
    relations: List[AnnotatedRelation] = []
    for text in texts:
        whole += ' ' if whole else ''
        start, first = len(whole), len(entities)
        whole += text.text
        entities += [
            AnnotatedEntity(e.start + start, e.end + start, e.type)
            for e in text.entities
        ]
        relations += [
            AnnotatedRelation(r.head + first, r.tail + first, r.type)
            for r in text.relations
        ]
    return AnnotatedText(whole, tuple(entities), tuple(relations))


def make(number: int, seed: int) -> List[AnnotatedText]:
    r"""Makes texts; the same ones for the same seed, and no two alike.

    Args:
        number (int): How many.
        seed (int): The seed of the random choices.
    """
    draw = random.Random(seed)
    names = Names.read(FOLDER / 'names.yaml', draw)
    decks = {kind: _deck(read_templates(f), draw) for kind, (f, _) in FILES.items()}
    kinds = [kind for kind, (_, share) in FILES.items() for _ in range(share)]
    texts: Dict[str, AnnotatedText] = {}
    while len(texts) < number:
        names.forget()
        kind = draw.choice([*kinds, 'joined', 'joined'])
        if kind == 'joined':
            drawn = [draw.choice(kinds) for _ in range(draw.choice((2, 2, 3)))]
            text = joined([fill(next(decks[k]), names) for k in drawn])
        else:
            text = fill(next(decks[kind]), names)
        texts.setdefault(text.text, text)
    return list(texts.values())


def _deck(given: Sequence[Template], draw: random.Random) -> Iterator[Template]:
    # Each template once, in some order, before any comes again.
    templates = list(given)
    while True:
        draw.shuffle(templates)
        yield from templates


def main(arguments: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('output', type=Path, help='the file to write, a .jsonl')
    parser.add_argument('--number', type=int, default=4000)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args(arguments)
    if args.number < 1:
        parser.error(f'--number: expected 1 or more (got {args.number})')
    texts = make(args.number, args.seed)
    write_texts(texts, args.output, 'jsonl')
    counts = Counter(r.type for t in texts for r in t.relations)
    print(f"{len(texts):,} texts, {sum(len(t.entities) for t in texts):,} entities, "
          f"{sum(counts.values()):,} relations, "
          f"{sum(not t.relations for t in texts):,} texts without one")
    for name, count in counts.most_common():
        print(f'{count:7,} {name}')


if __name__ == '__main__':
    main()
