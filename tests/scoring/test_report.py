r"""All that is said of predictions."""
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.scoring import RELATION_VIEWS, VIEWS, Counts, compare, score
from eega_pyg.scoring.groups import all_buckets, bucket

from .conftest import annotated, pairs

GOLD = [
    annotated('Ann Lee of Acme is in Oslo', [('Ann Lee', 'per'), ('Acme', 'org'),
                                             ('Oslo', 'loc')], [(0, 1, 'member_of'),
                                                                (0, 2, 'lives_in')]),
    annotated('Bob and Eve', [('Bob', 'per'), ('Eve', 'per')], [(0, 1, 'couple')]),
]
FIRST = [
    annotated('Ann Lee of Acme is in Oslo', [('Ann Lee', 'per'), ('Acme', 'loc'),
                                             ('Oslo', 'loc')], [(0, 1, 'member_of'),
                                                                (0, 2, 'lives_in')]),
    annotated('Bob and Eve', [('Bob', 'per')]),
]
SECOND = [
    GOLD[0].part([0, 1]),
    annotated('Bob and Eve', [('Bob', 'per'), ('Eve', 'per')], [(1, 0, 'couple')]),
]


def shown(texts):
    return [(text.text.text, [(*(end.text for end in item.ends), item.label, item.given,
                               item.found) for item in text.items]) for text in texts]


def test_buckets():
    assert [bucket(n, (0, 2, 3))
            for n in range(5)] == ['0', '1 to 2', '1 to 2', '3', '4 and more']
    assert all_buckets((0, 2, 3)) == ['0', '1 to 2', '3', '4 and more']


def test_a_report_by_hand():
    report = score(GOLD, FIRST, draws=20)
    quintuple = report.views['quintuple']
    assert quintuple.counts == (1, 2, 3)
    assert quintuple.labels == {
        'couple': (0, 0, 1),
        'lives_in': (1, 1, 1),
        'member_of': (0, 1, 1)
    }
    assert quintuple.macro_f1 == pytest.approx(1 / 3)
    # Of Acme is in Oslo: one word before Acme, four before Oslo; 'and' before Eve.
    assert quintuple.distances == {'1 to 2': (0, 1, 2), '3 to 5': (1, 1, 1)}
    assert quintuple.lengths == {'0 to 10': (1, 2, 3)}
    entity = report.views['entity']
    assert entity.counts == (3, 4, 5)
    assert entity.labels == {'per': (2, 2, 3), 'loc': (1, 2, 1), 'org': (0, 0, 1)}
    assert entity.macro_f1 == pytest.approx((4 / 5 + 2 / 3 + 0) / 3)
    assert report.views['span'].macro_f1 is report.views['pair'].macro_f1 is None
    assert report.views['triple'].counts == (2, 2, 3)
    assert report.lost == {
        'couple': {
            'missed': 1
        },
        'lives_in': {
            'found': 1
        },
        'member_of': {
            'type': 1
        }
    }
    assert report.spurious == {
        'correct': 1,
        'other relation or direction': 0,
        'entities given, not related': 0,
        'an entity not given': 1
    }
    assert shown(report.errors()) == [
        ('Ann Lee of Acme is in Oslo', [
            ('Ann Lee', 'Acme', 'member_of', False, (True, )),
            ('Ann Lee', 'Acme', 'member_of', True, (False, )),
            ('Ann Lee', 'Oslo', 'lives_in', True, (True, )),
        ]),
        ('Bob and Eve', [('Bob', 'Eve', 'couple', True, (False, ))]),
    ]
    assert shown(report.errors('entity'))[1] == ('Bob and Eve',
                                                 [('Bob', 'per', True, (True, )),
                                                  ('Eve', 'per', True, (False, ))])


