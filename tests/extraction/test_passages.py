import re
import textwrap

import pytest

from eega_pyg.extraction.item import Item
from eega_pyg.extraction.passages import Paragraph, paragraphs, passages
from eega_pyg.parsing import Parse, Parser, word_shape
from eega_pyg.transforms import Pair


@pytest.fixture(scope='module')
def parser():
    return Parser()


def pair(words, heads=None):
    n = len(words)
    heads = (0, ) * n if heads is None else heads
    return Pair(words, Parse(heads, *[('x', ) * n] * 3, tuple(map(word_shape, words))))


def read(words, max_words=100, heads=None, has_end_mark=lambda word: False, posts=(),
         lines=()):
    whole = pair(words, heads)
    part = Paragraph(tuple(range(len(words))), whole.words, frozenset(posts),
                     frozenset(lines))
    found = passages(whole, part, max_words, has_end_mark)
    assert sum((p.words for p in found), ()) == whole.words
    for p in found:
        assert whole.words[p.offset:][:len(p.words)] == p.words
        for i, head in enumerate(p.parse.heads):
            outside = not 0 <= whole.parse.heads[p.offset + i] - p.offset < len(p.words)
            assert head == (i if outside else whole.parse.heads[p.offset + i] -
                            p.offset)
    return [' '.join(p.words) for p in found]


def part_of(words):
    return next(paragraphs(Item(words=tuple(words)), words, [(0, 0)] * len(words)))


def test_sentences_make_passages():
    # Trees of 2, 3, 4, 1 and 1 words, one of them with its root at the end.
    heads = (0, 0, 4, 4, 4, 5, 7, 5, 5, 9, 10)
    words = tuple(f'w{i}' for i in range(11))

    def sizes(max_words):
        return [len(p.split()) for p in read(words, max_words, heads)]

    assert sizes(1) == [2, 3, 4, 1, 1]
    assert sizes(5) == [5, 5, 1]
    assert sizes(11) == [11]
    assert read(words[:5], 2) == [' '.join(words[:5])]


@pytest.mark.parametrize('text', [
    'Ann wins https://t.co/a | RT @b : Ben loses',
    'RT @a : Ann wins | RT @b : Ben loses',
    'Ann wins https://t.co/a http://t.co/b | Ben loses https://t.co/c',
    'see www.acme.org | @ben loses',
    'Ann wins https://t.co/a # sport # tennis',
    'Ann wins https://t.co/a and goes home',
    'Ann wins https://t.co/a . ) " !',
    'the RT of Ben wins',
    'no more RT',
])
def test_no_passage_goes_over_the_end_of_a_post(text):
    part = part_of(text.replace(' | ', ' ').split())
    without_links = [
        ' '.join(word for word in post.split() if word_shape(word) != 'url')
        for post in text.split(' | ')
    ]
    assert read(part.words,
                posts=part.posts) == [post for post in without_links if post]


@pytest.mark.parametrize('text, expected', [
    ('Ann wins https://t.co/a http://t.co/b', 'Ann wins'),
    ('https://t.co/a Ann wins', 'Ann wins'),
    ('Ann (www.a.org) wins', 'Ann (www.a.org) wins'),
    ('Ann ( www.a.org ) wins https://t.co/a #golf', 'Ann ( ) wins #golf'),
    ('https://t.co/a www.b.org', 'https://t.co/a www.b.org'),
])
def test_links_are_left_out(text, expected):
    words, offsets = text.split(), [m.span() for m in re.finditer(r'\S+', text)]
    part, = paragraphs(Item(text), words, offsets)
    assert part.words == (*expected.split(), '.')
    assert [words[i] for i in part.places] == expected.split()
    given = part_of(words)
    assert given == Paragraph(part.places, part.words[:-1], part.posts)


