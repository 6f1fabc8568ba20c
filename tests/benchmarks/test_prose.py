import difflib
import itertools
import json
import random
import re
from collections import Counter

import pytest
import spacy

from benchmarks.accuracy import prose
from benchmarks.accuracy.prose_names import Names
from eega_pyg.datasets import read_jsonl
from eega_pyg.formats import AnnotatedText
from eega_pyg.schema import JMERE_TAGS

#: The signatures of MNRE's training file.
SIGNATURES = {
    **dict.fromkeys(('parent', 'siblings', 'couple', 'neighbor', 'peer', 'charges',
                     'alumi'), {('per', 'per')}),
    **dict.fromkeys(('place_of_residence', 'place_of_birth'), {('per', 'loc')}),
    **dict.fromkeys(('present_in', 'awarded', 'race', 'religion', 'nationality'),
                    {('per', 'misc')}),
    'alternate_names': {('per', 'per'), ('org', 'org')},
    'member_of': {('per', 'org')},
    'subsidiary': {('org', 'org')},
    'locate_at': {('org', 'loc')},
    'contain': {('loc', 'loc')},
    'part_of': {('misc', 'misc')},
    'held_on': {('misc', 'loc')},
}  # yapf: disable
FREQUENT = ('member_of', 'locate_at', 'contain', 'place_of_residence', 'place_of_birth',
            'couple', 'parent', 'siblings', 'peer', 'subsidiary', 'awarded',
            'present_in', 'held_on', 'nationality', 'alumi')


@pytest.fixture(scope='module')
def templates():
    return {kind: prose.read_templates(files)
            for kind, (files, _) in prose.FILES.items()}  # yapf: disable


@pytest.fixture(scope='module')
def every(templates):
    return list(itertools.chain.from_iterable(templates.values()))


@pytest.fixture(scope='module')
def names():
    return Names.read(prose.FOLDER / 'names.yaml', random.Random(5))


@pytest.fixture(scope='module')
def texts():
    return prose.make(1500, seed=3)


def stated(templates):
    return Counter(name for t in templates for name in {r for _, r, _ in t.relations})


def test_each_relation_is_stated_in_many_ways(templates):
    sentences = templates['sentences']
    assert len(sentences) >= 700 and len(templates['paragraphs']) >= 170
    assert sum(not t.relations for t in templates['unrelated']) >= 180
    counts = stated(sentences)
    assert set(counts) == set(JMERE_TAGS.relations)
    assert min(counts.values()) >= 15
    assert min(counts[name] for name in FREQUENT) >= 25


def test_heads_stand_before_and_behind_tails(every):
    first = Counter()
    for t in every:
        for head, name, tail in t.relations:
            order = [
                m[1].removesuffix('.bare') for m in prose.SLOT.finditer(t.text)
                if not m['form']
            ]
            first[name, order.index(head) < order.index(tail)] += 1
    for name in set(JMERE_TAGS.relations) - prose.UNORDERED:
        ahead, behind = first[name, True], first[name, False]
        assert min(ahead, behind) >= 0.1 * (ahead + behind), name


def test_templates_differ_in_more_than_a_word(every):
    seen, found = {}, []
    for t in every:
        words = tuple(re.findall(r"\{[^}]*\}|[\w']+", t.text))
        rests = [(i, words[:i], words[i + 1:]) for i in range(len(words))]
        found += [(t.text, seen[rest]) for rest in rests if rest in seen]
        seen.update(dict.fromkeys(rests, t.text))
    assert not found


def test_no_two_sentences_are_almost_alike(every):
    # Slots count as one word each, whatever they are called.
    plain = [re.sub(r'\{[^}]*\}', '_', t.text) for t in every]
    same = [text for text, n in Counter(plain).items() if n > 1 and len(text) > 40]
    assert not same


def test_every_template_is_filled_with_names_of_its_slots(every, names):
    for t in every:
        names.forget()
        text = prose.fill(t, names)
        assert not re.search(r'[{}|\[\]]|a\(n\)|\bthe the\b|  ', text.text), text.text
        found = [text.text[e.start:e.end] for e in text.entities]
        slots = [m for m in prose.SLOT.finditer(t.text) if not m['form']]
        assert len(found) <= len(slots)
        assert all(name == name.strip() and name for name in found)
        pairs = [{r.head, r.tail} for r in text.relations]
        assert len(pairs) == len(t.relations)
        assert all(pairs.count(pair) == 1 for pair in pairs), t.text
        for r in text.relations:
            types = text.entities[r.head].type, text.entities[r.tail].type
            assert types in SIGNATURES[r.type], t.text


def test_signatures_are_those_of_mnre(shared_data):
    lines = (shared_data / 'mnre' / 'mnre_train.txt').read_text(encoding='utf-8')
    found = {}
    for head, tail, name in re.findall(r"'relation': '/(\w+)/(\w+)/(\w+)'", lines):
        found.setdefault(name, set()).add((head, tail))
    assert found == SIGNATURES


def test_names_that_are_named_twice_in_a_template_are_the_same(names):
    t = prose.Template.read(
        '{person} left. {person.last} and {person~his} dog '
        'reached {city}, {city.country}. => '
        'city.country contain city', 'here')
    for _ in range(50):
        names.forget()
        text = prose.fill(t, names)
        full, last, city, country = (text.text[e.start:e.end] for e in text.entities)
        assert last.lower() in full.lower()
        region_and_country = names.cities[city]
        assert region_and_country[1].removeprefix('the ') == country
        assert re.search(r' (her|his) dog ', text.text)


