import json
import re

import pytest

from eega_pyg.datasets import read_jsonl, read_mnre, survey
from eega_pyg.formats import read_texts, write_texts
from eega_pyg.schema import (
    JMERE_TAGS,
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    TagSet,
)

TAGS = TagSet(('org', 'per', 'place'), ('member_of', ))
ANN = {
    'text':
    'Ann Lee joins Acme in Oslo',
    'entities': [{
        'start': 0,
        'end': 7,
        'type': 'per'
    }, {
        'start': 14,
        'end': 18,
        'type': 'org'
    }],
    'relations': [{
        'head': 0,
        'tail': 1,
        'type': 'member_of'
    }],
}
OSLO = {
    'words': ['Oslo', 'sleeps'],
    'entities': [{
        'start': 0,
        'end': 1,
        'type': 'place'
    }]
}
NONE = {'text': 'nothing at all'}


def words(text):
    found = list(re.finditer(r'\S+', text))
    return [m.group() for m in found], [m.span() for m in found]


@pytest.fixture
def write(tmp_path):
    def write(*values):
        path = tmp_path / 'train.jsonl'
        path.write_text('\n'.join(v if isinstance(v, str) else json.dumps(v)
                                  for v in values))
        return path

    return write


def test_texts_become_sentences_with_spans_of_words(write):
    ann, oslo, none = read_jsonl(write(ANN, OSLO, NONE), TAGS, words)
    assert ann.words == ('Ann', 'Lee', 'joins', 'Acme', 'in', 'Oslo')
    head, tail = Entity(0, 2, 'per'), Entity(3, 4, 'org')
    assert ann.quintuples == (Quintuple(head, tail, 'member_of'), )
    assert ann.annotation == Annotation((head, tail))
    assert (oslo.words, oslo.text) == (('Oslo', 'sleeps'), 'Oslo sleeps')
    assert oslo.annotation == Annotation((Entity(0, 1, 'place'), ))
    assert none.quintuples == none.annotation.entities == ()


def test_a_file_without_lone_entities_is_about_related_ones(write):
    first, second = read_jsonl(write(ANN, NONE), TAGS, words)
    assert first.annotation == second.annotation == Annotation()
    assert survey(write(ANN, NONE)).entities == 'related'


def test_lone_entities_of_related_ones_are_left_open(write):
    _, oslo = read_jsonl(write(ANN, OSLO), TAGS, words, 'related')
    assert oslo.annotation == Annotation(blocks=(Block((0, 1), (0, 1), UNKNOWN), ))


def test_of_a_further_set_what_it_never_uses_is_not_annotated(write):
    records = read_jsonl(write(OSLO, NONE), TAGS, words, partial=True)
    for record in records:
        assert record.annotation.rest == UNSTATED
        assert record.annotation.tags == {'place'}


def test_a_survey_counts_what_there_is(write):
    found = survey(write(ANN, OSLO, NONE, ANN))
    assert found.tags == TAGS
    assert (found.entities, found.texts, found.alone) == ('all', 4, 1)
    assert found.types == {'org': 2, 'per': 2, 'place': 1}
    assert found.relations == {'member_of': 2}


def test_what_a_line_says_of_its_image_is_kept(write, tmp_path):
    graph = SceneGraph((SceneObject('cup'), ))
    path = write({
        **ANN, 'caption': 'a cup'
    }, {
        **ANN, 'scene_graph': graph.to_dict()
    }, {
        **ANN, 'image': 'pictures/7.jpg'
    }, {
        **ANN, 'image_id': '8.jpg'
    }, {
        **ANN, 'scene_graph': SceneGraph().to_dict()
    })
    caption, scene, image, name, empty = read_jsonl(path, TAGS, words)
    assert caption.seen == (None, 'a cup', '')
    assert scene.seen == (graph, '', '')
    assert image.seen == (None, '', str(tmp_path / 'pictures/7.jpg'))
    # Images are told apart by their names, so what has none is called by its line.
    assert [r.image_id for r in (caption, scene, image, name, empty)
            ] == ['train.jsonl:1', 'train.jsonl:2', '7.jpg', '8.jpg', '']
    assert empty.seen == (None, '', '')


