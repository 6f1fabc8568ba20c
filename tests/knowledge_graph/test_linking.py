import pytest

from eega_pyg.knowledge_graph import TableLinker, normalized_name


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


@pytest.mark.parametrize('text, message', [
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
