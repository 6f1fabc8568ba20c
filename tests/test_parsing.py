import ast
import re
import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from eega_pyg.parsing import SHAPES, Parser, tracked, tree_distance, word_shape
from eega_pyg.resolve import load_spacy  # One that loads each time.


@pytest.fixture(scope='module')
def parser():
    return Parser()


def test_words_are_kept_as_given(parser):
    # Joined to a string, "don't" and "New York" would be cut otherwise.
    words = ["don't", 'New York', '#Brexit', ':-)', '@a-b']
    parse, = parser.parse([words])
    assert len(parse) == 5
    for field in (parse.heads, parse.deps, parse.upos, parse.ner, parse.shape):
        assert len(field) == 5


def test_parse_of_a_plain_sentence(parser):
    parse, = parser.parse(['John Smith lives in Paris'.split()])
    assert parse.heads == (1, 2, 2, 2, 3)
    assert parse.deps == ('compound', 'nsubj', 'ROOT', 'prep', 'pobj')
    assert parse.upos == ('PROPN', 'PROPN', 'VERB', 'ADP', 'PROPN')
    assert parse.ner == ('PERSON', 'PERSON', '', '', 'GPE')
    assert parse.shape == ('title', 'title', 'lower', 'lower', 'title')


def test_parse_is_the_same_alone_and_in_a_batch(parser):
    sentences = ['A man sees a dog .'.split(), ['Hi'], 'RT @x : We won # 1 !'.split()]
    together = parser.parse(sentences * 3)
    alone = [parser.parse([s])[0] for s in sentences]
    assert together == alone * 3


def test_vectors_are_what_tagger_and_entity_recogniser_read(parser):
    words = 'Angela Merkel visits Paris'.split()
    parse, short = Parser(vectors=True).parse([words, ['Hi']])
    nlp = load_spacy('en_core_web_sm')
    doc = nlp(Doc(nlp.vocab, words=words))
    np.testing.assert_allclose(parse.vectors[:, :96], doc.tensor, atol=1e-5)
    ner = nlp.get_pipe('ner').model.get_ref('tok2vec').predict([doc])
    np.testing.assert_allclose(parse.vectors[:, 96:], ner, atol=1e-5)
    assert short.vectors.shape == (1, 160)
    assert parser.parse([words])[0].vectors is None


def test_vectors_are_the_same_in_batches_of_any_size():
    sentences = [['Hi'], 'A man sees a dog .'.split(), ['New', 'York'], ['ok', '!']]
    one, all_ = (Parser(vectors=True, batch_size=n).parse(sentences) for n in (1, 4))
    for a, b in zip(one, all_):
        np.testing.assert_allclose(a.vectors, b.vectors, atol=1e-5)


def test_a_pipeline_without_word_features_is_refused(monkeypatch):
    monkeypatch.setattr('eega_pyg.parsing._has_vectors', lambda nlp: False)
    with pytest.raises(ValueError, match='en_core_web_sm.*no word features'):
        Parser(vectors=True)
    Parser()


def test_equal_sentences_are_parsed_once(parser, monkeypatch):
    seen = []
    pipe = type(parser.nlp).pipe

    def counting(self, docs, **kwargs):
        docs = list(docs)
        seen.extend(docs)
        return pipe(self, docs, **kwargs)

    monkeypatch.setattr(type(parser.nlp), 'pipe', counting)
    assert len(parser.parse([['a', 'b'], ['c'], ('a', 'b')])) == 3
    assert len(seen) == 2


def test_words_are_forgotten_and_blocks_may_be_nested(parser):
    if not hasattr(parser.nlp, 'memory_zone'):
        pytest.skip('This version of spaCy keeps all words')
    strings = parser.nlp.vocab.strings

    def read(number: int) -> None:
        words, _ = parser.tokenize(f'xq{number} saw yq{number}')
        assert parser.parse([words])[0].upos[1] == 'VERB'
        assert parser.has_end_mark(f'zq{number}.')

    read(0)
    before = len(strings)
    for number in range(1, 20):
        with parser.memory_zone():
            with parser.memory_zone():
                read(number)
            assert f'xq{number}' in strings
        read(number)
    assert len(strings) == before and 'xq19' not in strings


def test_nothing_to_parse(parser):
    assert parser.parse([]) == []


def test_progress_bar_keeps_off_the_standard_output(parser, capsys):
    assert parser.parse([['Hi']], progress=True) == parser.parse([['Hi']])
    out = capsys.readouterr()
    assert out.out == '' and 'Parsing' in out.err


@pytest.mark.parametrize('sentences, message', [
    ([['a'], []], 'Sentence 1 is empty'),
    ([['a', '']], 'Sentence 0, word 1'),
    ([['a'], ['b', ' ']], 'Sentence 1, word 1'),
    ([[None]], 'Sentence 0, word 0.*None'),
    (['a sentence'], 'expected a list of words'),
])
def test_bad_sentences_are_named(parser, sentences, message):
    with pytest.raises(ValueError, match=message):
        parser.parse(sentences)


def test_version_names_pipeline_and_version(parser):
    meta = parser.nlp.meta
    assert parser.version == f"en_{meta['name']}-{meta['version']}"


def test_tweet_is_cut_as_in_mnre(parser):
    words, _ = parser.tokenize("RT @ANI: it's #Brexit day .@bob https://t.co/@a#b  "
                               '(#x)')
    assert words == [
        'RT', '@ANI', ':', 'it', "'s", '#', 'Brexit', 'day', '.', '@bob',
        'https://t.co/@a#b', '(', '#', 'x', ')'
    ]


