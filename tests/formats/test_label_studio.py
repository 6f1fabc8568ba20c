r"""What Label Studio exports, and what it is given."""
import copy
import json
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.formats import (
    AnnotatedEntity,
    AnnotatedRelation,
    AnnotatedText,
    labelling_config,
    read_texts,
    write_texts,
)


def mark(key, start, end, text, *labels, **fields):
    return {
        'id': key,
        'type': 'labels',
        'from_name': 'label',
        'to_name': 'text',
        'origin': 'manual',
        'value': {
            'start': start,
            'end': end,
            'text': text,
            'labels': list(labels)
        },
        **fields
    }


def box(key, x, y, width, height, **value):
    return {
        'id': key,
        'type': 'rectanglelabels',
        'from_name': 'box',
        'to_name': 'image',
        'value': {
            'x': x,
            'y': y,
            'width': width,
            'height': height,
            'rectanglelabels': ['per'],
            **value
        }
    }


def join(start, end, *labels, direction='right', **fields):
    return {
        'from_id': start,
        'to_id': end,
        'type': 'relation',
        'direction': direction,
        'labels': list(labels),
        **fields
    }


TEXT = 'Ann 😀 met Bo\r\nin 👩‍🔬 Oslo'
#: As a page of version 1.23 has saved it: 'met Bo' up to 'in' was marked with the
#: mouse, the score was of the prediction.
RESULT = [
    mark('e0', 0, 3, 'Ann', 'per', score=0.75),
    mark('HWFnWX6Mo5', 21, 25, 'Oslo', 'loc'),
    mark('eRY9Vskaaf', 6, 16, 'met Bo\\n\\nin', 'misc'),
    join('e0', 'HWFnWX6Mo5', 'visits')
]
TASK = {
    'id':
    17,
    'annotations': [{
        'id': 1,
        'result': RESULT,
        'was_cancelled': False,
        'ground_truth': False,
        'updated_at': '2026-11-27T18:50:18.671697Z'
    }],
    'drafts': [],
    'predictions': [1],
    'data': {
        'text': TEXT,
        'image': ''
    },
    'meta': {},
    'created_at':
    '2026-11-27T18:50:18.081063Z',
    'inner_id':
    1
}
OWN = {'tasks with numbers and dates of Label Studio': 1}


