import csv
import io
import json
from collections import Counter
from xml.etree import ElementTree

import pytest

from eega_pyg.extraction.certainty import rated
from eega_pyg.extraction.found import Grounding
from eega_pyg.extraction.result import Result
from eega_pyg.extraction.result_file import write_results
from eega_pyg.extraction.result_formats import write_values
from eega_pyg.formats import read_texts
from eega_pyg.schema import Entity, Quintuple, SceneGraph, SceneObject, TagSet
from eega_pyg.tagging import Extraction

ANN, ROME, MAY = (Entity(0, 1, 'per', 0.75), Entity(2, 3, 'loc',
                                                    0.5), Entity(4, 5, 'misc', 0.25))
WORDS = ((0, 3), (4, 6), (7, 11), (12, 14), (15, 18))
TAGS = TagSet(('per', 'loc', 'misc'), ('lives_in', 'of'))
NAMES = ['id', 'text', 'user']


@pytest.fixture
def values():
    return [
        Result('Ann, of Rome', ((0, 3), (3, 7), (8, 12)),
               Extraction([ANN, ROME], [Quintuple(ANN, ROME, 'lives_in', 0.4)]),
               SceneGraph(), image_id='1.jpg', metadata={
                   'id': 7,
                   'text': '=x'
               }).to_dict(),
        Result('Ann of Rome in May', WORDS,
               Extraction([ANN, ROME, MAY], [Quintuple(ROME, ANN, 'of', 0.4)]),
               SceneGraph(), metadata={
                   'user': {
                       'a': 'é'
                   }
               }).to_dict(),
        Result('nothing\nhere', ((0, 7), (8, 12)), Extraction([], []),
               SceneGraph()).to_dict(),
    ]


def written(values, form):
    file = io.StringIO()
    write_values(map(rated, values), file, form, NAMES)
    return file.getvalue()


@pytest.mark.parametrize('form, dialect', [('csv', 'excel'), ('tsv', 'excel-tab')])
def test_a_table_has_a_row_a_relation_and_one_for_each_other_entity(
        values, form, dialect):
    rows = list(csv.DictReader(io.StringIO(written(values, form)), dialect=dialect))
    found = [(r['text_number'], r['head'], r['relation'], r['tail'], r['probability'])
             for r in rows]
    assert found == [
        ('1', 'Ann', 'lives_in', 'Rome', '0.4000'),
        ('2', 'Rome', 'of', 'Ann', '0.4000'),
        ('2', 'May', '', '', '0.2500'),
        ('3', '', '', '', ''),
    ]
    assert rows[0]['text'] == 'Ann, of Rome' and rows[0]['image_id'] == '1.jpg'
    assert rows[3]['text'] == 'nothing\nhere'
    assert (rows[1]['head_type'], rows[1]['tail_type']) == ('loc', 'per')
    assert rows[1]['text'][int(rows[1]['tail_start']):int(rows[1]['tail_end'])] == 'Ann'


def test_a_name_over_the_end_of_a_line_is_the_same_name():
    words = ((0, 3), (6, 9), (10, 15))
    lee = Entity(0, 2, 'per', 0.75)
    value = Result('Ann \r\nLee sings', words, Extraction([lee], []), SceneGraph())
    file = io.StringIO()
    write_values([(value.to_dict(), 0.0)], file, 'csv', [])
    row, = csv.DictReader(io.StringIO(file.getvalue()))
    assert (row['head'], row['text']) == ('Ann Lee', 'Ann \r\nLee sings')


def test_a_text_keeps_the_number_that_it_was_read_with(values):
    file = io.StringIO()
    write_values(map(rated, values[::-1]), file, 'csv', (), [3, 2, 1])
    numbers = [r['text_number'] for r in csv.DictReader(io.StringIO(file.getvalue()))]
    assert list(dict.fromkeys(numbers)) == ['3', '2', '1']


@pytest.mark.parametrize('form, dialect', [('csv', 'excel'), ('tsv', 'excel-tab')])
@pytest.mark.parametrize('text', ['Ann\rof Rome', 'Ann\r\nof', '\r', 'a"b\r'])
def test_a_text_with_a_carriage_return_is_one_row(form, dialect, text):
    value = Result(text, (), Extraction([], []), SceneGraph()).to_dict()
    file = io.StringIO(written([value, value], form), newline='')
    assert [r['text'] for r in csv.DictReader(file, dialect=dialect)] == [text, text]


def test_metadata_has_columns_of_its_own(values):
    rows = list(csv.DictReader(io.StringIO(written(values, 'csv'))))
    assert [(r['id'], r['metadata_text'], r['user'])
            for r in rows] == [('7', '=x', ''), ('', '', '{"a": "é"}'),
                               ('', '', '{"a": "é"}'), ('', '', '')]


