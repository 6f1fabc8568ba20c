import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.parsing import Parse
from eega_pyg.transforms import Pair


def chain(num_words: int, roots=frozenset()) -> Pair:
    # Every word hangs on the one before it but for word 0 and other roots.
    parse = Parse(
        heads=tuple(i if i in roots else max(i - 1, 0) for i in range(num_words)),
        deps=tuple(f'd{i}' for i in range(num_words)),
        upos=tuple(f'u{i}' for i in range(num_words)),
        ner=('', ) * num_words,
        shape=('lower', ) * num_words,
        vectors=np.arange(2 * num_words).reshape(num_words, 2),
    )
    return Pair(tuple(f'w{i}' for i in range(num_words)), parse, text='all of it')


def test_a_sentence_within_the_limit_is_its_only_window():
    pair = chain(6)
    assert pair.windows(6) == [pair]


def test_a_window_keeps_the_heads_inside_and_makes_roots_of_the_others():
    first, second, third = chain(8).windows(4)
    assert [w.words[0] for w in (first, second, third)] == ['w0', 'w2', 'w4']
    assert [w.offset for w in (first, second, third)] == [0, 2, 4]
    assert second.parse.heads == (0, 0, 1, 2)  # w2's head w1 is outside.
    assert second.parse.deps == ('d2', 'd3', 'd4', 'd5')
    assert second.parse.vectors.tolist() == [[4, 5], [6, 7], [8, 9], [10, 11]]
    assert third.words == ('w4', 'w5', 'w6', 'w7')
    assert second.text == 'all of it'


@given(st.integers(1, 60), st.integers(2, 20), st.sets(st.integers(1, 59)))
def test_short_spans_lie_wholly_inside_a_window(num_words, max_words, roots):
    windows = chain(num_words, roots).windows(max_words)
    length = max_words - max_words // 2
    for start in range(max(num_words - length, 0) + 1):
        end = min(start + length, num_words)
        assert any(w.offset <= start and end <= w.offset + len(w.words)
                   for w in windows)
    assert all(len(w.words) <= max_words for w in windows)
    # No window lies within another one:
    ends = [w.offset + len(w.words) for w in windows]
    assert ends == sorted(set(ends))


def test_windows_begin_with_a_sentence_where_they_can():
    offsets = [w.offset for w in chain(30, {3, 4, 9, 21}).windows(10)]
    # No sentence begins in (9, 14], (14, 19] or within the last window.
    assert offsets == [0, 4, 9, 14, 19, 21]


def test_no_words_and_a_parse_of_another_length_are_refused():
    empty = Parse((), (), (), (), ())
    with pytest.raises(ValueError, match='the text is empty'):
        Pair((), empty)
    with pytest.raises(ValueError, match='a parse of 1 words .got 0.'):
        Pair(('a', ), empty)
    with pytest.raises(ValueError, match='at least 2 words .got 1.'):
        chain(3).windows(1)