@pytest.mark.parametrize(
    'text, expected',
    [
        ('Ann Lee|Ben Ray|Cy', [2, 4]),
        ('Ann https://t.co/a|https://t.co/b Ben', [1]),
        ('Ann wins||Ben loses #golf', [2]),
        # At a width of 33, the last line of the paragraph but one is short.
        ('The chancellor of Germany, Angela|Merkel, met Emmanuel Macron.|Tim Cook|ate.',
         [9, 11]),
        # No room for the last word where the first line is indented.
        ('   They met the president Emmanuel|Macron in the old town of Paris.|', []),
        ('In the old town of Paris they met|a man.||Ben #golf', [10]),
    ])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r', '\u2028'])
def test_lines_begin_where_the_line_before_was_not_full(text, expected, end):
    text = text.replace('|', end) + ' #x'
    spans = [m.span() for m in re.finditer(r'\S+', text)]
    words = [text[slice(*span)] for span in spans]
    part, = paragraphs(Item(text), words, spans)
    assert sorted(part.lines) == expected
    given = Item(words=tuple(words))
    assert not next(paragraphs(given, words, spans)).lines


@pytest.mark.parametrize('width', [30, 41, 72])
def test_wrapped_texts_have_no_lines_of_their_own(width):
    text = textwrap.fill(
        'Angela Merkel, who was the chancellor of Germany, met Emmanuel Macron in the '
        'old town of Paris, and Tim Cook of Apple in Cupertino a day before that. '
        'None of them said of what they had spoken.', width, initial_indent='  ')
    spans = [m.span() for m in re.finditer(r'\S+', text)]
    part, = paragraphs(Item(text), text.split(), spans)
    assert not part.lines


def test_passages_end_at_lines():
    words = tuple(f'w{i}' for i in range(9))
    assert [len(x.split()) for x in read(words, 5, lines=(2, 4, 7))] == [4, 5]
    assert read(words, 9, lines=(2, 4, 7)) == [' '.join(words)]


def test_marks_within_words_end_sentences_before_a_capital(parser):
    words = 'we met at noon. Gov. Lee of the U.S. Senate left St. Paul! so Ann left'
    assert read(words.split(), 1, has_end_mark=parser.has_end_mark) == [
        'we met at noon.',
        'Gov. Lee of the U.S. Senate left St. Paul! so Ann left',
    ]
    assert read(words.split(), has_end_mark=parser.has_end_mark) == [words]


@pytest.mark.parametrize('word, expected', [
    ('noon.', True), ('what?!', True), ('1988.', True), ('more…', True), ('J.', False),
    ('Gov.', False), ('U.S.', False), ('a.m.', False), ('.', False), ('noon', False),
    ('https://t.co/a.', False)
])  # yapf: disable
def test_end_marks_of_words_are_told_from_abbreviations(parser, word, expected):
    assert parser.has_end_mark(word) is expected


@pytest.mark.parametrize('text, parts', [
    ('Ann wins\n\nBen: loses', [('Ann', 'wins', '.'), ('Ben:', 'loses', '.')]),
    ('# Ann wins\n\nBen loses!', [('#', 'Ann', 'wins', '.'), ('Ben', 'loses!')]),
    ('Ann wins\nBen loses', [('Ann', 'wins', 'Ben', 'loses', '.')]),
    ('Ann wins\n\n#golf', [('Ann', 'wins', '#golf', '.')]),
    ('Ann @wins\n\n' + 'x' * 280, [('Ann', '@wins', '.'), ('x' * 280, '.')]),
])
def test_paragraphs_end_at_blank_lines_except_in_posts(text, parts):
    words, ends = text.split(), [0]
    for word in words:
        ends.append(text.index(word, ends[-1]) + len(word))
    offsets = [(end - len(word), end) for word, end in zip(words, ends[1:])]
    found = list(paragraphs(Item(text), words, offsets))
    assert [part.words for part in found] == parts
    assert [words[i] for part in found for i in part.places] == words
    assert part_of(words) == Paragraph(tuple(range(len(words))), tuple(words))