def test_boxes_are_of_entities(write):
    box = [0.1, 0.2, 0.5, 0.9]
    first = {**ANN['entities'][0], 'box': box}
    with_box = {**ANN, 'entities': [first, ANN['entities'][1]]}
    one, none = read_jsonl(write(with_box, NONE), TAGS, words)
    assert one.boxes == (((0, 2), tuple(box)), )
    assert none.boxes == ()  # In a file with boxes, it has none.
    assert read_jsonl(write(ANN), TAGS, words)[0].boxes is None


def test_texts_without_a_word_are_counted(write):
    with pytest.warns(UserWarning, match='Left out: 1 texts of .* have no word'):
        assert len(read_jsonl(write(ANN, {'text': ' '}), TAGS, words)) == 1


def changed(**fields):
    return {**ANN, **fields}


def entities(*spans):
    return [{'start': a, 'end': z, 'type': kind} for a, z, kind in spans]


CUTS = changed(entities=entities((0, 5, 'per')), relations=[])


@pytest.mark.parametrize('value, message', [
    (changed(entities=entities((0, 7, 'dog')), relations=[]),
     r"entities\[0\]: unknown type 'dog' \(known: org, per, place\)"),
    (changed(relations=[{
        'head': 0,
        'tail': 1,
        'type': 'likes'
    }]), r"relations\[0\]: unknown relation 'likes' \(known: member_of\)"),
    (CUTS, r"'Ann Lee joins Acme in Oslo': the span \[0, 5\) \('Ann L'\) cuts the word "
     r"'Lee': .*data.widen=true"),
    (changed(entities=entities((0, 7, 'per'), (4, 7, 'per')), relations=[]),
     r"the entities 'Ann Lee' \[0, 7\) and 'Lee' \[4, 7\) overlap"),
    ('{"text": "Ann', 'not valid JSON'),
    ({
        'txet': 'Ann'
    }, "missing 'text'"),
])
def test_what_is_wrong_is_named_with_its_line(write, value, message):
    with pytest.raises(ValueError, match=f'train.jsonl:2: {message}'):
        read_jsonl(write(ANN, value), TAGS, words)


def test_entities_that_cut_words_can_be_widened(write):
    record, = read_jsonl(write(CUTS), TAGS, words, widen=True)
    assert record.annotation.entities == (Entity(0, 2, 'per'), )
    two = changed(entities=entities((0, 5, 'per'), (5, 7, 'per')), relations=[])
    with pytest.raises(ValueError, match='train.jsonl:1: .*is an entity twice|overlap'):
        read_jsonl(write(two), TAGS, words, widen=True)


@pytest.mark.parametrize('values, message', [
    ([], 'train.jsonl: holds no entity in 0 texts'),
    ([NONE], 'train.jsonl: holds no entity in 1 texts'),
    ([changed(relations=[{
        'head': 0,
        'tail': 1,
        'type': 'per'
    }])], r"train.jsonl: Repeated names in a TagSet: \['per'\]"),
])
def test_a_file_from_which_nothing_can_be_learned_is_refused(write, values, message):
    with pytest.raises(ValueError, match=message):
        survey(write(*values))


def test_a_file_without_a_text_is_refused(write):
    with pytest.raises(ValueError, match='train.jsonl: holds no text'):
        read_jsonl(write(), TAGS, words)


def test_the_real_sentences_come_back_from_json_lines(shared_data, tmp_path):
    source = shared_data / 'mnre' / 'mnre_val.txt'
    texts = [t for t in read_texts(source, overlapping=True) if not t.overlapping()]
    assert write_texts(texts, tmp_path / 'val.jsonl') == {}
    found = read_jsonl(tmp_path / 'val.jsonl', JMERE_TAGS, None)  # No text needs it.
    given = {(r.words, r.image_id, frozenset(r.quintuples))
             for r in read_mnre(source, JMERE_TAGS)}
    assert len(found) == 495  # Of 496, in one of which two entities overlap.
    for r in found:
        assert (r.words, r.image_id, frozenset(r.quintuples)) in given
        assert r.annotation == Annotation()
