import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.result_file import PartialResults
from eega_pyg.formats import read_texts
from eega_pyg.saving import Thresholds, copy_model
from eega_pyg.saving.folder import PIPELINE
from eega_pyg.saving.saved_model import write_scales
from eega_pyg.schema import SceneGraph, SceneObject

TEXT = 'Marco Bellini joins Harbor City FC'


def fails(result, message):
    code, out, err = result
    assert code == 1 and out == ''
    assert err.startswith('error: ') and message in err and err.count('\n') == 1, err


@pytest.fixture(scope='module')
def extractor(trained):
    return Extractor.from_pretrained(trained, 'cpu')


@pytest.mark.slow
def test_entities_are_shown_where_no_relation_was_found(eega, trained, extractor,
                                                        tmp_path):
    entities = extractor.batch([TEXT])[0].entities
    assert entities
    copy_model(trained, tmp_path)
    write_scales(tmp_path / PIPELINE, extractor.saved.scales, Thresholds(1.0, 0.0))
    command = ['extract', TEXT, '-m', tmp_path, '--format']
    code, out, _ = eega(*command, 'table')
    assert code == 0 and '(no relation found)' in out
    assert all(f'{e.text} ' in out and f' {e.type} ' in out for e in entities)
    found = json.loads(eega(*command, 'jsonl')[1])
    assert [e['text'] for e in found['entities']] == [e.text for e in entities]
    rows = list(csv.DictReader(io.StringIO(eega(*command, 'csv')[1])))
    assert [(r['head'], r['relation']) for r in rows] == [(e.text, '')
                                                          for e in entities]


@pytest.mark.slow
def test_a_file_a_folder_and_the_standard_input_are_read(eega, trained, tmp_path,
                                                         monkeypatch):
    (tmp_path / 'a.txt').write_text('Ann is here\n\nBob is there\n')
    monkeypatch.chdir(tmp_path)

    class Input:
        buffer = io.BytesIO(b'Ann is here\nBob is there\n')
        isatty = staticmethod(lambda: False)

    monkeypatch.setattr(sys, 'stdin', Input())
    for args in (['a.txt'], ['-'], ['.'], ['--input', 'a.txt'], ['-i', '.']):
        code, out, err = eega('extract', *args, '-m', trained)
        assert code == 0, err
        assert [json.loads(line)['text']
                for line in out.splitlines()] == ['Ann is here', 'Bob is there']


def test_a_text_that_may_have_been_meant_as_a_file_is_told(eega, trained):
    code, _, err = eega('extract', 'Ann reads a.txt', '-m', trained)
    assert code == 0
    assert "There is no file 'Ann reads a.txt': it is read as a text" in err


def test_what_looks_like_a_file_and_several_words_are_no_texts(eega, tmp_path):
    fails(eega('extract', 'tweets.txt'), "There is no file or folder 'tweets.txt'")
    fails(eega('extract', '--input', 'Ann'), "There is no file or folder 'Ann'")
    fails(eega('extract', 'Ann', 'lives'), "no file 'Ann': put a text into quotes")
    (tmp_path / 'a.txt').write_text('Ann')
    fails(eega('extract', tmp_path / 'a.txt', '--caption', 'a dog'),
          'Of files, captions, scene graphs and images stand in the files')
    fails(eega('extract', '-', '--output', tmp_path / 'a.csv', '--resume'),
          'not there again')


def test_unknown_fields_reach_results_and_graph(eega, trained, tmp_path):
    source = tmp_path / 'in.csv'
    source.write_text(f'id,text,img_id\n7,{TEXT},1.jpg\n')
    assert eega('extract', source, '-m', trained, '-o', tmp_path / 'a.jsonl')[0] == 0
    value = json.loads((tmp_path / 'a.jsonl').read_text())
    assert value['metadata'] == {'id': '7'} and value['image_id'] == '1.jpg'
    for file in (source, tmp_path / 'a.jsonl'):
        assert eega('graph', file, '-m', trained, '-o', tmp_path / 'g.jsonl', '-o',
                    tmp_path / 'g.json')[0] == 0
        sentence = json.loads((tmp_path / 'g.jsonl').read_text().splitlines()[1])
        assert sentence['metadata'] == {'id': '7'}
        nodes = json.loads((tmp_path / 'g.json').read_text())['nodes']
        assert nodes and nodes[0]['mentions'][0]['metadata'] == {'id': '7'}