def test_articles_stay_outside_and_begin_a_sentence_in_capitals():
    lists = {
        'cities': {'the Netherlands': ['Utrecht']},
        'nations': {'the Netherlands': 'Dutch'},
        'fillers': {'job': ['engineer']},
        'kinds': {'agency': {'type': 'org', 'names': ['the World Bank']}},
    }  # yapf: disable
    t = prose.Template.read(
        '{agency} hired a(n) {job}. A(n) {nation} car and a(n) union left {city}, '
        '{city.country}.', 'here')
    text = prose.fill(t, Names(lists, random.Random(0)))
    assert text.text == ('The World Bank hired an engineer. A Dutch car and a union '
                         'left Utrecht, the Netherlands.')
    found = [text.text[e.start:e.end] for e in text.entities]
    assert found == ['World Bank', 'Dutch', 'Utrecht', 'Netherlands']


@pytest.mark.parametrize('line, message', [
    ('{person} left. => person member_of company', 'no slot {company}'),
    ('{person} left. => person left', "expected 'head relation tail'"),
])
def test_wrong_statements_are_named(line, message):
    with pytest.raises(ValueError, match=f'here: .*{message}'):
        prose.Template.read(line, 'here')


def test_a_slot_that_is_written_twice_and_an_unknown_one_are_errors(names):
    for text, message in (('{city} and {city}', 'stands twice'),
                          ('{ship} sank', "kind of slot 'ship'")):
        with pytest.raises(ValueError, match=message):
            names.forget()
            prose.fill(prose.Template.read(text, 'here'), names)


def test_a_seed_makes_the_same_texts(texts):
    assert prose.make(200, seed=3) == texts[:200]
    assert prose.make(20, seed=4) != texts[:20]
    assert len({t.text for t in texts}) == len(texts)


def test_relations_of_joined_texts_stay_within_theirs():
    one, other = prose.make(60, 1)[:30], prose.make(60, 1)[30:]
    for a, b in zip(one, other):
        whole = prose.joined([a, b])

        def named(text: AnnotatedText):
            return [(text.text[text.entities[r.head].start:text.entities[r.head].end],
                     r.type, text.text[text.entities[r.tail].start:text.entities[
                         r.tail].end]) for r in text.relations]  # yapf: disable
        assert named(whole) == named(a) + named(b)


def test_no_place_contains_another_unless_it_does(texts, names):
    # A country beside a city of another one would be no mistake of the annotation, but
    # all that is annotated is true.
    inside = set()
    for city, (region, country) in names.cities.items():
        bare = country.removeprefix('the ')
        inside |= {(region, city), (bare, city), (bare, region)}
    for kind in ('landmark', 'district', 'island', 'nature'):
        for name in names.lists['kinds'][kind]['names']:
            place, _, where = name.removeprefix('the ').partition(' @ ')
            if where:
                country = names.cities.get(where, ('', where))[1]
                inside |= {(where.removeprefix('the '), place),
                           (country.removeprefix('the '), place)}
    for t in texts:
        for r in t.relations:
            if r.type == 'contain':
                pair = tuple(t.text[e.start:e.end]
                             for e in (t.entities[r.head], t.entities[r.tail]))
                assert pair in inside, t.text


def test_cities_and_capitals_are_known(names):
    assert set(names.lists['capitals']) <= set(names.cities)
    assert {c for _, c in names.cities.values()} == set(names.lists['nations'])
    for kind in names.lists['kinds'].values():
        for name in kind['names']:
            _, _, where = name.partition(' @ ')
            assert not where or where in names.cities or where in names.lists['nations']


@pytest.fixture(scope='module')
def tokenize():
    tokenizer = spacy.blank('en').tokenizer  # That of all English pipelines.

    def tokenize(text):
        tokens = [t for t in tokenizer(text) if not t.is_space]
        return [t.text for t in tokens], [(t.idx, t.idx + len(t)) for t in tokens]

    return tokenize


def test_no_word_goes_over_the_ends_of_a_name(names, tokenize):
    people = [name for p in names.lists['persons'].values() for name in p['family']]
    places = [*names.cities, *names.lists['nations'], *names.lists['nations'].values()]
    kinds = [
        name.partition(' @ ')[0] for kind in names.lists['kinds'].values()
        for name in kind['names']
    ]
    for name in (*people, *places, *kinds):
        for mark in ('.', ',', "'s", ')', ' (', '"', ';', ':', '?', '-based'):
            _, offsets = tokenize(f'In "{name}{mark}')
            ends = {end for _, end in offsets}
            assert 4 + len(name) in ends, (name, mark)


def test_the_file_is_read_as_it_was_made(texts, tokenize, tmp_path, capsys):
    path = tmp_path / 'prose.jsonl'
    prose.main([str(path), '--number', '300', '--seed', '3'])
    assert '300 texts' in capsys.readouterr().out
    records = read_jsonl(path, JMERE_TAGS, tokenize, partial=True)  # Cuts no word.
    lines = [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines()]
    assert len(records) == len(lines) == 300
    for record, line, text in zip(records, lines, texts):
        assert line['text'] == text.text
        found = [
            ''.join(record.words[e.start:e.end]) for e in record.annotation.entities
        ]
        assert found == [
            text.text[e.start:e.end].replace(' ', '') for e in text.entities
        ]
        assert len(record.quintuples) == len(text.relations)


def test_similar_templates_are_rare(templates):
    # By characters, over the sentences of a topic, which are the likeliest to be alike.
    sentences = [t.text for t in templates['sentences']]
    close = [(a, b) for a, b in zip(sentences, sentences[1:])
             if difflib.SequenceMatcher(None, a, b).ratio() > 0.9]
    assert not close
