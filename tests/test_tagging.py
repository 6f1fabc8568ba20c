import ast
import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.schema import JMERE_TAGS, UNSCORED, Entity, Quintuple, TagSet
from eega_pyg.tagging import (
    TABLES,
    Extraction,
    decode,
    decode_batch,
    encode,
    is_directed,
    merge_windows,
    rescore_batch,
    written,
)

TAGS = TagSet(('per', 'org'), ('member_of', 'peer'))
NONE, PER, ORG, MEMBER, PEER = range(5)

JOHN = Entity(0, 2, 'per')
ACME = Entity(3, 4, 'org')
MEMBER_OF = Quintuple(JOHN, ACME, 'member_of')


def log_table(table, tags=TAGS, sharpness=20.0):
    r"""Confident log-probabilities of a table; unscored cells say something wrong."""
    wrong = torch.full_like(table, 1)
    target = torch.where(table == UNSCORED, wrong, table)
    norm = math.log(math.exp(sharpness) + len(tags) - 1)
    out = torch.full((*table.shape, len(tags)), -norm)
    return out.scatter_(2, target[..., None], sharpness - norm)


def undirected(quintuples):
    return {(frozenset((q.head, q.tail)), q.relation) for q in quintuples}


# Encoding ###########################################################################


def test_encode_directed_by_hand():
    assert encode([MEMBER_OF], 5, TAGS).tolist() == [
        [PER, PER, NONE, MEMBER, NONE],
        [PER, PER, NONE, MEMBER, NONE],
        [NONE, NONE, NONE, NONE, NONE],
        [NONE, NONE, NONE, ORG, NONE],
        [NONE, NONE, NONE, NONE, NONE],
    ]


def test_encode_puts_a_head_that_stands_after_its_tail_below_the_diagonal():
    table = encode([Quintuple(ACME, JOHN, 'member_of')], 4, TAGS)
    assert table[3].tolist() == [MEMBER, MEMBER, NONE, ORG]
    assert table[:3, 3].tolist() == [NONE] * 3


def test_encode_symmetric_is_the_directed_table_and_its_mirror():
    directed = encode([MEMBER_OF], 5, TAGS)
    expected = torch.maximum(directed, directed.t())
    assert encode([MEMBER_OF], 5, TAGS, 'symmetric').equal(expected)


def test_encode_triangle_scores_the_symmetric_table_on_and_above_the_diagonal():
    backward = Quintuple(ACME, JOHN, 'member_of')
    table = encode([backward], 5, TAGS, 'triangle')
    symmetric = encode([backward], 5, TAGS, 'symmetric')
    for i, j in itertools.product(range(5), repeat=2):
        assert table[i, j] == (symmetric[i, j] if i <= j else UNSCORED)


@pytest.mark.parametrize('quintuples, message', [
    ([Quintuple(Entity(0, 1, 'dog'), ACME, 'peer')], "Unknown type 'dog'"),
    ([Quintuple(JOHN, Entity(3, 4, 'none'), 'peer')], "Unknown type 'none'"),
    ([Quintuple(JOHN, ACME, 'per')], "Unknown relation 'per'"),
    ([Quintuple(JOHN, Entity(3, 6, 'org'), 'peer')], r'\[3, 6\) .* of 5 words'),
])
def test_encode_names_what_is_wrong(quintuples, message):
    with pytest.raises(ValueError, match=message):
        encode(quintuples, 5, TAGS)


def test_an_unknown_table_is_an_error():
    with pytest.raises(ValueError, match="got 'square'"):
        encode([], 2, TAGS, 'square')
    with pytest.raises(ValueError, match="got 'square'"):
        decode(torch.zeros(2, 2, 5), TAGS, 'square')