@pytest.mark.parametrize('text, expected', [
    ('in Berlinhttps://t.co/a', 'in|Berlin|https://t.co/a'),
    ('in Berlin!https://t.co/Xy', 'in|Berlin|!|https://t.co/Xy'),
    ('in Berlin…HTTPS://T.CO/a.', 'in|Berlin|…|HTTPS://T.CO/a|.'),
    ('[Tim Cook](https://a.com/b), and', '[|Tim|Cook|](|https://a.com/b|)|,|and'),
    ('(www.a.org/b_(c)) "http://b.c?d=e"', '(|www.a.org/b_(c|)|)|"|http://b.c?d=e|"'),
    ('awww.yes https:// a', 'awww.yes|https://|a'),
])  # yapf: disable
def test_links_are_words_wherever_they_begin(parser, text, expected):
    assert parser.tokenize(text)[0] == expected.split('|')


@pytest.mark.parametrize('text, expected', [
    ('#Berlin#CDU#1_a, C#4', '#|Berlin|#|CDU|#|1_a|,|C#4'),
    ('#Berlin# #CDU#!', '#|Berlin|#|#|CDU|#|!'),
    ('#Berlin@CDU #a#https://t.co/a#b', '#|Berlin@CDU|#|a|#|https://t.co/a#b'),
])
def test_hashtags_need_no_blank_between_them(parser, text, expected):
    assert parser.tokenize(text)[0] == expected.split('|')


@given(st.text(max_size=60))
def test_offsets_point_at_the_words_and_miss_no_character(text):
    parser = _parser()
    words, offsets = parser.tokenize(text)
    assert [text[a:b] for a, b in offsets] == words
    ends = [0, *(b for _, b in offsets)]
    starts = [*(a for a, _ in offsets), len(text)]
    assert all(text[a:b].strip() == '' for a, b in zip(ends, starts))
    assert all(word.strip() for word in words)


_PARSERS: list = []


def _parser():
    if not _PARSERS:
        _PARSERS.append(Parser())
    return _PARSERS[0]


@pytest.mark.parametrize('word, shape', [
    ('https://t.co/x', 'url'),
    ('www.a.org', 'url'),
    ('@NASA', 'handle'),
    ('@', 'punct'),
    ('#Brexit', 'hashtag'),
    ('#', 'punct'),
    ('2018', 'digit'),
    ('$5', 'digit'),
    ('Red100', 'alnum'),
    ("don't", 'lower'),
    ('Paris', 'title'),
    ('A', 'title'),
    ('U.S.', 'upper'),
    ('McLaren', 'mixed'),
    ('iPhone', 'mixed'),
    ('...', 'punct'),
    ('😀', 'other'),
    ('東京', 'other'),
    ('Élan', 'title'),
])
def test_word_shape(word, shape):
    assert word_shape(word) == shape


@given(st.text(min_size=1))
def test_word_shapes_are_a_closed_set(word):
    assert word_shape(word) in SHAPES


@st.composite
def forests(draw):
    n = draw(st.integers(0, 12))
    order = draw(st.permutations(range(n)))
    heads = [0] * n
    for k, word in enumerate(order):
        heads[word] = order[draw(st.integers(0, k))]
    return heads


@given(forests())
def test_tree_distance_is_the_shortest_path(heads):
    graph = nx.Graph()
    graph.add_nodes_from(range(len(heads)))
    graph.add_edges_from(enumerate(heads))
    expected = np.full((len(heads), len(heads)), -1)
    for i, lengths in nx.all_pairs_shortest_path_length(graph):
        for j, hops in lengths.items():
            expected[i, j] = hops
    np.testing.assert_array_equal(tree_distance(heads), expected)


@pytest.mark.parametrize('heads, message', [
    ([1, 2, 0], 'cycle'),
    ([0, 2, 1], 'cycle'),
    ([0, 2], r'head of word 1 in \[0, 2\)'),
    ([-1], 'head of word 0'),
])
def test_bad_heads_are_named(heads, message):
    with pytest.raises(ValueError, match=message):
        tree_distance(heads)


def test_tree_distance_is_fast():
    heads = [max(i - 2, 0) for i in range(17)]
    start = time.process_time()
    for _ in range(4000):
        tree_distance(heads)
    assert time.process_time() - start < 3


@pytest.mark.real
def test_real_tweets_parse_alone_as_in_a_batch(parser, shared_data):
    with open(shared_data / 'mnre' / 'mnre_val.txt', encoding='utf-8') as f:
        sentences = [ast.literal_eval(line)['token'] for line in f][:150]
    for sentence, parse in zip(sentences[:40], parser.parse(sentences)):
        assert parser.parse([sentence]) == [parse]
        assert len(parse) == len(sentence)


@pytest.mark.parametrize('total', [1, 64, 1000])
def test_a_progress_bar_ends_with_all(monkeypatch, capsys, total):
    monkeypatch.setenv('FORCE_COLOR', '1')  # As on a terminal.
    monkeypatch.setenv('TERM', 'xterm')
    assert list(tracked(range(total), total, True, 'Reading')) == list(range(total))
    out, err = capsys.readouterr()
    assert out == '' and re.findall(r'(\d+)%', err)[-1] == '100'
