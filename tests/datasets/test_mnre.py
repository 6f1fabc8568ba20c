import json
from dataclasses import replace

import pytest

from eega_pyg.datasets import read_mnre
from eega_pyg.datasets.mnre import read_marked_texts
from eega_pyg.schema import (
    JMERE_TAGS,
    SOME_TYPE,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Entity,
    Quintuple,
    TagSet,
)
from eega_pyg.tagging import encode

WORDS = ['Ann', 'Lee', 'of', 'Acme', 'in', 'Oslo']


def line(head=(0, 2), tail=(3, 4), relation='/per/org/member_of', words=WORDS,
         image='a.jpg', **changes) -> str:
    row = {
        'token': words,
        'h': {
            'name': ' '.join(words[slice(*head)]),
            'pos': list(head)
        },
        't': {
            'name': ' '.join(words[slice(*tail)]),
            'pos': list(tail)
        },
        'img_id': image,
        'relation': relation,
    }
    row.update(changes)
    return repr({k: v for k, v in row.items() if v is not KeyError})


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / 'mnre_train.txt'
        data = [s if isinstance(s, bytes) else s.encode() for s in lines]
        path.write_bytes(b'\n'.join(data))
        return path

    return write


MEMBER = Quintuple(Entity(0, 2, 'per'), Entity(3, 4, 'org'), 'member_of')
BORN = Quintuple(Entity(0, 2, 'per'), Entity(5, 6, 'loc'), 'place_of_birth')
LOCATED = Quintuple(Entity(3, 4, 'org'), Entity(5, 6, 'loc'), 'locate_at')


def test_a_none_line_ends_a_run_of_v1_and_merged_joins_across_it(write):
    path = write(
        line(),
        line((0, 2), (5, 6), '/per/loc/place_of_birth'),
        line((2, 3), (5, 6), 'None'),
        line((3, 4), (5, 6), '/org/loc/locate_at'),
        line(words=['Bob', 'Ray', 'at', 'Acme'], image='b.jpg'),
        '',
        line(words=['Bob', 'Ray', 'at', 'Acme'], image='c.jpg'),
    )
    v1 = read_mnre(path, JMERE_TAGS, 'v1')
    assert [r.quintuples for r in v1] == [(MEMBER, BORN), (LOCATED, ), (MEMBER, )]
    assert v1[0].words == tuple(WORDS)
    assert v1[0].text == 'Ann Lee of Acme in Oslo'
    merged = read_mnre(path, JMERE_TAGS, 'merged')
    assert [(r.image_id, r.quintuples)
            for r in merged] == [('a.jpg', (MEMBER, BORN, LOCATED)),
                                 ('b.jpg', (MEMBER, )), ('c.jpg', (MEMBER, ))]


def test_marked_texts_hold_what_none_lines_name(write):
    path = write(line((2, 3), (5, 6), 'None'), line((0, 2), (3, 4), 'None'), line(),
                 line(words=['Bob', 'Ray', 'at', 'Acme'], relation='None'))
    one, two = read_marked_texts(path, JMERE_TAGS)
    assert one.types == {(2, 3): None, (5, 6): None, (0, 2): 'per', (3, 4): 'org'}
    assert one.relations == {((2, 3), (5, 6)): None, ((0, 2), (3, 4)): 'member_of'}
    assert two.words == ('Bob', 'Ray', 'at', 'Acme')
    assert two.relations == {((0, 2), (3, 4)): None}


def test_unrelated_texts_are_those_of_which_no_line_states_a_relation(write):
    bob, eve = ['Bob', 'Ray', 'at', 'Acme'], ['Eve', 'Day', 'in', 'Oslo']
    path = write(line(relation='None'), line(), line(words=bob, relation='None'),
                 line((2, 3), (3, 4), 'None', words=bob),
                 line(words=eve, image='b.jpg', relation='None'))
    found = read_mnre(path, JMERE_TAGS, 'unrelated')
    assert [(r.words, r.image_id, r.quintuples, r.text)
            for r in found] == [(tuple(bob), 'a.jpg', (), 'Bob Ray at Acme'),
                                (tuple(eve), 'b.jpg', (), 'Eve Day in Oslo')]
    with pytest.raises(ValueError, match='mnre_train.txt: a relation is stated of'):
        read_mnre(write(line()), JMERE_TAGS, 'unrelated')