def test_of_overlapping_spans_the_one_in_more_quintuples_is_written():
    long, short, other = Entity(0, 3, 'org'), Entity(1, 2, 'per'), Entity(4, 5, 'org')
    third = Entity(5, 6, 'per')
    shared = [Quintuple(short, other, 'member_of'), Quintuple(short, third, 'peer')]
    quintuples = [*shared, Quintuple(long, other, 'peer')]
    assert encode(quintuples, 6, TAGS).equal(encode(shared, 6, TAGS))
    # Without the second, both are in one: the longer is written. Saying the shorter's
    # line three times changes nothing.
    quintuples = [shared[0]] * 3 + [quintuples[-1]]
    assert encode(quintuples, 6, TAGS).equal(encode(quintuples[-1:], 6, TAGS))


def test_of_equal_overlapping_spans_the_earlier_then_the_first_type_is_written():
    other = Entity(4, 5, 'org')
    first, second = Entity(0, 2, 'org'), Entity(1, 3, 'per')
    quintuples = [Quintuple(second, other, 'peer'), Quintuple(first, other, 'peer')]
    assert encode(quintuples, 5, TAGS).equal(encode(quintuples[1:], 5, TAGS))

    first, second = Entity(0, 2, 'per'), Entity(0, 2, 'org')
    quintuples = [Quintuple(second, other, 'peer'), Quintuple(first, other, 'peer')]
    assert encode(quintuples, 5, TAGS).equal(encode(quintuples[1:], 5, TAGS))


@pytest.mark.parametrize('table', TABLES)
def test_a_relation_inside_one_span_leaves_only_the_longer_entity(table):
    nested = Quintuple(Entity(1, 4, 'org'), Entity(1, 2, 'per'), 'peer')
    out = decode(log_table(encode([nested], 5, TAGS, table)), TAGS, table)
    assert out == Extraction([Entity(1, 4, 'org')], [])
    itself = Quintuple(JOHN, JOHN, 'peer')
    out = decode(log_table(encode([itself], 5, TAGS, table)), TAGS, table)
    assert out == Extraction([JOHN], [])


@pytest.mark.parametrize('table', TABLES)
def test_of_two_relations_of_one_pair_the_first_given_is_written(table):
    again = Quintuple(JOHN, ACME, 'peer')
    for pairs in ([MEMBER_OF, again], [again, MEMBER_OF, again]):
        out = encode(pairs, 5, TAGS, table)
        assert out.equal(encode(pairs[:1], 5, TAGS, table))
        assert written(pairs, TAGS, table) == pairs[:1]


def test_a_directed_table_has_room_for_a_relation_in_each_direction():
    back = Quintuple(ACME, JOHN, 'peer')
    given = [MEMBER_OF, back, Quintuple(ACME, JOHN, 'member_of')]
    assert encode(given, 5, TAGS).tolist() == [[1, 1, 0, 3, 0], [1, 1, 0, 3, 0],
                                               [0, 0, 0, 0, 0], [4, 4, 0, 2, 0],
                                               [0, 0, 0, 0, 0]]
    assert written(given, TAGS) == [MEMBER_OF, back]
    for table in ('symmetric', 'triangle'):
        assert encode(given, 5, TAGS, table).equal(encode(given[:1], 5, TAGS, table))
        assert written(given, TAGS, table) == [MEMBER_OF]


# Encoding and decoding ##############################################################