@pytest.mark.parametrize('name', ['a.jsonl', 'a.json', 'a.csv', 'a.tsv', 'A.CSV'])
def test_the_ending_is_the_format(eega, trained, tmp_path, name):
    target = tmp_path / name
    code, out, err = eega('extract', TEXT, '-m', trained, '-o', target, '-q')
    assert (code, out, err) == (0, '', '')
    content = target.read_text(encoding='utf-8-sig')
    form = target.suffix[1:].lower()
    if form in ('json', 'jsonl'):
        value = json.loads(content)
        assert (value[0] if form == 'json' else value)['text'] == TEXT
    else:
        row, *_ = csv.DictReader(io.StringIO(content),
                                 delimiter='\t' if form == 'tsv' else ',')
        assert row['text'] == TEXT
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_page_shows_one_text(eega, trained, tmp_path):
    image = tmp_path / 'a.png'
    Image.new('RGB', (40, 20), 'red').save(image)
    scene = tmp_path / 'scene.json'
    scene.write_text(
        SceneGraph((SceneObject('person', box=(0.25, 0, 0.75, 1)), )).to_json())
    page = tmp_path / 'page.html'
    command = ('extract', TEXT, '-m', trained, '--scene-graph', scene, '--image', image)
    code, out, err = eega(*command, '-o', page)
    assert (code, out) == (0, '') and f'Wrote {page}' in err
    content = page.read_text(encoding='utf-8')
    assert 'data:image/jpeg;base64,' in content and '"plans":null' in content
    assert '"object_score":' in content
    assert eega(*command, '--format', 'html')[1] == content
    eega(*command, '--align', '-o', page)
    assert '"plans":{' in page.read_text(encoding='utf-8')
    code, out, _ = eega(*command)
    assert code == 0 and 'in the image' in out
    fails(eega('extract', TEXT, '-o', page, '--resume'), 'written at once')
    (tmp_path / 'a.txt').write_text('Ann')
    fails(eega('extract', tmp_path / 'a.txt', '-o', page), 'A page shows one text')


def test_all_images_that_cannot_be_read_are_named(eega, trained, tmp_path):
    Image.new('RGB', (40, 20), 'red').save(tmp_path / 'a.png')
    table = tmp_path / 'a.csv'
    names = ['a', *(f'b{i}' for i in range(25))]
    rows = [f'Ann,{tmp_path / name}.png' for name in names]
    table.write_text('\n'.join(['text,image', *rows[:3]]))
    found = eega('extract', table, '-m', trained)
    fails(found, f'2 of 3 items cannot be read: {table}:3: ')
    assert [
        f'{table}:{i + 3}: ' in part and f'b{i}.png' in part
        for i, part in enumerate(found[2].split('; '))
    ] == [True, True]
    table.write_text('\n'.join(['text,image', *rows]))
    found = eega('extract', table, '-m', trained)
    fails(found, '25 of 26 items')
    assert found[2].endswith('; and 15 more\n') and 'b9.png' in found[2]