def test_of_unrelated_texts_spans_and_pairs_of_lines_are_known_and_no_more(write):
    words = ['Ann', 'Lee', 'and', 'Bob', 'of', 'Acme']
    path = write(line((0, 2), (3, 4), 'None', words=words),
                 line((5, 6), (1, 2), 'None', words=words), line())
    record, = read_mnre(path, JMERE_TAGS, 'unrelated')
    known = record.annotation
    table = encode((), 6, JMERE_TAGS, annotation=known).tolist()
    t, u, x = SOME_TYPE, UNSTATED, UNKNOWN  # [1, 2) lies in [0, 2), which is longer.
    assert table == [
        [t, t, u, 0, u, u],
        [t, t, u, 0, u, u],
        [u, u, x, u, x, u],
        [0, 0, u, t, u, u],
        [u, u, x, u, x, u],
        [u, u, u, u, u, t],
    ]
    assert known.tags == set(JMERE_TAGS.types)


def test_a_mask_leaves_open_what_only_other_lines_name(write):
    path = write(line(), line((2, 3), (5, 6), 'None'),
                 line((3, 4), (5, 6), '/org/loc/locate_at'))
    assert all(r.annotation == Annotation() for r in read_mnre(path, JMERE_TAGS))
    first, second = read_mnre(path, JMERE_TAGS, mask=True)
    table = encode(first.quintuples, 6, JMERE_TAGS, annotation=first.annotation)
    expected = encode([MEMBER], 6, JMERE_TAGS)
    # "of", a span of the None line, and Oslo, with Acme's relation to it.
    for i, j in ((2, 2), (5, 5), (3, 5), (5, 3)):
        expected[i, j] = UNKNOWN
    assert table.equal(expected)
    table = encode(second.quintuples, 6, JMERE_TAGS, annotation=second.annotation)
    assert table[3, 5] == JMERE_TAGS.id('locate_at') and table[0, 1] == UNKNOWN


def test_merged_keeps_two_texts_without_an_image_apart(write):
    path = write(line(image=''), line(words=['Bob', 'Ray', 'at', 'Acme'], image=''))
    assert len(read_mnre(path, JMERE_TAGS, 'merged')) == 2


def test_a_line_given_twice_makes_one_quintuple(write):
    record, = read_mnre(write(line(), line()), JMERE_TAGS)
    assert record.quintuples == (MEMBER, )


def test_types_and_relations_of_ones_own(write):
    tags = TagSet(('person', 'ship'), ('sails', ))
    record, = read_mnre(write(line(relation='/person/ship/sails')), tags)
    assert record.quintuples[0].relation == 'sails'
    with pytest.raises(ValueError, match=":1: unknown type 'per' .known: person, ship"):
        read_mnre(write(line()), tags)


def test_separators_inside_a_word_do_not_end_a_line(write):
    words = ['Ann', 'a\u2028b\x85', 'of', 'Acme']
    record, = read_mnre(write(line((0, 1), (3, 4), words=words).encode()), JMERE_TAGS)
    assert record.words == tuple(words)
    raw = line((0, 1), (3, 4), words=['Ann', 'X', 'of',
                                      'Acme']).replace('X', 'a\u2028b')
    record, = read_mnre(write(raw), JMERE_TAGS)
    assert record.words[1] == 'a\u2028b'


GOOD = {'name': 'Acme', 'pos': [3, 4]}