def test_json_is_a_list_and_json_lines_are_lines(values):
    assert json.loads(written(values, 'json')) == values
    assert json.loads(written([], 'json')) == []
    lines = written(values, 'jsonl').splitlines()
    assert [json.loads(line) for line in lines] == values
    assert lines[0].startswith(
        '{"text": "Ann, of Rome", "image_id": "1.jpg", "metadata"')


def test_files_are_utf_8_and_csv_says_so(values, tmp_path):
    for form in ('jsonl', 'json', 'csv', 'tsv'):
        write_results(tmp_path / form, [rated(v) for v in values], form, TAGS)
        content = (tmp_path / form).read_bytes()
        assert content.startswith(b'\xef\xbb\xbf') is (form == 'csv')
        assert 'é' in content.decode()


def test_half_a_surrogate_pair_is_replaced_before_it_is_written(tmp_path):
    result = Result('Ann', ((0, 3), ), Extraction([ANN], []), SceneGraph(),
                    metadata={'x': 'a\ud800b'})
    assert json.loads(result.to_json())['metadata'] == {'x': 'a?b'}
    for form in ('jsonl', 'csv'):
        write_results(tmp_path / form, [rated(result.to_dict())], form, TAGS)
        assert 'a?b' in (tmp_path / form).read_text(encoding='utf-8')


def test_tasks_are_read_as_what_was_found(values, tmp_path):
    path = tmp_path / 'tasks.json'
    write_results(path, [rated(v) for v in values], 'label-studio', TAGS)
    texts = list(read_texts(path))
    assert [[(e.start, e.end, e.type, e.probability) for e in t.entities]
            for t in texts] == [[(e['start'], e['end'], e['type'], e['probability'])
                                 for e in v['entities']] for v in values]
    assert [(r.head, r.tail, r.type, r.probability) for t in texts
            for r in t.relations] == [(0, 1, 'lives_in', 0.4), (1, 0, 'of', 0.4)]
    assert [t.metadata for t in texts] == [v.get('metadata', {}) for v in values]
    tasks = json.loads(path.read_text(encoding='utf-8'))
    assert [p['score'] for t in tasks for p in t['predictions']] == [0.4, 0.25, 1.0]
    # All that the model knows can be chosen, and no image is asked for.
    config = ElementTree.parse(tmp_path / 'tasks.config.xml')
    assert [x.get('value') for x in config.iter('Label')] == list(TAGS.types)
    assert [x.get('value') for x in config.iter('Relation')] == list(TAGS.relations)
    assert config.find('Image') is None


def test_a_task_shows_the_image(values, tmp_path):
    result = Result('Ann', ((0, 3), ), Extraction([ANN], []), SceneGraph(),
                    image='images/7.jpg')
    write_results(tmp_path / 'tasks.json', [rated(result.to_dict())], 'label-studio',
                  TAGS)
    task, = json.loads((tmp_path / 'tasks.json').read_text())
    assert task['data']['image'] == '/data/local-files/?d=images/7.jpg'
    assert [t.image for t in read_texts(tmp_path / 'tasks.json')] == ['images/7.jpg']
    config = ElementTree.parse(tmp_path / 'tasks.config.xml')
    assert config.find('Image').get('value') == '$image'


@pytest.fixture
def boxed():
    graph = SceneGraph((SceneObject('woman', box=(0.25, 0, 0.5, 1 / 3)), ))
    return Result(
        'Ann, of Rome', ((0, 3), (3, 7), (8, 12)),
        Extraction([ANN, ROME], [Quintuple(ROME, ANN, 'of', 0.4)]), graph, groundings={
            ANN: Grounding(0, 0.75, graph.objects[0].box),
            ROME: Grounding(None, 0.5)
        }).to_dict()


def test_a_table_has_the_boxes_of_head_and_tail(boxed):
    row, = csv.DictReader(io.StringIO(written([boxed], 'csv')))
    assert (row['head_box'], row['tail_box']) == ('', '0.2500 0.0000 0.5000 0.3333')
    del boxed['quintuples'][:]
    rows = csv.DictReader(io.StringIO(written([boxed], 'csv')))
    assert [r['head_box'] for r in rows] == ['0.2500 0.0000 0.5000 0.3333', '']


def test_a_task_has_the_boxes(boxed, tmp_path):
    path = tmp_path / 'tasks.json'
    write_results(path, [rated(boxed)], 'label-studio', TAGS)
    text, = read_texts(path)
    assert text.entities[0].box == pytest.approx((0.25, 0, 0.5, 1 / 3))
    assert text.entities[1].box is None
    config = ElementTree.parse(tmp_path / 'tasks.config.xml')
    assert config.find('Image').get('value') == '$image'


def test_json_lines_are_read_with_their_boxes(boxed, tmp_path):
    path = tmp_path / 'found.jsonl'
    write_results(path, [rated(boxed)], 'jsonl', TAGS)
    left_out = Counter()
    text, = read_texts(path, left_out=left_out)
    assert [e.box for e in text.entities] == [(0.25, 0, 0.5, 1 / 3), None]
    assert left_out == {'scores of the boxes of entities': 2}