def test_an_ending_that_is_none_and_two_formats_are_errors(eega, tmp_path):
    fails(eega('extract', TEXT, '-o', tmp_path / 'a.xlsx'), 'expected .jsonl, ')
    fails(eega('extract', TEXT, '-o', tmp_path / 'a'), 'ends in no known format')
    fails(eega('extract', TEXT, '-o', tmp_path / 'a.csv', '--format', 'table'),
          'A table is printed, not written')
    fails(eega('extract', TEXT, '-o', tmp_path / 'a.csv', '--format', 'jsonl'),
          'ends in .csv, which is not --format jsonl')
    fails(eega('extract', TEXT, '-o', tmp_path / 'a.csv', '--format', 'label-studio'),
          'ends in .csv, which is not --format label-studio')
    fails(eega('extract', TEXT, '-o', tmp_path / 'a.csv', '--align'),
          '--align is shown in JSON and on pages only')
    fails(eega('extract', TEXT, '--align'),
          '--align is shown in JSON and on pages only')
    assert list(tmp_path.iterdir()) == []


def test_tasks_for_label_studio_are_written_with_the_page(eega, trained, tmp_path):
    source, target = tmp_path / 'in.jsonl', tmp_path / 'to-correct.json'
    source.write_text(''.join(
        json.dumps({
            'text': text,
            'id': i
        }) + '\n' for i, text in enumerate([TEXT, '😀 Hm', f'😀 {TEXT} again'])))
    code, _, err = eega('extract', source, '-m', trained, '-o', target, '--format',
                        'label-studio')
    assert code == 0, err
    tasks = list(read_texts(target))
    found = [
        json.loads(line)
        for line in eega('extract', source, '-m', trained)[1].splitlines()
    ]
    for task, value in zip(tasks, found):
        assert task.metadata == value['metadata'] and task.text == value['text']
        assert [task.text[e.start:e.end]
                for e in task.entities] == [e['text'] for e in value['entities']]
        assert [r.type for r in task.relations
                ] == [q['relation'] for q in value['quintuples']]
    assert 'member_of' in (tmp_path / 'to-correct.config.xml').read_text()
    printed = eega('extract', source, '-m', trained, '--format', 'label-studio')[1]
    assert json.loads(printed) == json.loads(target.read_text())
    assert {p.name
            for p in tmp_path.iterdir()
            } == {'in.jsonl', 'to-correct.json', 'to-correct.config.xml'}


@pytest.mark.slow
def test_the_least_certain_come_first_if_asked_for(eega, trained, tmp_path):
    source = tmp_path / 'in.txt'
    source.write_text(f'{TEXT}\nHm\nAnna Berg visits Oslo\nYuki Sato in Berlin\n')
    command = ['extract', source, '-m', trained, '--order', 'uncertainty']
    everything = [
        json.loads(line) for line in eega('extract', source, '-m', trained,
                                          '--min-probability', 0)[1].splitlines()
    ]
    threshold = sorted(q['probability'] for v in everything
                       for q in v['quintuples'])[-1]
    command += ['--min-probability', threshold]
    # By hand: what is stated is right with p, what is left out with 1 - p. Entities of
    # a stated relation are stated too.
    certainty = {}
    for v in everything:
        kept = [q for q in v['quintuples'] if q['probability'] >= threshold]
        ends = [(q[side]['start'], q[side]['end']) for q in kept
                for side in ('head', 'tail')]  # yapf: disable
        stated = [(e['probability'], (e['start'], e['end']) in ends
                   or e['probability'] >= threshold) for e in v['entities']]
        stated += [(q['probability'], q in kept) for q in v['quintuples']]
        certainty[v['text']] = min([1.0] + [p if yes else 1 - p for p, yes in stated])
    for form in ('jsonl', 'label-studio'):
        code, out, err = eega(*command, '--format', form)
        assert code == 0, err
        if form == 'jsonl':
            values = [json.loads(line) for line in out.splitlines()]
            assert [len(v['quintuples']) for v in values].count(1) == 1
            texts = [v['text'] for v in values]
        else:
            tasks = json.loads(out)
            texts = [t['data']['text'] for t in tasks]
            assert [t['predictions'][0]['score']
                    for t in tasks] == sorted(certainty.values())
        assert texts == sorted(certainty, key=certainty.get)
    # A row keeps the number of its text in the file.
    rows = csv.DictReader(io.StringIO(eega(*command, '--format', 'csv')[1]))
    lines = [line for line in source.read_text().splitlines() if line]
    assert all(lines[int(row['text_number']) - 1] == row['text'] for row in rows)


