import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.formats import (
    AnnotatedEntity,
    AnnotatedRelation,
    AnnotatedText,
    in_words,
    tags_of,
    word_spans,
)
from eega_pyg.formats.offsets import other_units
from eega_pyg.schema import TagSet

ANN, ACME = AnnotatedEntity(0, 3, 'per'), AnnotatedEntity(8, 12, 'org')
TEXT = 'Ann met Acme.'


@pytest.mark.parametrize('fields, message', [
    ({
        'entities': [AnnotatedEntity(8, 14, 'org')]
    }, r'entities\[0\]: the span \[8, 14\) is not inside the text of 13 characters'),
    ({
        'entities': [AnnotatedEntity(3, 4, 'org')]
    }, r'entities\[0\]: the span \[3, 4\) is blank'),
    ({
        'entities': [ANN, AnnotatedEntity(0, 3, 'org')]
    }, r"entities\[1\]: 'Ann' is an entity twice, 'per' and 'org'"),
    ({
        'entities':
        [AnnotatedEntity(0, 3, 'per', 'a'),
         AnnotatedEntity(8, 12, 'org', 'a')]
    }, r"entities\[1\]: the id 'a' is taken already"),
    ({
        'entities': [ANN],
        'relations': [AnnotatedRelation(0, 1, 'leads')]
    }, r'relations\[0\].tail: there is no entity 1 \(the text has 1 entities\)'),
    ({
        'entities': [ANN, ACME],
        'relations':
        [AnnotatedRelation(0, 1, 'leads', 0.5),
         AnnotatedRelation(0, 1, 'leads')]
    }, r"relations\[1\]: 'leads' is stated twice of the entities 0 and 1"),
    ({
        'entities': [AnnotatedEntity(8, 12, 'org')],
        'words': ['Ann', 'met', 'Acme.']
    }, r"the span \[8, 12\) \('Acme'\) is not made of whole words"),
    ({
        'words': ['Ann', 'Acme', '.']
    },
     r"words\[1\]: 'Acme' is not the next word of the text, which goes on with ' met"),
    ({
        'words': ['Ann', 'met']
    }, r"words: the text goes on with ' Acme\.'"),
    ({
        'metadata': {
            'a': (1, 2)
        }
    }, 'metadata: no values of JSON: keys are strings'),
    ({
        'metadata': {
            'a': '\ud800'
        }
    }, 'metadata: no values of JSON: .*surrogates'),
    ({
        'metadata': {
            'a': float('nan')
        }
    }, 'metadata: no values of JSON: .*Out of range'),
])
def test_what_is_wrong_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        AnnotatedText(TEXT, **fields)


def test_a_relation_to_itself_and_an_empty_span_are_refused():
    with pytest.raises(ValueError, match="'leads' is between entity 1 and itself"):
        AnnotatedRelation(1, 1, 'leads')
    with pytest.raises(ValueError, match=r'expected start < end \(got \[3, 3\)\)'):
        AnnotatedEntity(3, 3, 'per')


def split(text):
    r"""The tokenizer of these tests, at blanks alone."""
    words, offsets, end = text.split(), [], 0
    for word in words:
        end = text.index(word, end) + len(word)
        offsets.append((end - len(word), end))
    return words, offsets


def test_an_entity_that_cuts_a_word_is_refused_or_widened():
    text = AnnotatedText(TEXT, (ANN, ACME))
    with pytest.raises(
            ValueError, match=r"^'Ann met Acme\.': the span \[8, 12\) "
            r"\('Acme'\) cuts the word 'Acme\.': correct it, or widen"):
        in_words(text, split)
    whole = in_words(text, split, widen=True)
    assert whole.entities == (ANN, AnnotatedEntity(8, 13, 'org'))
    assert word_spans(whole) == [(0, 1), (2, 3)]


def test_blanks_at_the_ends_of_an_entity_cut_no_word():
    found = in_words(AnnotatedText(' Ann met ', (AnnotatedEntity(0, 5, 'per'), )),
                     split)
    assert found.entities == (AnnotatedEntity(1, 4, 'per'), )


# An emoji is one character, two units of UTF-16 and four bytes of UTF-8.
@pytest.mark.parametrize('spans, unit', [([(3, 6), (11, 14)], 'units of UTF-16'),
                                         ([(5, 8), (13, 16)], 'bytes of UTF-8')])
def test_offsets_of_other_units_are_named(spans, unit):
    text = AnnotatedText('😀 Ann met 1 Bob',
                         tuple(AnnotatedEntity(*s, 'per') for s in ((2, 5), (12, 15))))
    wrong = [AnnotatedEntity(*s, 'per') for s in spans]
    wrong[1] = AnnotatedEntity(wrong[1].start + 2, wrong[1].end + 2, 'per')
    assert other_units(text.text, [(2, 5), (12, 15)]) == ''
    assert unit in other_units(text.text, [(e.start, e.end) for e in wrong])
    with pytest.raises(ValueError, match=f'seem to count {unit}'):
        in_words(AnnotatedText(text.text + ' !!', tuple(wrong)), split)


@given(st.text(st.sampled_from('aé😀 '), min_size=1, max_size=12), st.data())
def test_spans_in_any_unit_are_recognized_by_their_names(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    name = text[start:end]
    for unit, code, size in (('UTF-8', 'utf-8', 1), ('UTF-16', 'utf-16-le', 2)):
        span = tuple(len(text[:i].encode(code)) // size for i in (start, end))
        if text[slice(*span)] != name:
            assert 'seem to count' in other_units(text, [span], [name])


def test_two_entities_that_share_a_character_overlap():
    def of(*spans):
        return AnnotatedText('abcdefghij',
                             tuple(AnnotatedEntity(*s, 'x')
                                   for s in spans)).overlapping()

    assert of((0, 2), (2, 4), (6, 9)) is None
    assert of((5, 6), (0, 9), (1, 2)) is not None
    assert of((6, 9), (0, 2),
              (8, 10)) == (AnnotatedEntity(6, 9, 'x'), AnnotatedEntity(8, 10, 'x'))


def test_types_and_relations_are_those_that_occur():
    text = AnnotatedText(TEXT, (ANN, ACME), (AnnotatedRelation(0, 1, 'met'), ))
    assert tags_of([text]) == TagSet(('org', 'per'), ('met', ))
    with pytest.raises(ValueError, match='no entity, and so no types'):
        tags_of([AnnotatedText(TEXT)])