def _places(value, path=()):
    r"""The paths of keys and positions to all parts of a value."""
    parts = value.items() if isinstance(
        value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from _places(part, (*path, key))


@pytest.fixture
def read(tmp_path):
    def read(*tasks, **options):
        path = tmp_path / 'export.json'
        path.write_text(json.dumps(tasks))
        left_out = Counter()
        texts = list(read_texts(path, left_out=left_out, **options))
        return texts, +left_out

    return read


def exported(*results, **data):
    task = copy.deepcopy(TASK)
    task['annotations'][0]['result'] = list(results)
    task['data'].update(data)
    return task


def test_offsets_count_characters_and_ends_of_lines_are_written_out(read):
    (text, ), left_out = read(TASK)
    assert text == AnnotatedText(TEXT, (AnnotatedEntity(
        0, 3, 'per'), AnnotatedEntity(21, 25, 'loc'), AnnotatedEntity(6, 16, 'misc')),
                                 (AnnotatedRelation(0, 1, 'visits'), ))
    assert text.place.endswith('export.json: task 0 (id 17)')
    assert left_out == {**OWN, 'scores of predictions': 1}


def test_the_last_annotation_counts_or_the_ground_truth(read):
    def annotation(kind, updated, **fields):
        return {
            'result': [mark('a', 0, 3, 'Ann', kind)],
            'updated_at': f'2026-11-27T{updated}Z',
            **fields
        }

    given = [
        annotation('a', '10:00:00'),
        annotation('b', '12:00:00'),
        annotation('c', '11:00:00'),
        annotation('d', '13:00:00', was_cancelled=True)
    ]
    (text, ), left_out = read({**TASK, 'annotations': given})
    assert text.entities[0].type == 'b'
    assert left_out == {
        **OWN, 'further annotations of a task': 2,
        'annotations that were cancelled': 1
    }
    given[0]['ground_truth'] = True
    (text, ), _ = read({**TASK, 'annotations': given})
    assert text.entities[0].type == 'a'


def test_a_task_that_nobody_has_annotated_is_no_text_without_entities(read):
    empty = {**TASK, 'annotations': [{'result': []}]}
    texts, left_out = read(
        {
            **TASK, 'annotations': [],
            'predictions': [{
                'result': RESULT
            }]
        }, empty)
    assert texts == [AnnotatedText(TEXT)]
    assert left_out['tasks that nobody has annotated'] == 1


def test_of_a_task_to_be_imported_the_last_prediction_counts(read):
    task = {
        'data':
        TASK['data'],
        'predictions': [{
            'result': []
        }, {
            'result': [*RESULT[:2], {
                **RESULT[3], 'score': 0.5
            }]
        }]
    }
    (text, ), left_out = read(task)
    assert [e.probability for e in text.entities] == [0.75, None]
    assert text.relations == (AnnotatedRelation(0, 1, 'visits', 0.5), )
    assert left_out == {'earlier predictions of a task': 1}


def test_directions(read):
    marks = mark('a', 0, 3, 'Ann', 'x'), mark('b', 10, 12, 'Bo', 'x')
    (text, ), _ = read(
        exported(*marks, join('a', 'b', 'r', 's'), join('a', 'b', 'r',
                                                        direction='left'),
                 join('a', 'b', 't', direction='bi')))
    assert text.relations == (AnnotatedRelation(0, 1,
                                                'r'), AnnotatedRelation(0, 1, 's'),
                              AnnotatedRelation(1, 0, 'r'),
                              AnnotatedRelation(0, 1, 't', None, False))


def test_a_region_of_the_image_is_the_box_of_what_it_is_joined_to(read):
    (text, ), left_out = read(
        exported(mark('a', 0, 3, 'Ann', 'per'), mark('b', 10, 12, 'Bo', 'per'),
                 box('p', 25, 50, 50, 25), box('q', -1, 90, 20, 20),
                 box('r', 0, 0, 1, 1), join('a', 'p'), join('q', 'b', 'seen'),
                 join('a', 'q'), join('p', 'q', 'next to')))
    assert [e.box for e in text.entities] == [(0.25, 0.5, 0.75, 0.75),
                                              (0.0, 0.9, 0.19, 1.0)]
    assert left_out == {
        **OWN, 'image regions of no entity': 1,
        'further boxes of an entity': 1,
        'relations between image regions': 1,
        'labels between a text and an image region': 1
    }


def test_what_no_entity_or_relation_is_made_of_is_counted(read):
    texts, left_out = read({
        **exported(
            mark('a', 0, 3, 'Ann', 'per', meta={'text': ['sure?']}),
            mark('b', 10, 12, 'Bo'), join('a', 'b', 'x'), mark(
                'c', 10, 12, 'Bo', 'per'), join('a', 'c'),
            box('d', 0, 0, 1, 1, rotation=30), join('a', 'd'), {
                'id': 'e',
                'type': 'choices',
                'from_name': 'mood',
                'to_name': 'text',
                'value': {
                    'choices': ['good']
                }
            }), 'drafts': [{}],
        'meta': {
            'batch': 1
        }
    })
    assert texts[0].relations == () and len(texts[0].entities) == 2
    assert left_out == {
        **OWN, 'tasks with drafts': 1,
        "tasks with a 'meta'": 1,
        'notes on regions': 1,
        'regions without a label': 1,
        'relations of regions that are not read': 1,
        'relations without a label': 1,
        'boxes that are turned': 1,
        'results of another kind (choices)': 1
    }


@pytest.mark.parametrize('first', [True, False])
def test_what_is_said_of_a_region_has_its_id(read, first):
    region, certain = mark('a', 0, 3, 'Ann', 'per'), {
        'id': 'a', 'type': 'choices', 'from_name': 'certain', 'to_name': 'text',
        'value': {'start': 0, 'end': 3, 'choices': ['yes']}
    }  # yapf: disable
    both = (certain, region) if first else (region, certain)
    (text, ), left_out = read(
        exported(*both, mark('b', 7, 10, 'Bob', 'per'), join('a', 'b', 'x'),
                 text='Ann is Bob'))
    assert [e.start for e in text.entities] == [0, 7] and len(text.relations) == 1
    assert left_out['results of another kind (choices)'] == 1


def test_the_text_may_have_another_name_and_all_else_is_kept(read):
    task = exported(RESULT[0], author='Bo')
    task['data'] = {'tweet': TEXT, 'likes': 3}
    (text, ), _ = read(task)
    assert text.text == TEXT and text.metadata == {'likes': 3}


def test_words_are_kept_unless_an_entity_cuts_one(read):
    words = ['Ann', '😀', 'met', 'Bo', 'in', '👩‍🔬', 'Oslo']
    (text, ), _ = read(exported(RESULT[0], words=words))
    assert text.words == tuple(words)
    (text, ), left_out = read(exported(mark('a', 0, 2, 'An', 'per'), words=words))
    assert text.words is None
    assert left_out == {**OWN, 'words of texts in which an entity cuts one': 1}


@pytest.mark.parametrize('image, url', [
    ('ü 1/a.jpg', '/data/local-files/?d=%C3%BC%201/a.jpg'),
    ('/home/a%20.jpg', '/data/local-files/?d=/home/a%2520.jpg'),
    ('https://x.org/a.jpg', 'https://x.org/a.jpg'),
    ('/data/upload/3/a.jpg', '/data/upload/3/a.jpg'),
    ('', ''),
])
def test_paths_of_images_are_those_of_local_files(tmp_path, image, url):
    path = tmp_path / 'tasks.json'
    write_texts([AnnotatedText('Ann', image=image)], path, 'label-studio')
    assert json.loads(path.read_text())[0]['data']['image'] == url
    assert [t.image for t in read_texts(path)] == [image]


@pytest.mark.parametrize('task, message', [
    ({
        'id': 1,
        'text': 'Ann',
        'label': [{
            'start': 0,
            'end': 3,
            'labels': ['per']
        }]
    }, "task 0: missing 'data' .in the format JSON-MIN, .* export as JSON"),
    (exported(mark('a', 5, 8, 'met', 'x'), text='😀 Ann met'),
     r"task 0 \(id 17\): entities\[0\]: at \[5, 8\) stands ' me', not 'met'"),
    (exported(mark('a', 3, 6, 'Ann', 'x'), text='😀 Ann met'),
     'not .Ann.: the offsets seem to count units of UTF-16'),
    (exported(mark('a', 0, 99, 'Ann', 'x')), r"entities\[0\]: at \[0, 99\) stands"),
    (exported(mark('a', 0, 3, None, 'x'), mark('b', 0, 3, None, 'y')),
     r"entities\[1\]: 'Ann' is an entity twice, 'x' and 'y'"),
    (exported(mark('a', 0, 3, 'Ann', 'x',
                   'y')), r'result\[0\]: has the labels x, y: keep one'),
    (exported(RESULT[0], RESULT[0]), r"result\[1\]: the id 'e0' is taken already"),
    (exported({
        **RESULT[0], 'type': 'hypertextlabels'
    }), r'task 0 .*result\[0\]: marks regions of HTML or of a dialogue'),
    (exported(RESULT[0], join('e0', 'e9',
                              'x')), r"result\[1\]: to_id: no region has the id 'e9'"),
    (exported(RESULT[0], join('e0', 'e0', 'x')), r'result\[1\]: .* and itself'),
    (exported(RESULT[0], {
        **RESULT[1], 'to_name': 'title'
    }), r"result\[1\]: marks 'title', and others 'text': only one text"),
    (exported({
        **RESULT[0], 'value': {
            'start': '/p[1]/text()[1]',
            'end': '/p[1]/text()[1]'
        }
    }), r"result\[0\]: value: start: expected a whole number"),
    ({
        **TASK, 'data': {
            'a': 'x',
            'b': 'y'
        }
    }, "data: no field 'text', and not one string alone .fields: a, b.: rename"),
    ({
        **TASK, 'annotations': [{}]
    }, r"annotations\[0\]: missing 'result'"),
])
def test_what_is_wrong_is_one_line(tmp_path, task, message):
    path = tmp_path / 'export.json'
    path.write_text(json.dumps([task]))
    with pytest.raises(ValueError, match=message) as e:
        list(read_texts(path, 'label-studio'))
    assert str(e.value).startswith(str(path)) and '\n' not in str(e.value)


PLACES = [
    *_places([
        exported(*RESULT, box('p', 1, 2, 3, 4), join('e0', 'p'), words=['Ann'],
                 scene_graph={'objects': []})
    ])
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 50) | st.floats() | st.text(max_size=3)
    | st.sampled_from(['e0', 'labels', 'relation', 'rectanglelabels', '\ud800']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(['id', 'type', 'value', 'start', 'data', 'x']), inner, max_size=
        3), max_leaves=5)


