from collections import Counter

import pytest
import torch

from eega_pyg.datasets import Record, join_records
from eega_pyg.schema import (
    JMERE_TAGS,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    Quintuple,
)
from eega_pyg.tagging import encode

TAGS = frozenset(JMERE_TAGS.types)


def record(i, end='!'):
    words = (f'Ann{i}', 'of', f'Acme{i}', end)[:3 + (end != '')]
    q = Quintuple(Entity(0, 1, 'per'), Entity(2, 3, 'org'), 'member_of')
    known = Annotation(blocks=(Block((1, 2), (0, 3), UNKNOWN), ), rest=UNSTATED,
                       tags=TAGS)
    return Record(words, f'{i}.jpg', (q, ), ' '.join(words), known)


def tables(records):
    return [
        encode(r.quintuples, len(r.words), JMERE_TAGS, annotation=r.annotation)
        for r in records
    ]


def test_the_table_of_a_joined_text_is_those_of_its_parts_and_none_between_them():
    records = [record(i, end) for i, end in enumerate(['!', '', 'now', ''] * 3)]
    by_name = {r.words[0]: t for r, t in zip(records, tables(records))}
    joined = join_records(records, 8, seed=1)
    for text, table in zip(joined, tables(joined)):
        expected = torch.zeros_like(table)
        for start, stop in text.parts:
            expected[start:stop, start:stop] = by_name[text.words[start]]
        assert table.equal(expected)
        assert text.annotation.tags == TAGS
        assert text.text == ' '.join(text.words)
    assert {len(t.parts) for t in joined} > {2}


def test_every_sentence_is_drawn_once_before_one_is_drawn_again():
    records = [record(i) for i in range(12)]
    for seed in range(5):
        texts = join_records(records, 4, 3, 3, seed=seed)
        first = [w for t in texts for w in t.words if w.startswith('Ann')]
        assert sorted(first) == sorted(r.words[0] for r in records)
        assert all(
            int(t.image_id[:-4]) in [int(w[3:]) for w in t.words if w[:3] == 'Ann']
            for t in texts)


def test_sentences_that_end_in_a_letter_are_ended_in_half_of_the_texts():
    texts = join_records([record(i, '') for i in range(4)], 200, 2, 2)
    ends = Counter(tuple(w for w in t.words if w == '.') for t in texts)
    assert set(ends) == {(), ('.', '.')}
    assert 70 < ends[()] < 130
    texts = join_records([record(i, '!') for i in range(4)], 20, 2, 2)
    assert not any('.' in t.words for t in texts)


def test_a_text_ends_before_it_has_too_many_words():
    texts = join_records([record(i) for i in range(20)], 50, 2, 5, max_words=15)
    assert max(len(t.words) for t in texts) == 12
    texts = join_records([record(i) for i in range(20)], 5, 2, 5, max_words=3)
    assert {len(t.words) for t in texts} == {4}


def test_a_seed_makes_the_same_texts():
    records = [record(i) for i in range(9)]
    assert join_records(records, 5, seed=3) == join_records(records, 5, seed=3)
    assert join_records(records, 5, seed=3) != join_records(records, 5, seed=4)


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(ValueError, match='1 to 3 sentences .got from 2 to 5'):
        join_records([record(i) for i in range(3)], 1)
    other = Record(('a', ), '', (), 'a')
    with pytest.raises(ValueError, match='same tags'):
        join_records([record(0), other], 1, most=2)
