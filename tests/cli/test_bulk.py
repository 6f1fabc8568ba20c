r"""``eega extract --engine ray``."""
import json

import pytest

from eega_pyg.extraction.item_files import read_records


@pytest.fixture
def texts(tmp_path):
    lines = [{'text': f'Nora Blake meets Sofia {i}', 'id': i} for i in range(5)]
    lines[1] = {'text': ' '}
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'a.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    return tmp_path / 'in'


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_folder_becomes_a_folder_and_a_graph(eega, trained, texts, tmp_path):
    pytest.importorskip('ray', reason="the extra 'ray' is not installed")
    import ray
    command = ['extract', '-i', f'{texts}/*.jsonl', '--engine', 'ray', '-m', trained,
               '-o', tmp_path / 'out', '--block-size', 2, '--min-probability',
               0]  # yapf: disable
    code, out, err = eega(*command)
    assert code == 0 and out == '' and not ray.is_initialized(), err
    assert f"4 texts read; '{tmp_path / 'out'}' holds 3 files of results" in err
    assert "1 texts could not be read: " in err and "_errors' says why" in err
    keys = [value['key'] for _, value in read_records(tmp_path / 'out')]
    assert keys == [f'a.jsonl:{i}' for i in (1, 3, 4, 5)]
    code, _, err = eega(*command)
    assert code == 0 and '0 texts read' in err
    assert '3 of which were there already' in err
    assert '1 texts could not be read (1 by an earlier run): ' in err
    assert '--retry-errors' in err
    code, _, err = eega('graph', tmp_path / 'out', '-o', tmp_path / 'graph.jsonl')
    assert code == 0 and 'in 4 texts' in err


@pytest.mark.parametrize('args, message', [
    (['--engine', 'ray'], 'needs --output FOLDER'),
    (['--engine', 'ray', '-o', 'out', '--caption', 'a man'], 'captions, scene graphs'),
    (['--engine', 'ray', '-o', 'out', '--format', 'csv'], 'writes jsonl or parquet'),
    (['--engine', 'ray', '-o', 'file'], "'file' is a file"),
    (['--workers', '2'], '--workers needs --engine ray'),
    (['--block-size', '2'], '--block-size needs --engine ray'),
    (['--format', 'parquet'], '--format parquet needs --engine ray'),
])
def test_options_that_do_not_go_together(eega, texts, monkeypatch, tmp_path, args,
                                         message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').touch()
    code, out, err = eega('extract', texts, *args)
    assert code == 1 and out == '' and message in err, err


@pytest.mark.parametrize('source, message', [
    ('none.jsonl', "There is no file 'none.jsonl'"),
    ('file.txt', "'file.txt' cannot be read in parts"),
])
def test_what_cannot_be_read_in_parts(eega, monkeypatch, tmp_path, source, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file.txt').write_text('Ann')
    code, _, err = eega('extract', source, '--engine', 'ray', '-o', 'out')
    assert code == 1 and message in err


def test_results_do_not_go_where_texts_are(eega, texts):
    code, _, err = eega('extract', texts, '--engine', 'ray', '-o', texts)
    assert code == 1 and 'is in the folder that is read' in err