def test_a_comparison_by_hand():
    comparison = compare(GOLD, FIRST, SECOND, draws=20)
    test = comparison.tests['quintuple']
    assert test.difference == pytest.approx(2 * 2 / 5 - 2 * 1 / 5)
    assert shown(comparison.diff()) == [
        ('Ann Lee of Acme is in Oslo', [
            ('Ann Lee', 'Acme', 'member_of', False, (True, False)),
            ('Ann Lee', 'Acme', 'member_of', True, (False, True)),
            ('Ann Lee', 'Oslo', 'lives_in', True, (True, False)),
        ]),
        ('Bob and Eve', [('Bob', 'Eve', 'couple', True, (False, True))]),
    ]
    # The head is named first where directions count.
    assert ('Eve', 'Bob', 'couple', False,
            (False, True)) in shown(comparison.diff('directed'))[1][1]


def test_notes_say_what_the_given_texts_leave_open():
    bare = [annotated('Bob and Eve', [('Bob', 'per')])]
    assert score(bare, bare, 1).alignment.notes == [
        'No relation is given: views of relations say nothing'
    ]
    note, = score(GOLD[1:], bare, 1).alignment.notes
    assert note.startswith('No entity outside of relations is given')
    other = [annotated('Bob and Eve', [('Bob', 'PER')])]
    assert score(bare, other, 1).alignment.notes[1].startswith(
        'No type that is given is ever predicted (given: per; predicted: PER)')
    with pytest.raises(ValueError, match=r'at least one draw \(got 0\)'):
        score(GOLD, GOLD, 0)


def counts(report):
    return {view: score.counts for view, score in report.views.items()}


@settings(max_examples=25)
@given(pairs())
def test_precision_and_recall_change_places_with_the_sides(sides):
    there, back = score(*sides, draws=2), score(*sides[::-1], draws=2)
    for view in VIEWS:
        a, b = there.views[view].counts, back.views[view].counts
        assert (a.precision, a.recall, a.f1) == (b.recall, b.precision, b.f1)
        assert there.views[view].macro_f1 == pytest.approx(
            back.views[view].macro_f1) or view in ('pair', 'span')


@settings(max_examples=25)
@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(sides, random):
    expected = score(*sides, draws=2)
    for side in sides:
        random.shuffle(side)
    report = score(*sides, draws=2)
    assert counts(report) == counts(expected)
    assert report.types.counts == expected.types.counts
    assert report.relations.counts == expected.relations.counts
    assert (report.lost, report.spurious) == (expected.lost, expected.spurious)


@settings(max_examples=25)
@given(pairs())
def test_two_equal_predictions_do_not_differ(sides):
    comparison = compare(sides[0], sides[1], sides[1], draws=5)
    for view in VIEWS:
        assert comparison.tests[view] == (0, (0, 0), 1, 1)
        assert comparison.diff(view) == []


@settings(max_examples=25)
@given(pairs())
def test_groups_add_up_to_the_whole(sides):
    for view, found in score(*sides, draws=2).views.items():
        groups = [found.lengths.values()]
        groups += [found.distances.values()] * (view in RELATION_VIEWS)
        groups += [found.labels.values()] * (view not in ('pair', 'span'))
        for group in groups:
            assert Counts.sum(group) == found.counts


@settings(max_examples=25)
@given(pairs(systems=2))
def test_a_diff_explains_the_difference_of_the_counts(sides):
    comparison = compare(*sides, draws=2)
    for view in VIEWS:
        items = [item for text in comparison.diff(view) for item in text.items]
        for i, report in enumerate((comparison.first, comparison.second)):
            other = (comparison.second, comparison.first)[i].views[view].counts
            mine = report.views[view].counts
            alone = [item for item in items if item.found[i]]
            back = [item for item in items if not item.found[i]]
            assert mine.predicted - other.predicted == len(alone) - len(back)
            assert mine.correct - other.correct == sum(x.given for x in alone) - sum(
                x.given for x in back)


def test_a_report_can_be_written_as_json():
    value = compare(GOLD, FIRST, SECOND, draws=5).to_dict()
    again = json.loads(json.dumps(value, allow_nan=False))
    assert again['first']['scores']['entity_f1'] == value['first']['scores'][
        'entity_f1'] == 2 * 3 / 9
    assert again['first']['views']['quintuple']['labels']['couple']['given'] == 1
    assert {
        'given': 'org',
        'predicted': 'loc',
        'count': 1
    } in again['first']['confusion']['types']