@pytest.mark.slow
def test_an_ordered_run_that_was_stopped_goes_on(eega, trained, tmp_path, monkeypatch):
    source, target = tmp_path / 'in.txt', tmp_path / 'a.json'
    source.write_text(f'{TEXT}\nHm\nAnna Berg visits Oslo\n')
    command = [
        'extract', source, '-m', trained, '-o', target, '--format', 'label-studio',
        '--order', 'uncertainty'
    ]
    assert eega(*command)[0] == 0
    whole = target.read_text()
    target.unlink()
    stream = Extractor.stream

    def stopped(*args, **kwargs):
        yield next(stream(*args, **kwargs))
        raise OSError('no power')

    monkeypatch.setattr(Extractor, 'stream', stopped)
    assert 'no power' in eega(*command)[2]
    assert (tmp_path / 'a.json.part').is_file() and not target.exists()
    monkeypatch.setattr(Extractor, 'stream', stream)
    # Without the order, improbable relations are not kept: that is another run.
    fails(eega(*command[:6], '--resume'), 'belongs to a run with other')
    assert eega(*command, '--resume')[0] == 0
    assert target.read_text() == whole


def test_metadata_that_no_task_can_hold_is_named_before_the_work(eega, tmp_path):
    source = tmp_path / 'in.jsonl'
    source.write_text('{"text": "Ann"}\n{"text": "Bo", "x": NaN}\n')
    fails(eega('extract', source, '--format', 'label-studio'),
          'in.jsonl:2: metadata: no values of JSON')


def test_results_are_not_read_as_texts(eega, trained, tmp_path):
    assert eega('extract', TEXT, '-m', trained, '-o', tmp_path / 'a.jsonl')[0] == 0
    fails(eega('extract', tmp_path / 'a.jsonl'), 'a.jsonl:1: is a result already')
    fails(eega('extract', tmp_path, '-o', tmp_path / 'b.jsonl'),
          "is in the folder that is read")


def test_what_libraries_print_is_no_result(eega, trained, monkeypatch):
    stream = Extractor.stream

    def loud(*args, **kwargs):
        print('Downloading: "https://x.org"')
        return stream(*args, **kwargs)

    monkeypatch.setattr(Extractor, 'stream', loud)
    code, out, err = eega('extract', TEXT, '-m', trained, '--format', 'jsonl')
    assert code == 0 and json.loads(out)['text'] == TEXT
    assert 'Downloading' in err


def test_brackets_in_names_are_no_markup(eega, trained, tmp_path, small_root):
    target = tmp_path / 'run[/x] [red]'
    code, _, err = eega('extract', TEXT, '-m', trained, '-o', target / 'a.jsonl')
    assert code == 0 and f'Wrote {target / "a.jsonl"}' in err
    code, _, err = eega('graph', target / 'a.jsonl', '-o', target / 'a[/].html')
    assert code == 0 and f'Wrote {target / "a[/].html"}' in err
    fails(eega('extract', target / 'b[/].txt'), 'b[/].txt')
    code, out, _ = eega('evaluate', small_root, '-m', trained, '-o', target / 'a.json')
    assert code == 0 and json.loads((target / 'a.json').read_text())
    code, _, err = eega('shrink', trained, '-o', target / 'small[/b]')
    assert code == 0 and f'Wrote {target / "small[/b]"}' in err
    code, _, err = eega('extract', TEXT, '--format', '[/x]')
    assert code == 2 and '[/x]' in err


def test_a_long_message_of_several_lines_is_one_short_line(eega):
    code, _, err = eega('extract', '--input', 'a\n\x1b[31m' * 2000)
    assert code == 1 and err.count('\n') == 1 and len(err) < 700
    assert '\x1b' not in err


