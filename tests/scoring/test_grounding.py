from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.formats import AnnotatedText, read_texts, write_texts
from eega_pyg.schema import Entity
from eega_pyg.scoring import GROUNDED, VIEWS, Counts, compare, elsewhere, iou, score

from .conftest import annotated

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
ANN, BOB, OSLO = ('Ann', 'per'), ('Bob', 'per'), ('Oslo', 'loc')


def seen(text, *boxes, **kwargs):
    r"""A text whose entities are seen in some boxes each."""
    entities = [
        replace(e, box=next(iter(b), None), other_boxes=tuple(b[1:]))
        for e, b in zip(text.entities, boxes)
    ]
    return replace(text, entities=tuple(entities), **kwargs)


TEXT = annotated('Ann and Bob in Oslo', [ANN, BOB, OSLO], image_id='1.jpg')
GIVEN = seen(TEXT, [LEFT], [RIGHT], [])


def test_boxes_share_an_area():
    assert iou((0, 0, 0.4, 0.2), (0.2, 0, 0.6, 0.2)) == pytest.approx(1 / 3)
    assert iou(LEFT, LEFT) == 1
    assert iou(LEFT, RIGHT) == iou((0.2, 0.2, 0.2, 0.2), (0.2, 0.2, 0.2, 0.2)) == 0


corners = st.lists(st.integers(0, 8), min_size=2, max_size=2, unique=True).map(sorted)
boxes = st.tuples(corners, corners).map(lambda b: (b[0][0], b[1][0], b[0][1], b[1][1]))


@given(boxes, boxes)
def test_the_area_is_that_of_the_cells_of_a_grid(a, b):
    cells = [{(x, y)
              for x in range(box[0], box[2])
              for y in range(box[1], box[3])} for box in (a, b)]
    share = len(cells[0] & cells[1]) / len(cells[0] | cells[1])
    eighths = [tuple(x / 8 for x in box) for box in (a, b)]
    assert iou(*eighths) == pytest.approx(share) == pytest.approx(iou(*eighths[::-1]))


@pytest.mark.parametrize(
    'found, right',
    [
        ([(0.0, 0.0, 0.25, 1.0)], True),  # Half of it.
        ([(0.0, 0.0, 0.24, 1.0)], False),
        ([RIGHT], True),  # Its other box.
        ([(0.25, 0.0, 0.75, 1.0)], False),  # A third of both.
        ([], False),
    ])
def test_a_box_is_right_that_shares_half_with_any_given_one(found, right):
    ann = Entity(0, 3, 'per')
    assert (ann not in elsewhere({ann: found}, {ann: [LEFT, RIGHT]})) == right


def test_who_is_not_seen_has_no_box():
    ann = Entity(0, 3, 'per')
    assert elsewhere({ann: []}, {ann: []}) == frozenset()
    assert elsewhere({ann: [LEFT]}, {ann: []}) == {ann}
    assert elsewhere({ann: [LEFT]}, {}) == frozenset()  # It is no entity anyway.


def test_type_span_and_box_have_to_be_right():
    found = annotated('Ann and Bob in Oslo', [ANN, ('Bob', 'org'), OSLO])
    for boxes, right in (([LEFT], [RIGHT], []), 2), (([RIGHT], [], []),
                                                     1), (([LEFT], [], [LEFT]), 1):
        report = score([GIVEN], [seen(found, *boxes)], draws=1)
        assert report.views[GROUNDED].counts == Counts(right, 3, 3)
        assert report.views['entity'].counts == Counts(2, 3, 3)


def test_a_text_without_a_prediction_counts():
    report = score([GIVEN, replace(GIVEN, image_id='2.jpg')], [GIVEN], draws=1)
    assert report.views[GROUNDED].counts == Counts(3, 3, 6)


def test_boxes_count_only_if_both_sides_have_some():
    for gold, found in (GIVEN, TEXT), (TEXT, GIVEN), (TEXT, TEXT):
        assert tuple(score([gold], [found], draws=1).views) == VIEWS
    both = compare([GIVEN], [GIVEN], [TEXT], draws=1)
    assert tuple(both.tests) == VIEWS
    both = compare([GIVEN], [GIVEN], [seen(TEXT, [LEFT], [], [])], draws=1)
    assert both.tests[GROUNDED].difference == pytest.approx(2 / 3 - 1)


def test_an_error_says_that_the_box_is_another():
    report = score([GIVEN], [seen(TEXT, [RIGHT], [RIGHT], [])], draws=1)
    text, = report.errors(GROUNDED)
    assert [(i.ends[0].type, i.label, i.given, i.found) for i in text.items
            if i.given != i.found[0]] == [('per', 'per', True, (False, )),
                                          ('per, another box', 'per', False, (True, ))]
    assert report.views[GROUNDED].labels == {
        'per': Counts(1, 2, 2),
        'loc': Counts(1, 1, 1)
    }


def test_further_boxes_come_back_from_a_file(tmp_path):
    text = seen(TEXT, [LEFT, RIGHT], [RIGHT], [])
    write_texts([text], tmp_path / 'a.jsonl', 'jsonl')
    found, = read_texts(tmp_path / 'a.jsonl')
    assert found == text and found.entities[0].boxes == (LEFT, RIGHT)
    assert found.entities[2].boxes == ()


def test_a_further_box_needs_a_first_one():
    with pytest.raises(ValueError, match='no box beside them'):
        AnnotatedText('Ann',
                      (replace(GIVEN.entities[0], box=None, other_boxes=(LEFT, )), ))