@st.composite
def touching_spans(draw):
    r"""A sentence's length and quintuples; spans often touch each other."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    start, entities = 0, []
    for length in lengths:
        start += draw(st.sampled_from([0, 0, 1, 2]))
        type = draw(st.sampled_from(TAGS.types))
        entities.append(Entity(start, start + length, type))
        start += length
    quintuples = []
    for head, tail in itertools.combinations(entities, 2):
        if draw(st.booleans()):
            if draw(st.booleans()):
                head, tail = tail, head
            relation = draw(st.sampled_from(TAGS.relations))
            quintuples.append(Quintuple(head, tail, relation))
    num_words = start + draw(st.integers(0, 2))
    return num_words, draw(st.permutations(quintuples))


@settings(max_examples=40, deadline=None)
@given(touching_spans())
def test_decode_inverts_encode(sentence):
    num_words, quintuples = sentence
    entities = sorted({e for q in quintuples for e in (q.head, q.tail)})
    for table in TABLES:
        log_probs = log_table(encode(quintuples, num_words, TAGS, table))
        out = decode(log_probs, TAGS, table)
        assert out.entities == entities
        if table == 'directed':
            assert out.quintuples == sorted(quintuples)
        else:
            assert undirected(out.quintuples) == undirected(quintuples)
            assert all(q.head < q.tail for q in out.quintuples)


@settings(max_examples=30, deadline=None)
@given(touching_spans())
def test_decode_inverts_encode_at_probabilities_of_exactly_0_and_1(sentence):
    num_words, quintuples = sentence
    table = encode(quintuples, num_words, TAGS)
    log_probs = torch.nn.functional.one_hot(table, len(TAGS)).float().log()
    assert decode(log_probs, TAGS).quintuples == sorted(quintuples)


@pytest.mark.parametrize('table', TABLES)
@pytest.mark.parametrize('types', itertools.product(TAGS.types, repeat=2))
@pytest.mark.parametrize('relation', [None, 'peer'])
def test_touching_entities_stay_two_whatever_stands_between_them(
        table, types, relation):
    one, two, far = Entity(0, 2, types[0]), Entity(2, 3, types[1]), Entity(4, 5, 'org')
    quintuples = [Quintuple(one, far, 'peer'), Quintuple(two, far, 'peer')]
    if relation:
        quintuples.append(Quintuple(one, two, relation))
    out = decode(log_table(encode(quintuples, 5, TAGS, table)), TAGS, table)
    assert out.entities == [one, two, far]
    assert out.quintuples == sorted(quintuples)


@pytest.mark.parametrize('table', TABLES)
def test_two_words_of_one_type_are_one_entity_or_two_by_the_cells_between(table):
    for between, spans in [(PER, [(0, 2)]), (NONE, [(0, 1), (1, 2)])]:
        cells = torch.tensor([[PER, between], [between, PER]])
        out = decode(log_table(cells), TAGS, table)
        assert [e.span for e in out.entities] == spans


# Decoding ###########################################################################


def brute_force(log_probs, tags, table, touching, borders):
    r"""The score of every set of non-overlapping typed spans, as a dictionary."""
    p, n = log_probs.double().exp().tolist(), len(log_probs)
    relations = list(tags.relation_ids)

    def score(entity):
        total = 0.0
        for i, j in itertools.product(range(entity.start, entity.end), repeat=2):
            if table != 'triangle' or i <= j:
                other = p[i][j][0] + sum(p[i][j][r] for r in relations)
                value = math.log(p[i][j][tags.id(entity.type)] / other)
                # Two cells for one pair of words count as one.
                total += value if i == j or table == 'triangle' else value / 2
        return total

    def joints(spans):
        return sum(a.end == b.start and a.type == b.type and a.end not in borders
                   for a, b in zip(spans, spans[1:]))

    def segmentations(start):
        if start == n:
            yield ()
            return
        yield from segmentations(start + 1)
        for end in range(start + 1, n + 1):
            if end - 1 > start and end - 1 in borders:
                break
            for type in tags.types:
                for rest in segmentations(end):
                    yield (Entity(start, end, type), *rest)

    return {s: sum(map(score, s)) - touching * joints(s) for s in segmentations(0)}


@pytest.mark.parametrize('table', TABLES)
@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 2**31),
       touching=st.sampled_from([0.0, 1.0,
                                 7.0]), borders=st.sets(st.integers(0, 5), max_size=2))
def test_spans_are_the_best_of_all_segmentations(table, n, seed, touching, borders):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, n, len(TAGS), generator=generator, dtype=torch.double)
    logits[..., 1:3] += 1.0  # else most sentences of noise hold no entity
    log_probs = logits.log_softmax(-1)
    scores = brute_force(log_probs, TAGS, table, touching, borders)
    found = tuple(
        decode(log_probs, TAGS, table, touching=touching, borders=borders).entities)
    assert scores[found] == pytest.approx(max(scores.values()), abs=1e-9)

    for limit in (1, 2):
        short = {
            s: v
            for s, v in scores.items() if all(e.end - e.start <= limit for e in s)
        }
        found = tuple(
            decode(log_probs, TAGS, table, max_span=limit, touching=touching,
                   borders=borders).entities)
        assert short[found] == pytest.approx(max(short.values()), abs=1e-9)


def relation_scores(log_probs, a, b, table):
    r"""Summed log-probabilities of all hypotheses on entities a < b, in loops."""
    out = {}
    lp = log_probs.double().tolist()
    for relation, turned in [(None, False),
                             *itertools.product(TAGS.relations, (False, True))]:
        upper = lower = NONE
        if relation and table == 'directed' and turned:
            lower = TAGS.id(relation)
        elif relation and table == 'directed':
            upper = TAGS.id(relation)
        elif relation:
            upper = lower = TAGS.id(relation)
        total = 0.0
        for i, j in itertools.product(range(*a.span), range(*b.span)):
            total += lp[i][j][upper]
            if table != 'triangle':
                total += lp[j][i][lower]
        out[relation, turned] = total
    return out


@pytest.mark.parametrize('table', TABLES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_relations_and_probabilities_follow_the_formulas(table, seed):
    a, b = Entity(0, 2, 'per'), Entity(3, 6, 'org')
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 6, len(TAGS), generator=generator, dtype=torch.double)
    for e in (a, b):
        logits[e.start:e.end, e.start:e.end, TAGS.id(e.type)] += 12
    logits[2, :, NONE] += 9
    logits[:, 2, NONE] += 9
    logits[:2, 3:, 1:3] -= 9
    logits[3:, :2, 1:3] -= 9
    log_probs = logits.log_softmax(-1)
    out = decode(log_probs, TAGS, table)
    assert out.entities == [a, b]

    for e in out.entities:
        cells = [(i, j) for i, j in itertools.product(range(*e.span), repeat=2)
                 if table != 'triangle' or i <= j]
        product = math.prod(log_probs[i, j, TAGS.id(e.type)].exp().item()
                            for i, j in cells)
        assert e.probability == pytest.approx(product**(1 / len(cells)))

    scores = relation_scores(log_probs, a, b, table)
    if table != 'directed':
        scores = {k: v for k, v in scores.items() if not k[1]}
    relation, turned = max(scores, key=scores.__getitem__)
    if relation is None:
        assert out.quintuples == []
        return
    pair = (b, a) if turned else (a, b)
    assert out.quintuples == [Quintuple(*pair, relation)]
    weights = {k: math.exp(v / 6) for k, v in scores.items()}  # blocks of 2 x 3 cells
    posterior = weights[relation, turned] / sum(weights.values())
    expected = posterior * out.entities[0].probability * out.entities[1].probability
    assert out.quintuples[0].probability == pytest.approx(expected)
    assert out.quintuples[0].head.probability is not None


@pytest.mark.parametrize('table', TABLES)
def test_signatures_give_way_to_the_best_allowed_relation(table):
    cells = encode([MEMBER_OF], 5, TAGS, table)
    log_probs = log_table(cells)
    log_probs[..., PEER][cells == MEMBER] += 7  # second best, ahead of none
    assert decode(log_probs, TAGS, table).quintuples == [MEMBER_OF]
    out = decode(log_probs, TAGS, table, {('per', 'peer', 'org')})
    assert out.quintuples == [Quintuple(JOHN, ACME, 'peer')]
    out = decode(log_probs, TAGS, table, {('per', 'peer', 'per')})
    assert out.quintuples == [] and out.entities == [JOHN, ACME]


def test_it_is_known_whether_a_direction_was_decoded():
    q = Quintuple(Entity(0, 1, 'per'), Entity(2, 3, 'org'), 'member_of')
    there, back = ('per', 'member_of', 'org'), ('org', 'member_of', 'per')
    assert is_directed(q, 'directed') and is_directed(q, 'directed', {there, back})
    for table in ('symmetric', 'triangle'):
        assert not is_directed(q, table)
        assert not is_directed(q, table, {there, back})
        assert is_directed(q, table, {there})


@pytest.mark.parametrize('table', ['symmetric', 'triangle'])
def test_signatures_give_the_direction_a_table_lacks(table):
    org, per = Entity(0, 1, 'org'), Entity(2, 4, 'per')
    log_probs = log_table(encode([Quintuple(per, org, 'peer')], 4, TAGS, table))
    orders = {
        None: (org, per),
        frozenset([('per', 'peer', 'org')]): (per, org),
        frozenset([('org', 'peer', 'per')]): (org, per),
        frozenset([('org', 'peer', 'per'), ('per', 'peer', 'org')]): (org, per),
    }
    for signatures, pair in orders.items():
        out = decode(log_probs, TAGS, table, signatures)
        assert out.quintuples == [Quintuple(*pair, 'peer')]


def test_signatures_name_what_is_unknown():
    with pytest.raises(ValueError, match="Unknown relation 'likes'"):
        decode(torch.zeros(1, 1, 5), TAGS, signatures={('per', 'likes', 'per')})


def test_a_batch_decodes_as_its_sentences_alone():
    generator = torch.Generator().manual_seed(1)
    tables = [
        log_table(encode([MEMBER_OF], 5, TAGS)),
        log_table(encode([], 1, TAGS)),
        torch.zeros(0, 0, 5),
        log_table(encode([Quintuple(ACME, JOHN, 'peer')], 7, TAGS))
    ]
    logits = [t + torch.randn(*t.shape[:2], 1, generator=generator) for t in tables]
    flat = torch.cat([t.flatten(0, 1) for t in logits])
    out = decode_batch(flat, [5, 1, 0, 7], TAGS)
    alone = [decode(t, TAGS) for t in tables]
    assert out == alone
    assert [len(x.quintuples) for x in out] == [1, 0, 0, 1]
    for x, y in zip(out, alone):
        for p, q in zip(x.entities + x.quintuples, y.entities + y.quintuples):
            assert p.probability == pytest.approx(q.probability, rel=1e-5)


def test_the_sentences_of_a_batch_have_borders_of_their_own():
    flat = log_table(encode([MEMBER_OF], 5, TAGS)).flatten(0, 1)
    found = decode_batch(torch.cat([flat] * 3), [5] * 3, TAGS, borders=[[1], (), {3}])
    assert [[e.span for e in x.entities] for x in found] == [[(0, 1), (1, 2), (3, 4)],
                                                             [(0, 2), (3, 4)],
                                                             [(0, 2), (3, 4)]]


def test_decode_reads_half_precision_and_leaves_the_graph_alone():
    log_probs = log_table(encode([MEMBER_OF], 5, TAGS))
    halved = log_probs.bfloat16().requires_grad_()
    assert decode(halved, TAGS).quintuples == [MEMBER_OF]


@pytest.mark.parametrize('call, message', [
    (lambda: decode(torch.zeros(2, 3, 5), TAGS), r'\[n, n, 5\] \(got \[2, 3, 5\]\)'),
    (lambda: decode(torch.zeros(2, 2, 4), TAGS), r'got \[4, 4\]'),
    (lambda: decode_batch(torch.zeros(5, 5), [2], TAGS), r'\[4, 5\] .*got \[5, 5\]'),
    (lambda: decode(torch.full((1, 1, 5), math.nan), TAGS), 'NaN'),
    (lambda: decode(torch.full((1, 1, 5), math.inf), TAGS), 'infinite'),
    (lambda: decode(torch.full((1, 1, 5), -math.inf), TAGS), 'infinite'),
    (lambda: decode(torch.zeros(1, 1, 5), TAGS, max_span=0), r'got 0'),
    (lambda: decode_batch(torch.zeros(2, 5), [1, 1], TAGS, borders=[{1}]), '2 .*got 1'),
])
def test_decode_names_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Windows ############################################################################


def extraction(entities, quintuples=()):
    r"""An extraction of (start, end, type, p) and (head, tail, relation, p)."""
    entities = [Entity(*e) for e in entities]
    return Extraction(
        entities,
        [Quintuple(entities[h], entities[t], r, p) for h, t, r, p in quintuples])


def probabilities(items):
    return [item.probability for item in items]


def test_windows_shift_and_keep_the_surer_of_what_both_found():
    first = extraction([(0, 2, 'per', .9), (3, 4, 'org', .5)],
                       [(0, 1, 'member_of', .4)])
    second = extraction([(0, 2, 'per', .6), (3, 4, 'org', .8), (6, 7, 'per', .7)],
                        [(0, 1, 'member_of', .45), (2, 1, 'peer', .3)])
    out = merge_windows([(10, first), (10, second)])
    john, acme, mary = (Entity(10, 12, 'per'), Entity(13, 14,
                                                      'org'), Entity(16, 17, 'per'))
    assert out.entities == [john, acme, mary]
    assert probabilities(out.entities) == [.9, .8, .7]
    assert out.quintuples == [
        Quintuple(john, acme, 'member_of'),
        Quintuple(mary, acme, 'peer')
    ]
    assert probabilities(out.quintuples) == [.45, .3]
    # The entities within carry the kept probability, too:
    assert probabilities([out.quintuples[0].head, out.quintuples[1].tail]) == [.9, .8]


@pytest.mark.parametrize('rival', [(1, 3, 'per'), (0, 1, 'per'), (0, 2, 'org')])
def test_of_conflicting_windows_the_surer_span_stays_with_its_quintuples(rival):
    # The second window starts at word 4, so its `rival` meets the first's [4, 6).
    first = extraction([(0, 1, 'org', .9), (4, 6, 'per', .5)],
                       [(1, 0, 'member_of', .4)])
    for probability in (.6, .4):
        second = extraction([(*rival, probability), (4, 5, 'org', .9)],
                            [(0, 1, 'peer', .3)])
        out = merge_windows([(0, first), (4, second)])
        wins = probability > .5
        assert Counter(out.entities) == Counter([
            Entity(0, 1, 'org'),
            Entity(*rival).shifted(4) if wins else Entity(4, 6, 'per'),
            Entity(8, 9, 'org')
        ])
        assert [q.relation for q in out.quintuples] == ['peer' if wins else 'member_of']


def test_windows_keep_one_relation_of_a_pair():
    entities = [(0, 1, 'per', .9), (2, 3, 'org', .9)]
    first = extraction(entities, [(0, 1, 'member_of', .3)])
    second = extraction(entities, [(1, 0, 'peer', .5)])
    for windows in ([(0, first), (0, second)], [(0, second), (0, first)]):
        out = merge_windows(windows)
        assert out.quintuples == second.quintuples


def test_one_window_and_none_are_themselves():
    only = extraction([(0, 2, 'per', .9), (3, 4, 'org', .5)], [(1, 0, 'member_of', .4)])
    assert merge_windows([(0, only)]) == only
    assert merge_windows([]) == Extraction([], [])


# Real data ##########################################################################


def sentences_of(path):
    r"""Consecutive rows of one text; a row without a relation ends a run."""
    out, last = [], None
    for line in path.read_text(encoding='utf-8').splitlines():
        row = ast.literal_eval(line)
        if row['relation'] == 'None':
            last = None
            continue
        _, head_type, tail_type, relation = row['relation'].split('/')
        if row['token'] != last:
            last = row['token']
            out.append((len(last), []))
        out[-1][1].append(
            Quintuple(Entity(*row['h']['pos'], head_type),
                      Entity(*row['t']['pos'], tail_type), relation))
    return out


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize('split, sentences, quintuples, overlaps, tables', [
    ('train', 3618, 4503, 35, ['directed']),
    ('val', 496, 624, 1, TABLES),
])
def test_real_sentences_come_back(shared_data, split, sentences, quintuples, overlaps,
                                  tables):
    data = sentences_of(shared_data / 'mnre' / f'mnre_{split}.txt')
    assert len(data) == sentences
    assert sum(len(q) for _, q in data) == quintuples

    overlapping = set()
    for k, (_, rows) in enumerate(data):
        entities = {e for q in rows for e in (q.head, q.tail)}
        words = [i for e in entities for i in range(*e.span)]
        if len(set(words)) < len(words):
            overlapping.add(k)
    assert len(overlapping) == overlaps

    for table in tables:
        lost = set()
        for k, (n, expected) in enumerate(data):
            log_probs = log_table(encode(expected, n, JMERE_TAGS, table), JMERE_TAGS)
            found = decode(log_probs, JMERE_TAGS, table).quintuples
            same = (set(found) == set(expected) if table == 'directed' else
                    undirected(found) == undirected(expected))
            if not same:
                lost.add(k)
        assert lost <= overlapping


@pytest.mark.parametrize('table', TABLES)
def test_what_is_found_once_is_rescored_as_if_it_were_found_again(table):
    torch.manual_seed(1)
    sizes = 5 * [9, 1, 0, 14]
    scores = 3 * torch.randn(sum(n * n for n in sizes), len(TAGS))
    signatures = {('per', 'member_of', 'org'), ('org', 'peer', 'per')}
    found = decode_batch(scores, sizes, TAGS, table, signatures)
    assert sum(len(x.quintuples) for x in found) > 5
    for temperature in (0.5, 1.0, 3.0):
        again = decode_batch(scores, sizes, TAGS, table, signatures,
                             temperature=temperature)
        rescored = rescore_batch(found, scores, sizes, TAGS, table, signatures,
                                 temperature)
        # As text, for probabilities are not compared.
        assert str(rescored) == str(again)
        assert (str(rescored) == str(found)) == (temperature == 1.0)


def test_a_temperature_changes_probabilities_and_nothing_else():
    torch.manual_seed(0)
    scores = 4 * torch.randn(3 * 36, len(TAGS))
    plain = decode_batch(scores, [6] * 3, TAGS)
    cool = decode_batch(scores, [6] * 3, TAGS, temperature=2.0)
    assert plain == cool  # Probabilities are not compared.
    assert any(x.quintuples for x in plain)
    block = torch.zeros(4, 4, len(TAGS))
    block[..., NONE] = 8
    block[:2, :2, PER], block[3, 3, ORG] = 16, 16
    block[:2, 3, MEMBER] = 14
    for temperature in (1.0, 2.0):
        out = decode(block, TAGS, temperature=temperature)
        entity = torch.tensor([8, 16, 0, 0, 0]) / temperature
        expected = float(entity.softmax(0)[1])
        assert out.entities[0].probability == pytest.approx(expected)
        # The relation, and its mirrored block of none, against all else.
        row = (torch.tensor([8., 0, 0, 14, 0]) / temperature).log_softmax(0)
        back = (torch.tensor([8., 0, 0, 0, 0]) / temperature).log_softmax(0)
        choices = torch.stack([
            row[0] + back[0], row[3] + back[0], row[4] + back[0], row[0] + back[3],
            row[0] + back[4]
        ])
        relation = float(choices.softmax(0)[1])
        assert out.quintuples[0].probability == pytest.approx(
            relation * out.entities[0].probability * out.entities[1].probability)
    with pytest.raises(ValueError, match="'temperature' above 0 .got 0"):
        decode(block, TAGS, temperature=0)
