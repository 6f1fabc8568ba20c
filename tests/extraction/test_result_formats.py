import csv
import io
import json

import pytest

from eega_pyg.extraction.result import Result
from eega_pyg.extraction.result_file import write_results
from eega_pyg.extraction.result_formats import write_values
from eega_pyg.schema import Entity, Quintuple, SceneGraph
from eega_pyg.tagging import Extraction

ANN, ROME, MAY = (Entity(0, 1, 'per', 0.75), Entity(2, 3, 'loc',
                                                    0.5), Entity(4, 5, 'misc', 0.25))
WORDS = ((0, 3), (4, 6), (7, 11), (12, 14), (15, 18))
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
    write_values(values, file, form, NAMES)
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
        write_results(tmp_path / form, values, form)
        content = (tmp_path / form).read_bytes()
        assert content.startswith(b'\xef\xbb\xbf') is (form == 'csv')
        assert 'é' in content.decode()


def test_half_a_surrogate_pair_is_replaced_before_it_is_written(tmp_path):
    result = Result('Ann', ((0, 3), ), Extraction([ANN], []), SceneGraph(),
                    metadata={'x': 'a\ud800b'})
    assert json.loads(result.to_json())['metadata'] == {'x': 'a?b'}
    for form in ('jsonl', 'csv'):
        write_results(tmp_path / form, [result.to_dict()], form)
        assert 'a?b' in (tmp_path / form).read_text(encoding='utf-8')
