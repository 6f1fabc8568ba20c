import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.datasets import read_mnre
from eega_pyg.schema import JMERE_TAGS
from eega_pyg.transforms import PMI

words = st.sampled_from('a A b c d e f g h'.split())
sentences = st.lists(st.lists(words, min_size=1, max_size=14), max_size=8)


def naive(corpus, sentence, window, maximum):
    # The formula, over a corpus without the sentence, one window at a time.
    lower = tuple(w.lower() for w in sentence)
    distinct = {tuple(w.lower() for w in s) for s in corpus} - {lower}
    single, joint, number = Counter(), Counter(), 0
    for s in distinct:
        for start in range(max(len(s) - window, 0) + 1):
            inside = set(s[start:start + window])
            number += 1
            single.update(inside)
            joint.update((a, b) for a in inside for b in inside)
    out = np.zeros((len(lower), len(lower)), dtype=int)
    for i, a in enumerate(lower):
        for j, b in enumerate(lower):
            if joint[a, b]:
                ratio = joint[a, b] * number / (single[a] * single[b])
                value = math.ceil(math.log2(ratio))
                out[i, j] = 1 if value < 0 else 2 + min(value, maximum)
    return out


@settings(max_examples=150, deadline=None)
@given(sentences, st.lists(words, min_size=1, max_size=14), st.integers(1, 9))
def test_buckets_are_the_formula_with_the_sentence_left_out(corpus, other, window):
    pmi = PMI.fit(corpus, window=window, maximum=3)
    for sentence in [*corpus, other, other + ['new']]:
        expected = naive(corpus, sentence, window, maximum=3)
        assert (pmi(sentence) == expected).all()


def test_a_pair_of_its_own_sentence_alone_is_unseen_and_elsewhere_is_not():
    pmi = PMI.fit([['Sam', 'left', 'Rome'], ['Kim', 'left', 'Oslo']])
    own = pmi(['Sam', 'left', 'Rome'])
    assert own[0, 2] == own[0, 1] == own[0, 0] == 0
    assert own[1, 1] == 2  # In the only other window: log2(1) = 0.
    assert pmi(['sam', 'Rome'])[0, 1] == 2 + 1  # log2(1 * 2 / (1 * 1))


def test_a_sentence_given_twice_counts_once():
    once = PMI.fit([['a', 'b'], ['b', 'c']])
    twice = PMI.fit([['b', 'c'], ['A', 'b'], ['a', 'b'], ['b', 'c']])
    assert once.to_dict() == twice.to_dict()


@given(sentences)
def test_json_form_is_lossless(corpus):
    pmi = PMI.fit(corpus)
    again = PMI.from_dict(pmi.to_dict())
    assert again.to_dict() == pmi.to_dict()
    for sentence in corpus:
        assert (again(sentence) == pmi(sentence)).all()


@pytest.mark.parametrize('field, value, message', [
    ('window', '8', "'window': expected an integer"),
    ('maximum', 200, "at most 100"),
    ('words', ['a', 'a', 'b'], 'each word once'),
    ('words', ['a', 1, 'b'], "'words': expected a list of str"),
    ('counts', [1], 'do not fit together'),
    ('counts', [-1, 1, 1, 1, 1], 'numbers from 0'),
    ('pairs_of_word', [9, 9, 9], 'do not fit together'),
    ('second', [7, 7, 7, 7, 7], 'ascending indices'),
    ('second', [1, 0, 1, 2, 2], 'ascending indices'),
])
def test_a_broken_field_is_named(field, value, message):
    good = PMI.fit([['a', 'b'], ['b', 'c']]).to_dict()
    assert good['second'] == [0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match=message):
        PMI.from_dict({**good, field: value})
    del good[field]
    with pytest.raises(ValueError, match=f"missing '{field}'"):
        PMI.from_dict(good)


@pytest.mark.slow
@pytest.mark.real
def test_training_sentences_look_like_unknown_ones(shared_data):
    def texts(split):
        records = read_mnre(shared_data / 'mnre' / f'mnre_{split}.txt', JMERE_TAGS)
        return [r.words for r in records]

    train, val = texts('train'), texts('val')
    pmi = PMI.fit(train)

    def share(sentences):
        tables = [pmi(words) for words in sentences]
        off = [t[~np.eye(len(t), dtype=bool)] for t in tables]
        return np.mean(np.concatenate(off) == 0)

    # Without leaving its own counts out, train's would be far lower.
    assert share(val) == pytest.approx(0.5735, abs=5e-4)
    assert share(train) == pytest.approx(0.5719, abs=5e-4)


def test_a_short_file_cannot_ask_for_gigabytes():
    value = PMI.fit([['a', 'b'], ['b', 'c']]).to_dict()
    value['pairs_of_word'][0] = 2**50
    with pytest.raises(ValueError, match="'pairs_of_word', 'second' and 'counts' do"):
        PMI.from_dict(value)


@pytest.mark.parametrize('name', ['second', 'counts', 'pairs_of_word'])
def test_a_number_that_no_array_holds_is_named(name):
    value = PMI.fit([['a', 'b'], ['b', 'c']]).to_dict()
    value[name][0] = 10**25
    with pytest.raises(ValueError, match=f"'{name}': expected numbers from 0"):
        PMI.from_dict(value)


@given(sentences, sentences)
def test_counts_of_two_parts_are_those_of_both_at_once(first, second):
    whole = PMI.fit([*first, *second], window=3, maximum=3)
    extended = PMI.fit(first, window=3, maximum=3).extended(second)
    assert extended.to_dict() == whole.to_dict()