BAD = [
    ('[1, 2]', r'expected an object \(got \[1, 2\]\)'),
    ('{"token": [', 'not a Python literal'),
    ('__import__("os").getcwd()', 'not a Python literal'),
    ("{'a': 1, **{}}", 'not a Python literal'),
    ("{[]: 1}", 'not a Python literal'),
    (b'{\xff}', 'not valid UTF-8'),
    (b'{\x00}', 'not a Python literal'),
    ('-' * 90_000 + '1', 'not a Python literal: nested too deeply'),
    ('[' * 90_000, 'not a Python literal: too many nested'),
    ('1' + '+1' * 45_000, 'not a Python literal'),
    ('9' * 90_000, 'not a Python literal'),
    ('(' + '1,' * 60_000 + ')', 'the line is longer than 100,000 bytes'),
    *((line(**{key: KeyError}), f"missing '{key}'")
      for key in ('token', 'h', 't', 'img_id', 'relation')),
    (line(token='Ann Lee'), "token: expected a list .got 'Ann Lee'"),
    (line(token=[]), "token: expected a length of at least 1"),
    (line(token=['Ann', 5]), r"token\[1\]: expected a string .got 5"),
    (line(token=['Ann', ' ']), r"token\[1\]: expected a non-empty string"),
    (line(token=['Ann', '\ud800']),
     r"token\[1\]: expected .* half of a surrogate pair"),
    (line(img_id=None), "img_id: expected a string .got None"),
    (line(relation=3), "relation: expected a string .got 3"),
    (line(t='Acme'), "t: expected an object .got 'Acme'"),
    (line(t={'pos': [3, 4]}), "t: missing 'name'"),
    (line(t={'name': 'Acme'}), "t: missing 'pos'"),
    (line(t={
        **GOOD, 'name': 4
    }), "t.name: expected a string"),
    (line(t={
        **GOOD, 'pos': [3]
    }), "t.pos: expected 2 values"),
    (line(t={
        **GOOD, 'pos': [3, 4.0]
    }), r"t.pos\[1\]: expected a whole number .got 4.0"),
    (line(t={
        **GOOD, 'pos': [True, 4]
    }), r"t.pos\[0\]: expected a whole number .got True"),
    (line(t={
        **GOOD, 'pos': [3, 7]
    }), r"t: the span \[3, 7\) is not inside the "
     "sentence of 6 words"),
    (line(t={
        **GOOD, 'pos': [-3, 4]
    }), r"t: the span \[-3, 4\) is not inside"),
    (line(t={
        **GOOD, 'pos': [3, 3]
    }), r"t: the span \[3, 3\) is not inside"),
    (line(t={
        **GOOD, 'name': 'Acne'
    }), r"t: the words \[3, 4\) are 'Acme', not "
     "'Acne'"),
    (line(t={
        **GOOD, 'name': 'Acne'
    }, relation='None'), "t: the words"),
    (line(relation='member_of'), "relation: expected '/type/type/relation'"),
    (line(relation='/per/animal/member_of'), "unknown type 'animal'"),
    (line(relation='/per/org/likes'), "unknown relation 'likes'"),
    (line(relation='/per/org/per'), "unknown relation 'per'"),
]


