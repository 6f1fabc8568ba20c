import pytest
from hypothesis import given, settings

from eega_pyg.schema import Entity, Quintuple
from eega_pyg.scoring import Content, Counts, PlacedText, items
from eega_pyg.scoring.errors import confused, lost_by_relation, reason, spurious

from .conftest import pairs

ANN, ACME, ROME = Entity(0, 2, 'per'), Entity(3, 4, 'org'), Entity(5, 6, 'loc')
GIVEN = Quintuple(ANN, ACME, 'member_of')


def found(*quintuples):
    return Content.of_quintuples(quintuples)


@pytest.mark.parametrize('content, expected', [
    (found(GIVEN), 'found'),
    (found(Quintuple(ACME, ANN, 'member_of')), 'direction'),
    (found(Quintuple(ANN, ACME, 'peer')), 'relation'),
    (Content([ANN, ACME], []), 'no relation'),
    (found(Quintuple(ANN, Entity(3, 4, 'loc'), 'member_of')), 'type'),
    (found(Quintuple(Entity(1, 2, 'per'), ACME, 'member_of')), 'overlap'),
    (Content([Entity(1, 2, 'per')], []), 'missed'),
    (Content([], []), 'missed'),
])
def test_the_first_reason_counts(content, expected):
    assert reason(GIVEN, content) == expected
    assert lost_by_relation([(content, found(GIVEN))]) == {'member_of': {expected: 1}}


@pytest.mark.parametrize('quintuple, kind', [
    (GIVEN, 'correct'),
    (Quintuple(ACME, ANN, 'member_of'), 'other relation or direction'),
    (Quintuple(ANN, ROME, 'peer'), 'entities given, not related'),
    (Quintuple(Entity(0, 1, 'per'), ACME, 'member_of'), 'an entity not given'),
])
def test_what_is_wrong_with_a_prediction(quintuple, kind):
    assert spurious(quintuple, found(GIVEN, Quintuple(ACME, ROME, 'locate_at'))) == kind


def test_types_are_taken_for_types_of_the_same_span():
    ours = Content([ANN, Entity(3, 4, 'loc'), Entity(7, 8, 'per')], [])
    theirs = Content([ANN, ACME, ROME], [])
    confusion = confused([(ours, theirs)], types=True)
    assert confusion.counts == {
        ('per', 'per'): 1,
        ('org', 'loc'): 1,
        ('loc', None): 1,
        (None, 'per'): 1
    }
    assert confusion.labels == ['loc', 'org', 'per']
    assert confusion.most_common() == [(None, 'per', 1), ('loc', None, 1),
                                       ('org', 'loc', 1), ('per', 'per', 1)]
    assert confusion.table() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]


def test_relations_are_taken_for_relations_between_the_same_spans():
    # Neither types nor directions count; of two relations the right one is no mistake.
    ours = found(Quintuple(ACME, ANN, 'peer'), Quintuple(ANN, ACME, 'member_of'),
                 Quintuple(ANN, ROME, 'born'))
    theirs = found(Quintuple(Entity(0, 2, 'org'), ACME, 'member_of'),
                   Quintuple(ANN, ACME, 'alumi'), Quintuple(ACME, ROME, 'locate_at'))
    assert confused([(ours, theirs)], types=False).counts == {
        ('member_of', 'member_of'): 1,
        ('alumi', 'peer'): 1,
        (None, 'born'): 1,
        ('locate_at', None): 1
    }


@settings(max_examples=25)
@given(pairs())
def test_the_margins_of_a_confusion_are_the_counts_of_its_view(sides):
    given, found = ([PlacedText(t).content for t in side] for side in sides)
    for types, view in ((True, 'entity'), (False, 'triple')):
        table = confused(zip(found, given), types).counts
        assert Counts(sum(n for (a, b), n in table.items() if a == b),
                      sum(n for (_, b), n in table.items() if b is not None),
                      sum(n for (a, _), n in table.items()
                          if a is not None)) == Counts.sum(
                              Counts.of(items(view, a), items(view, b))
                              for a, b in zip(found, given))
        assert (None, None) not in table
