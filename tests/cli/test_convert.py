import json

import pytest

from eega_pyg.cli.convert import FormatName
from eega_pyg.formats import FORMATS, read_texts

LINE = {
    'text':
    'Ann met Acme.',
    'entities': [{
        'start': 0,
        'end': 3,
        'type': 'per'
    }, {
        'start': 8,
        'end': 12,
        'type': 'org'
    }],
    'relations': [{
        'head': 0,
        'tail': 1,
        'type': 'leads'
    }],
    'image_id':
    '7.jpg'
}


@pytest.fixture
def own(tmp_path):
    path = tmp_path / 'own.jsonl'
    path.write_text(json.dumps(LINE) + '\n')
    return path


def test_every_format_has_its_name():
    assert [name.value for name in FormatName] == list(FORMATS)


@pytest.mark.parametrize('form', FORMATS)
def test_texts_go_there_and_back(eega, own, tmp_path, form, offline_models):
    code, _, err = eega('convert', own, tmp_path / 'out', '--to', form)
    assert code == 0 and '1 texts read' in err, err
    code, _, err = eega('convert', tmp_path / 'out', tmp_path / 'back.jsonl')
    assert code == 0, err
    before, = read_texts(own)
    after, = read_texts(tmp_path / 'back.jsonl')
    assert [before.text[e.start:e.end] for e in before.entities
            ] == [after.text[e.start:e.end] for e in after.entities]
    if 'relations' in FORMATS[form].holds:
        assert before.relations == after.relations


def test_what_a_format_cannot_hold_is_told(eega, own, tmp_path, offline_models):
    code, out, err = eega('convert', own, tmp_path / 'a.conll', '--quiet')
    assert code == 0 and out == ''
    assert err == ('warning: left out: 1 texts whose words are not joined by one blank '
                   'each, 1 relations\n')


def test_a_cut_word_is_one_line_and_writes_nothing(eega, tmp_path, offline_models):
    cut = {**LINE, 'entities': [{'start': 0, 'end': 2, 'type': 'per'}], 'relations': []}
    path = tmp_path / 'own.jsonl'
    path.write_text(json.dumps({'text': ''}) + '\n' + json.dumps(cut) + '\n')
    target = tmp_path / 'a.conll'
    code, _, err = eega('convert', path, target)
    assert code == 1 and err == (
        f"error: {path}:2: 'Ann met Acme.': the span [0, 2) ('An') cuts the word "
        f"'Ann': correct it, or widen all to whole words (--widen; of a data set, "
        f"--set data.widen=true)\n")
    assert list(tmp_path.iterdir()) == [path]
    code, _, err = eega('convert', path, target, '--widen')
    assert code == 0 and '1 ends of entities within a word (widened)' in err
    assert 'Ann\tB-per\n' in target.read_text()


@pytest.mark.parametrize('content, options, message', [
    ('what is this', (), 'looks like none of the known formats: name'),
    ('', ('--from', 'jsonl'), 'holds no text'),
    ('', (), 'holds no text'),
    ('[ ]\n', (), 'holds no text'),
    ('{"text": "Ann"}', ('--to', 'mnre'),
     "'mnre' holds nothing of the texts (left out: 1 texts without a relation)"),
    ('{"text": "Ann"', ('--from', 'jsonl'), 'own:1: not valid JSON'),
    ('[\n{"text": "Ann"},\n{"text": 3}\n]', (), 'own: text 1: text: expected'),
    ('[{"id": 1, "annotation_id": 2, "lead_time": 3, "text": "Ann", "label": []}]',
     (), 'JSON-MIN'),
    ('[{"id": 1, "data": {"text": "Ann"}, "annotations": []}]',
     (), 'holds no text to learn from (left out: 1 '),
])
def test_what_cannot_be_converted_is_one_line(eega, tmp_path, content, options, message,
                                              offline_models):
    path, target = tmp_path / 'own', tmp_path / 'out.jsonl'
    path.write_text(content)
    code, _, err = eega('convert', path, target, *options)
    assert code == 1 and err.count('\n') == 1 and message in err
    assert list(tmp_path.iterdir()) == [path]


def test_a_list_that_extract_writes_is_read(eega, trained, tmp_path, offline_models):
    found, target = tmp_path / 'found.json', tmp_path / 'found.jsonl'
    code, _, err = eega('extract', 'Marco Bellini joins Harbor City FC', '-m', trained,
                        '-o', found)
    assert code == 0, err
    code, _, err = eega('convert', found, target)
    assert code == 0, err
    assert json.loads(target.read_text())['text'].startswith('Marco')


def test_no_file_is_written_over_what_is_read(eega, own, tmp_path):
    code, _, err = eega('convert', own, own)
    assert code == 1 and 'is the file that is read' in err
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'a').touch()
    code, _, err = eega('convert', own, tmp_path / 'full', '--to', 'brat')
    assert code == 1 and 'is not an empty folder: name a new one' in err
    code, _, err = eega('convert', own, tmp_path / 'new.json')
    assert code == 1 and 'may be of several formats' in err


def test_label_studio_gets_the_configuration_of_its_page(eega, own, tmp_path):
    code, _, err = eega('convert', own, tmp_path / 'tasks.json', '--to', 'label-studio')
    assert code == 0 and f"Wrote {tmp_path / 'tasks.config.xml'}" in err
    assert '"leads"' in (tmp_path / 'tasks.config.xml').read_text()
    # A stream has nothing beside it.
    code, _, err = eega('convert', own, '/dev/null', '--to', 'label-studio')
    assert code == 0 and 'config' not in err