def test_a_second_run_is_refused_before_its_work(eega, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(Extractor, 'from_pretrained', None)
    with PartialResults(tmp_path / 'a.jsonl', False):
        fails(eega('extract', TEXT, '-m', trained, '-o', tmp_path / 'a.jsonl'),
              'Another process writes to')


def test_old_names_of_options_work_with_a_warning(eega, trained, tmp_path):
    assert eega('extract', TEXT, '-m', trained, '-o', tmp_path / 'a.jsonl')[0] == 0
    code, _, err = eega('graph', tmp_path / 'a.jsonl', '--out', tmp_path / 'a.html',
                        f'--out={tmp_path / "b.html"}')
    assert code == 0 and (tmp_path / 'b.html').is_file()
    assert "warning: '--out' is now '--output'" in err


def test_the_version_is_printed_and_options_have_one_name(eega):
    from eega_pyg import __version__
    assert eega('--version')[1] == f'eega_pyg {__version__}\n'
    assert '--install-completion' in eega('--help')[1]
    for command in ('train', 'evaluate', 'extract', 'explain', 'graph', 'scene',
                    'shrink'):
        out = eega(command, '--help')[1]
        assert '--output' in out and '--quiet' in out and '--out ' not in out
    for command in ('extract', 'graph'):
        assert '--input' in eega(command, '--help')[1]


@pytest.mark.parametrize('environment', [{
    'LC_ALL': 'C',
    'PYTHONCOERCECLOCALE': '0',
    'PYTHONUTF8': '0'
}, {
    'PYTHONIOENCODING': 'cp1252'
}])
def test_what_is_written_is_utf_8_whatever_the_locale(environment):
    code = ('from eega_pyg.cli.console import *\n'
            'from eega_pyg.cli.result_table import print_result\n'
            'use_utf8()\n'
            'text = "Zo\\u00eb \\U0001f389 \\ud800"\n'
            'print_result({"text": text, "entities": [], "quintuples": []})\n'
            'tell(text)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, env={
        **os.environ,
        **environment
    })
    assert done.returncode == 0, done.stderr
    assert 'Zoë 🎉 ?' in done.stdout.decode() and 'Zoë 🎉' in done.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize('command', ['extract', 'graph'])
def test_nothing_is_lost_when_the_process_is_told_to_end(eega, trained, tmp_path,
                                                         command):
    source, target = tmp_path / 'in.txt', tmp_path / 'out.jsonl'
    source.write_text(''.join(f'{TEXT} number {i}\n' for i in range(400)))
    run = [command, str(source), '-m', str(trained), '-o', str(target)]
    part = tmp_path / 'out.jsonl.part'
    process = subprocess.Popen([sys.executable, '-m', 'eega_pyg.cli', *run],
                               stderr=subprocess.DEVNULL)
    while not part.is_file() or part.stat().st_size < 5000:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert not target.exists()
    number = len(part.read_bytes().splitlines()) - 1
    assert 0 < number < 400
    code, _, err = eega(*run)
    assert code == 1 and 'add --resume' in err
    code, _, err = eega(*run, '--resume')
    assert code == 0, err
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    texts = [
        x['text'] for x in lines
        if x.get('kind', 'sentence') == 'sentence' and 'text' in x
    ]
    given = source.read_text().splitlines()
    assert texts == (given if command == 'extract' else sorted(given))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in.txt', 'out.jsonl']


def test_a_pattern_is_read_as_the_files_that_match(eega, trained, tmp_path):
    for name in ('b', 'a'):
        (tmp_path / f'{name}.txt').write_text(f'{name} is here\n')
    for arguments in ((tmp_path / '*.txt', ), ('--input', tmp_path / '*.txt')):
        code, out, err = eega('extract', *arguments, '-m', trained)
        assert code == 0, err
        texts = [json.loads(line)['text'] for line in out.splitlines()]
        assert texts == ['a is here', 'b is here']
    code, _, err = eega('extract', tmp_path / '*.csv', '-m', trained)
    assert code == 1 and 'There is no file or folder' in err
