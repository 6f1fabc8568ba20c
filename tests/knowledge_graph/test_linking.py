import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eega_pyg.knowledge_graph import KnowledgeGraph, TableLinker, normalized_name


@pytest.mark.parametrize('name, expected', [
    ('Paris', 'paris'),
    ('  New   YORK ', 'new york'),
    ('#ElClasico', 'elclasico'),
    ('@NASA', 'nasa'),
    ("Trump's", 'trump'),
    ('Trump’s', 'trump'),
    ('The Beatles', 'beatles'),
    ('the', 'the'),
    ('“Dune”', 'dune'),
    ('Sudan (South)', 'sudan (south)'),
    ('ＦＣ Köln', 'fc köln'),
    ('U.S.', 'u.s'),
    ('!!!', '!!!'),
    ('STRASSE', 'strasse'),
    ('Straße', 'strasse'),
])
def test_names_are_compared_without_what_tweets_add(name, expected):
    assert normalized_name(name) == expected


def test_a_table_links_names_by_type(tmp_path):
    path = tmp_path / 'links.csv'
    path.write_text('name,type,id\nParis,loc,Q90\nParis,per,Q47899\n"NYC",,Q60\n')
    linker = TableLinker.from_csv(path)
    assert linker('#Paris', 'loc', '') == 'Q90'
    assert linker('paris', 'per', '') == 'Q47899'
    assert linker('Paris', 'org', '') is None
    assert linker('nyc', 'org', '') == 'Q60'


def test_a_table_tells_names_apart_that_are_compared_alike(tmp_path, make):
    path = tmp_path / 'links.csv'
    path.write_text('name,type,id\nThe Who,org,Q93346\nWHO,org,Q7817\nBBC,org,Q9531\n')
    linker = TableLinker.from_csv(path)
    names = ('The  Who', 'WHO', 'who', 'the BBC')
    assert [linker(name, 'org', '')
            for name in names] == ['Q93346', 'Q7817', None, 'Q9531']
    results = [make(f'{name} in Rome', [(name, 'org', 0.9)]) for name in names[1:]]
    graph = KnowledgeGraph.from_results(results, linker=linker)
    assert set(graph.nodes) == {'Q7817', 'org:who', 'Q9531'}


@pytest.mark.parametrize('name, expected', [
    ('the @BBC', 'bbc'),
    ('the "BBC"', 'bbc'),
    ('“Paris’s”', 'paris'),
    ('Paris’s,', 'paris'),
    ('Apple™', 'apple'),
    ('™', '™'),
    ('The The', 'the'),
    ("'s", "'s"),
])
def test_what_is_within_marks_is_compared_without_them(name, expected):
    assert normalized_name(name) == expected


@given(st.text('the @#"\'s.,C+(™)’”Ａß1$%-', min_size=1, max_size=10))
def test_a_compared_name_is_compared_as_it_is(name):
    assume(name.strip())
    assert normalized_name(normalized_name(name)) == normalized_name(name)


@pytest.mark.parametrize('text, message', [
    ('name,type,id\nParis,loc,Q90\nParis ,loc,Q1\n',
     "links.csv:3: 'Paris' has the id 'Q90' in a line before"),
    ('name,id\nParis,Q90\n', r'links.csv:1: expected the columns name, type, id'),
    ('name,type,id\nParis,loc,Q90\n,loc,Q1\n', r'links.csv:3: expected a name and an'),
    ('', r'links.csv:1: expected the columns'),
    ('name,type,id\nK\udcf6ln,loc,Q365\n', 'links.csv: not CSV in UTF-8'),
    ('name,type,id\n"' + 200_000 * 'a', 'links.csv: not CSV in UTF-8'),
])
def test_a_wrong_table_is_named(tmp_path, text, message):
    path = tmp_path / 'links.csv'
    path.write_text(text, encoding='utf-8', errors='surrogateescape')
    with pytest.raises(ValueError, match=message):
        TableLinker.from_csv(path)


@pytest.mark.parametrize('first, second, same', [
    ('NASA', '\u2066NASA\u2069', True),
    ('NASA', 'NA\u200bSA', True),
    ('NASA', '\ufeffNASA', True),
    ('Merkel', 'Mer\u00adkel', True),
    ("O'Brien", 'O\u2019Brien', True),
    ("Wendy's", 'Wendy\u2019s', True),
    ('Spider-Man', 'Spider\u2011Man', True),
    ('Disney', 'Disney+', False),
    ('C++', 'C#', False),
    ('C', 'C++', False),
    ('#NASA', 'NASA!', True),
    ('(NASA)', 'NASA', True),
    ('NASA)', 'NASA', True),
    ('Sudan (South)', 'Sudan', False),
    ('$AAPL', 'AAPL', True),
    ('$100', '€100', False),
    ('$100', '$100!', True),
    ('100 €', '100', False),
    ('+5%', '-5%', False),
    ('5%', '5', False),
    ('- Paris', 'Paris', True),
])
def test_names_that_look_alike_are_the_same_and_others_are_not(first, second, same):
    assert (normalized_name(first) == normalized_name(second)) == same


def test_a_name_of_invisible_characters_alone_stays():
    assert normalized_name('\u200b') == '\u200b'
