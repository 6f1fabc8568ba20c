import pytest

from eega_pyg.formats import AnnotatedText
from eega_pyg.schema import Entity
from eega_pyg.scoring import PlacedText, align

from .conftest import annotated

ANN, BOB = annotated('Ann left',
                     [('Ann', 'per')]), annotated('Bob sang', [('Bob', 'per')])
IN_OSLO = annotated('Ann is in Oslo', [('Ann', 'per'), ('Oslo', 'loc')],
                    [(0, 1, 'locate_at')], image_id='1.jpg')


def aligned(gold, predicted):
    return align([PlacedText(text) for text in gold], predicted)


def types(alignment):
    return [[e.type for e in content.entities] for content in alignment.found]


def kind(text, name, **kwargs):
    r"""A text whose entity says which prediction it is."""
    return annotated(text, [(text.split()[0], name)], **kwargs)


def test_places_do_not_depend_on_blanks_and_words():
    spoken = AnnotatedText(
        '  Dr.  Ann Lee,\nof\tOslo ',
        annotated('  Dr.  Ann Lee,\nof\tOslo ', [('Ann Lee', 'per'),
                                                 ('Oslo', 'loc')]).entities)
    cut = annotated('Dr . Ann Lee , of Oslo', [('Ann Lee', 'per'), ('Oslo', 'loc')],
                    words=('Dr', '.', 'Ann', 'Lee', ',', 'of', 'Oslo'))
    found = aligned([spoken], [cut])
    assert found.found == [PlacedText(spoken).content]
    assert found.found[0].entities == [Entity(3, 9, 'per'), Entity(12, 16, 'loc')]
    assert found.notes == []


def test_spans_come_back_as_characters_of_the_text():
    text = annotated(' 🎉\u00a0Ann  Lee\r\n', [('Ann  Lee', 'per')])
    placed = PlacedText(text)
    entity, = placed.content.entities
    assert placed.characters_of(entity.span) == (3, 11)


def test_distance_counts_the_words_between():
    words = ('Ann', 'Lee', '(', '42', ')', 'of', 'Oslo')
    text = annotated('Ann Lee ( 42 ) of Oslo', [('Ann Lee', 'per'), ('Oslo', 'loc')],
                     words=words)
    loose = annotated('Ann Lee (42) of Oslo', [('Ann Lee', 'per'), ('Oslo', 'loc')])
    for text, number in ((text, 4), (loose, 2)):
        placed = PlacedText(text)
        head, tail = (e.span for e in placed.content.entities)
        assert placed.distance(((tail, head), '')) == number
        assert placed.distance(((head, head), '')) == 0


def test_order_does_not_matter():
    assert types(
        aligned([ANN, BOB],
                [kind('Bob sang', 'x'), kind('Ann left', 'y')])) == [['y'], ['x']]


def test_of_equal_texts_the_first_prediction_is_for_the_first():
    found = aligned([ANN, BOB, ANN], [kind('Ann left', c) for c in 'xy'])
    assert types(found) == [['x'], [], ['y']]
    assert found.missing == [1]


def test_images_tell_equal_texts_apart():
    gold = [annotated('Ann left', image_id=f'{i}.jpg') for i in range(3)]
    found = aligned(gold, [
        kind('Ann left', 'none'),
        kind('Ann left', 'last', image_id='2.jpg'),
        kind('Ann left', 'first', image_id='0.jpg')
    ])
    assert types(found) == [['first'], ['none'], ['last']]


def test_missing_texts_count_as_nothing_and_are_said():
    found = aligned([IN_OSLO, BOB], [BOB])
    assert found.found[0].entities == () and found.missing == [0]
    note, = found.notes
    assert note.startswith('1 of 2 texts have no prediction, and count as texts in '
                           'which nothing was found') and 'Ann is in Oslo' in note


@pytest.mark.parametrize('extra, reason', [
    (kind('Ann is in Rome', 'x', image_id='1.jpg'), "goes on with 'Rome' after 7 "
     "characters, and the given one 'Ann is in Oslo' with 'Oslo'"),
    (kind('Ann is in Oslo', 'x', image_id='2.jpg'), "has the image '2.jpg', and the "
     "given one 'Ann is in Oslo' '1.jpg'"),
    (kind('Eve', 'x', image_id='2.jpg', place='a.jsonl:7'), "a.jsonl:7: the text 'Eve' "
     "is like none of them"),
])
def test_further_texts_are_left_out_with_a_reason(extra, reason):
    found = aligned([IN_OSLO, BOB], [extra, BOB])
    assert [text.text for text in found.extra] == [extra.text]
    assert types(found) == [[], ['per']]
    note = found.notes[1]
    assert note.startswith('1 of 2 predicted texts are none of the given ones')
    assert note.endswith(reason), note


def test_no_text_in_common_is_an_error():
    with pytest.raises(
            ValueError, match=r'None of the 1 predicted texts is one of the '
            r"2 given ones: the text 'Eve'"):
        aligned([ANN, BOB], [annotated('Eve')])
    with pytest.raises(ValueError, match='There are no predicted texts'):
        aligned([ANN], [])
    with pytest.raises(ValueError, match='There are no given texts'):
        aligned([], [ANN])


def test_a_text_that_is_predicted_too_often_is_an_error():
    texts = [kind('Ann left', 'x', place=f'a.jsonl:{i}') for i in (1, 2, 3)]
    with pytest.raises(
            ValueError, match=r"^a.jsonl:3: the text 'Ann left' is predicted "
            r'more often than it is given \(2\), the first time in '
            r'a.jsonl:1: leave one out$'):
        aligned([ANN, ANN], texts)


def test_marks_that_there_is_no_direction_are_said():
    from dataclasses import replace
    r, = IN_OSLO.relations
    marked = replace(IN_OSLO, relations=(replace(r, directed=False), ))
    assert aligned([IN_OSLO], [
        marked
    ]).notes[0].startswith('1 predicted relations are marked as having no direction')
