r"""Draws the names of people, places, organisations and works for made texts."""
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Dict, Mapping, Optional, Set, Tuple

from eega_pyg.json_yaml import read_yaml

#: What a pronoun's slot is called, and its forms of a woman and a man.
FORMS = {'he': ('she', 'he'), 'his': ('her', 'his'), 'him': ('her', 'him')}
PERSONS = ('person', 'woman', 'man')
#: The kinds whose country no other name of a text has.
PLACES = ('city', 'town', 'capital', 'country')
_TITLES = (('Dr. ', 'Professor ', 'Mrs. ', 'Dame '), ('Dr. ', 'Professor ', 'Mr. ',
                                                      'Sir '))
_ARTICLE = re.compile(r'(the|an?) ')


@dataclass(frozen=True)
class Name:
    r"""A drawn name.

    Args:
        parts (dict): What stands for it, by the part that a slot names (``''`` for the
            whole): the article in front, the name, its type (``''`` for plain words).
        man (bool): Whether its pronoun is *he*.
        people (str): Of a person with a family name, the list that it is from.
    """
    parts: Mapping[str, Tuple[str, str, str]]
    man: bool = False
    people: str = ''

    def part(self, name: str) -> Tuple[str, str, str]:
        return self.parts[name]

    def form(self, name: str) -> str:
        r"""A pronoun: ``'His'`` is *Her* for a woman."""
        found = FORMS[name.lower()][self.man]
        return found.capitalize() if name[0].isupper() else found


def split_article(name: str) -> Tuple[str, str]:
    r"""``'the Louvre'`` is ``'the '`` and ``'Louvre'``."""
    match = _ARTICLE.match(name)
    return (match[0], name[match.end():]) if match else ('', name)