@pytest.mark.parametrize('bad, message', BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_by_file_and_number(write, bad, message):
    with pytest.raises(ValueError, match=f'mnre_train.txt:3: {message}') as info:
        read_mnre(write(line(), '', bad, line()), JMERE_TAGS)
    assert len(str(info.value)) < 600  # Whatever the line holds.


@pytest.mark.parametrize('version', ['v1', 'merged'])
def test_two_types_of_one_span_are_refused(write, version):
    path = write(line(), line((0, 2), (5, 6), '/org/loc/locate_at'))
    with pytest.raises(ValueError, match=":2: 'Ann Lee' is 'org' here and 'per' in"):
        read_mnre(path, JMERE_TAGS, version)


def test_a_file_without_relations_and_an_unknown_version_are_refused(write):
    with pytest.raises(ValueError, match='mnre_train.txt: holds no sentence'):
        read_mnre(write(line(relation='None')), JMERE_TAGS)
    with pytest.raises(ValueError, match="got 'v2'"):
        read_mnre(write(line()), JMERE_TAGS, 'v2')


@pytest.mark.real
@pytest.mark.parametrize('split, version, sentences, quintuples', [
    pytest.param('train', 'v1', 3618, 4503, marks=pytest.mark.slow),
    ('val', 'v1', 496, 624),
    pytest.param('train', 'merged', 3468, 4503, marks=pytest.mark.slow),
    ('val', 'merged', 473, 624),
    pytest.param('train', 'unrelated', 3865, 0, marks=pytest.mark.slow),
])
def test_the_published_counts(shared_data, split, version, sentences, quintuples):
    path = shared_data / 'mnre' / f'mnre_{split}.txt'
    records = read_mnre(path, JMERE_TAGS, version)
    assert len(records) == sentences
    assert sum(len(r.quintuples) for r in records) == quintuples


def test_the_first_version_of_mnre_is_read(write):
    none = line((0, 2), (5, 6), 'none')
    tag = ['Ann', 'Lee', 'of', '#', 'Acme', 'in', 'Oslo']
    hashtag = line(words=tag, tail=(3, 5), t={
        'name': '#Acme',
        'pos': [3, 5]
    }, h={
        'name': 'AnnLee',
        'pos': [0, 2]
    })
    number = line((3, 4), (5, 6), '/org/loc/locate_at', image=71532)
    first, second, third = read_mnre(write(line(), none, hashtag, number), JMERE_TAGS)
    assert [r.quintuples for r in (first, third)] == [(MEMBER, ), (LOCATED, )]
    assert second.quintuples[0].tail == Entity(3, 5, 'org')
    assert [r.image_id for r in (first, third)] == ['a.jpg', '71532']
    wrong = line(words=tag, tail=(3, 5), t={'name': 'Acme', 'pos': [3, 5]})
    with pytest.raises(ValueError, match="1: t: the words .3, 5. are '# Acme', not 'A"):
        read_mnre(write(wrong), JMERE_TAGS)
    for image in (True, 1.5, None, ['a']):
        with pytest.raises(ValueError, match='1: img_id: expected a string'):
            read_mnre(write(line(image=image)), JMERE_TAGS)


def labelled(*pairs, words=WORDS, image='a.jpg', wrap=lambda x: [x]):
    def side(entity):
        span = list(entity.span)
        return {'name': ' '.join(words[slice(*span)]), 'pos': span, 'tags': entity.type}

    return {
        'token':
        words,
        'img_id':
        image,
        'label_list': [
            wrap({
                'beg_ent': side(q.head),
                'sec_ent': side(q.tail),
                'relation': q.relation
            }) for q in pairs
        ]
    }


@pytest.mark.parametrize('wrap', [lambda x: [x], lambda x: x])
@pytest.mark.parametrize('form', [
    json.dumps, lambda texts: '\ufeff \n' + json.dumps(texts, indent=1),
    lambda texts: '\n'.join(map(json.dumps, texts)),
    lambda texts: '\n\n'.join(map(repr, texts))
])
def test_jmeres_own_array_is_read(write, form, wrap):
    none = replace(BORN, relation='None')
    texts = [
        labelled(MEMBER, none, LOCATED, wrap=wrap),
        labelled(BORN, image=7, wrap=wrap),
        labelled(wrap=wrap),
    ]
    path = write(form(texts))
    first, second = read_mnre(path, JMERE_TAGS)
    # Two texts with the same words stay two, as they were published.
    assert (first.words, first.image_id) == (tuple(WORDS), 'a.jpg')
    assert (second.words, second.image_id) == (tuple(WORDS), '7')
    assert first.quintuples == (MEMBER, LOCATED)
    assert second.quintuples == (BORN, )


@pytest.mark.parametrize('change, message', [
    ({
        'label_list': 3
    }, 'text 1: label_list: expected a list'),
    ({
        'label_list': [[]]
    }, 'text 1: label_list.0.: expected a length of at least 1'),
    ({
        'label_list': [{
            'beg_ent': {}
        }]
    }, "text 1: label_list.0..0..beg_ent: missing 'n"),
    ({
        'token': []
    }, 'text 1: token: expected a length of at least 1'),
    ({
        'token': ['Ann']
    }, 'text 1: label_list.0.: beg_ent: the span .0, 2. is not insi'),
    ({
        'img_id': None
    }, 'text 1: img_id: expected a string'),
])
def test_a_wrong_text_of_an_array_is_named(write, change, message):
    texts = [labelled(MEMBER), {**labelled(MEMBER), **change}]
    with pytest.raises(ValueError, match=f'mnre_train.txt: {message}'):
        read_mnre(write(json.dumps(texts)), JMERE_TAGS)


def test_a_cut_array_and_foreign_relations_are_named(write):
    text = json.dumps([labelled(MEMBER)])
    with pytest.raises(ValueError, match='mnre_train.txt: not valid JSON'):
        read_mnre(write(text[:-9]), JMERE_TAGS)
    tags = TagSet(('per', 'org'), ('owns', ))
    with pytest.raises(ValueError, match="0: label_list.0.: unknown relation 'member_"):
        read_mnre(write(text), tags)
    with pytest.raises(ValueError, match='mnre_train.txt: text 0: expected an object'):
        read_mnre(write('[1, 2]'), JMERE_TAGS)