@pytest.mark.parametrize('examples', [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_anything_else_in_any_place_is_read_or_named(examples, tmp_path):
    path = tmp_path / 'export.json'

    @settings(max_examples=examples)
    @given(st.sampled_from(PLACES), JUNK)
    def check(place, junk):
        task = exported(*RESULT, box('p', 1, 2, 3, 4), join('e0', 'p'), words=['Ann'],
                        scene_graph={'objects': []})
        inner = whole = [copy.deepcopy(task)]
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = junk
        path.write_text(json.dumps(whole))
        try:
            list(read_texts(path, 'label-studio', overlapping=True))
        except ValueError as e:
            assert str(e).startswith(str(path)) and '\n' not in str(e)

    check()


def test_a_file_that_was_cut_off_writes_nothing(eega, tmp_path):
    path = tmp_path / 'export.json'
    path.write_text(json.dumps([TASK, TASK], indent=1)[:-9])
    code, _, err = eega('convert', path, tmp_path / 'a.jsonl')
    assert code == 1 and 'export.json:' in err and 'not valid JSON' in err
    assert list(tmp_path.iterdir()) == [path]


def test_the_page_has_all_names_and_the_image_where_there_is_one(tmp_path):
    text = AnnotatedText(
        'Ann met Bo', (AnnotatedEntity(0, 3, 'a "b" <c>'), AnnotatedEntity(8, 10, 'é')),
        (AnnotatedRelation(0, 1, 'x & y'), ))
    write_texts([text], tmp_path / 'tasks.json', 'label-studio')
    page = ElementTree.parse(tmp_path / 'tasks.config.xml')
    assert [x.get('value') for x in page.iter('Label')] == ['a "b" <c>', 'é']
    assert [x.get('value') for x in page.iter('Relation')] == ['x & y']
    assert page.find('Image') is None
    assert len({x.get('background') for x in page.iter('Label')}) == 2
    page = ElementTree.fromstring(labelling_config(['a'], [], images=True))
    assert page.find('RectangleLabels').get('toName') == page.find('Image').get('name')


@pytest.mark.parametrize('name', ['$price', 'a\x0bb'])
def test_a_name_that_no_label_can_have_is_named_with_its_text(tmp_path, name):
    text = AnnotatedText('Ann', (AnnotatedEntity(0, 3, name), ), place='own.jsonl:3')
    with pytest.raises(ValueError, match='^own.jsonl:3: .* cannot be a label'):
        write_texts([text], tmp_path / 'tasks.json', 'label-studio')
    assert list(tmp_path.iterdir()) == []


def test_without_an_entity_there_is_no_page(tmp_path):
    write_texts([AnnotatedText('Ann')], tmp_path / 'tasks.json', 'label-studio')
    assert [p.name for p in tmp_path.iterdir()] == ['tasks.json']
    assert json.loads((tmp_path / 'tasks.json').read_text())[0]['predictions'] == []