@dataclass
class Names:
    r"""The lists of names, and what of them a text has already.

    Args:
        lists (dict): The content of ``names.yaml``.
        random (random.Random): What names are drawn with.
    """
    lists: Dict[str, Any]
    random: Random
    used: Set[str] = field(default_factory=set)
    year: int = 0

    @classmethod
    def read(cls, path: Path, draw: Random) -> 'Names':
        return cls(read_yaml(path), draw)

    def __post_init__(self) -> None:
        self.cities: Dict[str, Tuple[str, str]] = {}  # Of each, its region and country.
        for country, cities in self.lists['cities'].items():
            for city, _, region in (c.partition(' | ') for c in cities):
                self.cities[city] = (region, country)

    def forget(self) -> None:
        r"""Begins another text: all names may be drawn again."""
        self.used = set()

    def draw(self, kind: str, parts: Mapping[str, Set[str]], slot: str,
             family: Optional[Name] = None) -> Name:
        r"""A name of some kind that has no word of a name drawn before.

        Args:
            kind (str): A kind of ``names.yaml``, or a person, place or plain word.
            parts (dict): The parts that each slot of the text needs.
            slot (str): The slot to fill.
            family (Name, optional): Whose family name a person has, where one of
                its first names is left.

        Raises:
            ValueError: If the kind is unknown, or its names are used up.
        """
        for i in range(1000):
            # A family whose first names are used up lends its name no longer.
            name, words = self._one(kind, parts, slot, family if i < 100 else None)
            if not self.used & words:
                self.used |= words
                return name
        raise ValueError(f"No name is left for {{{slot}}}: add some of the kind "
                         f"'{kind}'")

    def title(self, name: Name, part: Optional[str]) -> str:
        r"""For one person in twelve who begins a sentence, a title."""
        whole = name.part('')
        if part or 'last' not in name.parts or ' ' not in whole[1]:
            return ''
        return self.random.choice(_TITLES[name.man]) if self.random.random() < 1 / 12 \
            else ''

    def _one(self, kind: str, parts: Mapping[str, Set[str]], slot: str,
             family: Optional[Name]) -> Tuple[Name, Set[str]]:
        if kind in PERSONS:
            return self._person(kind, family)
        if kind in PLACES:
            return self._place(kind)
        if kind == 'nation':
            nation = self.random.choice(
                [n for c, n in self.lists['nations'].items() if n != c])
            return Name({'': ('', nation, 'misc')}), {nation}
        if kind in self.lists['kinds']:
            return self._of_kind(self.lists['kinds'][kind], parts, slot)
        word = self._word(kind)
        return Name({'': ('', word, '')}), {word}

    def _word(self, kind: str) -> str:
        if kind == 'year':
            self.year = self.random.randint(1950, 2009)
            return str(self.year)
        if kind == 'later':
            return str(self.year + self.random.randint(1, 15))
        if kind == 'old':
            self.year = self.random.randint(1620, 1920)
            return str(self.year)
        if kind == 'end':
            return str(self.year + self.random.randint(25, 80))
        if kind == 'day':
            return str(self.random.randint(1, 28))
        if kind not in self.lists['fillers']:
            raise ValueError(f"Unknown kind of slot '{kind}'")
        return self.random.choice(self.lists['fillers'][kind])

    def _person(self, kind: str, family: Optional[Name]) -> Tuple[Name, Set[str]]:
        key = family.people if family else self.random.choice(
            list(self.lists['persons']))
        people = self.lists['persons'][key]
        man = kind == 'man' or kind == 'person' and self.random.random() < 0.5
        first = self.random.choice(people['men' if man else 'women'])
        last = self.random.choice(people['family'])
        words = {first, last}
        if family is not None:
            last, words = family.part('last')[1], {first}
            ahead = family.part('')[1].startswith(last)
        else:
            ahead = people.get('family_first', False)
        full = f'{last} {first}' if ahead else f'{first} {last}'
        look = self.random.random()
        if family is None and not ahead:
            initial = self.random.choice('ABCDEGHJKLMPRST')
            if look < 0.04:
                full = last = first  # Known by one name, which no one inherits.
                key = ''
            elif look < 0.08:
                full = f'{first[0]}. {last}'
            elif look < 0.11:
                full = f'{first[0]}. {initial}. {last}'
            elif look < 0.15:
                full = f'{first} {initial}. {last}'
        return Name(
            {
                '': ('', full, 'per'),
                'first': ('', first, 'per'),
                'last': ('', last, 'per')
            }, man, key), words

    def _place(self, kind: str) -> Tuple[Name, Set[str]]:
        if kind == 'country':
            country = self.random.choice(list(self.lists['nations']))
            return Name({'': (*split_article(country), 'loc')}), {country}
        cities = list(self.cities)
        if kind == 'town':
            cities = [city for city, (region, _) in self.cities.items() if region]
        elif kind == 'capital':
            cities = self.lists['capitals']
        return self._city(self.random.choice(cities))

    def _city(self, city: str) -> Tuple[Name, Set[str]]:
        region, country = self.cities[city]
        return Name({
            '': ('', city, 'loc'),
            'region': ('', region, 'loc'),
            'country': (*split_article(country), 'loc')
        }), {city, country, *filter(None, [region])}

    def _of_kind(self, kind: Mapping[str, Any], parts: Mapping[str, Set[str]],
                 slot: str) -> Tuple[Name, Set[str]]:
        placed = {'city', 'country'} & parts[slot]
        elsewhere = not placed and any(
            s.rstrip('0123456789') in (*PLACES, 'league') or {'city', 'country'} & p
            for s, p in parts.items())
        short = ''
        if placed and kind['type'] == 'loc':  # A place is where it is.
            names = [n for n in kind['names'] if ' @ ' in n]
            name, _, city = self.random.choice(names).partition(' @ ')
        elif 'parts' in kind and self.random.random() < 0.6:
            chosen = [self.random.choice(part) for part in kind['parts']]
            name, city = ' '.join(chosen), ''
            short = split_article(chosen[0])[1]
        else:
            # A real name is not put anywhere else than where it belongs.
            apart = [n for n in kind['names'] if ' @ ' not in n] if elsewhere else ()
            name, _, city = self.random.choice(apart or kind['names']).partition(' @ ')
        article, bare = split_article(name)
        short = short or bare
        type_ = kind['type']
        found = {
            '': (article, bare, type_),
            'bare': ('', bare, type_),
            'short': ('', short, type_)
        }
        words = {short if article != 'the ' or short == bare else bare}
        if 'abbr' in parts[slot]:
            abbreviation = ''.join(w[0] for w in bare.split() if w[0].isupper())
            found['abbr'] = ('', abbreviation, type_)
            words.add(abbreviation)
        if placed:
            if city in self.lists['nations']:
                found['country'] = (*split_article(city), 'loc')
                words.add(city)
                return Name(found), words
            home, others = self._city(city) if city else self._place('city')
            found.update(city=home.part(''), country=home.part('country'))
            words |= others
        return Name(found), words
