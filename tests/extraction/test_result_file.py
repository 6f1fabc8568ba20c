import json
import os
import subprocess
import sys

import pytest

from eega_pyg.extraction.result import Result
from eega_pyg.extraction.result_file import PartialResults
from eega_pyg.schema import SceneGraph
from eega_pyg.tagging import Extraction


def result(i):
    return Result(f'text {i}', (), Extraction([], []), SceneGraph())


def results(positions):
    for i in reversed(positions):
        yield i, result(i)


def texts(values):
    return [value['text'] for value in values]


def stopped(target, number=5, kept=3):
    r"""Leaves the results of a run that was stopped."""
    def some(positions):
        for i in positions[:kept]:
            yield i, result(i)
        raise KeyboardInterrupt

    told = []
    with pytest.raises(KeyboardInterrupt):
        with PartialResults(target, False, told.append) as part:
            part.complete(some, number, 'run')
    message, = told
    assert f"{kept} results are in '{target}.part'" in message
    return target.with_name(target.name + '.part')


def test_results_are_in_order_whatever_came_first(tmp_path):
    with PartialResults(tmp_path / 'a', False) as part:
        assert texts(part.complete(results, 3, 'run')) == ['text 0', 'text 1', 'text 2']
        assert (tmp_path / 'a.part').is_file()
        part.remove()
    assert os.listdir(tmp_path) == []


def test_a_stopped_run_goes_on_with_what_is_missing(tmp_path):
    path = stopped(tmp_path / 'a')
    with pytest.raises(ValueError, match='holds 3 results of a stopped run: add'):
        PartialResults(tmp_path / 'a', False).__enter__()
    asked = []
    with PartialResults(tmp_path / 'a', True) as part:
        values = part.complete(lambda p: (asked.extend(p), results(p))[1], 5, 'run')
    assert asked == [3, 4] and texts(values) == [f'text {i}' for i in range(5)]
    with PartialResults(tmp_path / 'a', True) as part:
        with pytest.raises(ValueError, match='belongs to a run with other texts'):
            part.complete(results, 5, 'another')
    assert path.is_file()


@pytest.mark.parametrize('damage', [
    lambda line: line.replace(b'text', b'tent'), lambda line: line[:-5],
    lambda line: line[:-5] + b'\n', lambda line: b'9' + line, lambda line: b'\xff\n',
    lambda line: b'\n', lambda line: line.replace(b'{', b'[')
])
def test_a_damaged_line_is_read_again(tmp_path, damage):
    path = stopped(tmp_path / 'a')
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b''.join([*lines[:-1], damage(lines[-1])]))
    told, asked = [], []
    with PartialResults(tmp_path / 'a', True, told.append) as part:
        values = part.complete(lambda p: (asked.extend(p), results(p))[1], 5, 'run')
    assert asked == [2, 3, 4] and texts(values) == [f'text {i}' for i in range(5)]
    assert '1 results' in told[0] and 'damaged' in told[0]


def test_a_damaged_first_line_is_not_another_run(tmp_path):
    path = stopped(tmp_path / 'a')
    path.write_bytes(b'{"run"' + path.read_bytes())
    with pytest.raises(ValueError, match='its first line is damaged: remove it'):
        PartialResults(tmp_path / 'a', True).__enter__()


@pytest.mark.slow
def test_a_second_process_is_refused_at_once(tmp_path):
    code = ('import sys, pathlib\n'
            'from eega_pyg.extraction.result_file import PartialResults\n'
            'with PartialResults(pathlib.Path(sys.argv[1]), True): pass')
    command = [sys.executable, '-c', code, str(tmp_path / 'a')]
    with PartialResults(tmp_path / 'a', False):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        assert 'Another process writes to' in done.stderr
    assert subprocess.run(command).returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='has no /dev/full')
def test_a_full_disk_says_where_the_results_are(tmp_path, monkeypatch):
    path, told = tmp_path / 'a.part', []

    def some(positions):
        yield 0, result(0)
        # The disk is full from here on.
        with open('/dev/full', 'wb') as full:
            os.dup2(full.fileno(), opened[-1])
        yield 1, result(1)

    opened = []
    real = open

    def watched(name, *args, **kwargs):
        file = real(name, *args, **kwargs)
        opened.append(file.fileno())
        return file

    monkeypatch.setattr('eega_pyg.extraction.result_file.open', watched, raising=False)
    with pytest.raises(OSError, match='No space left'):
        with PartialResults(tmp_path / 'a', False, told.append) as part:
            part.complete(some, 2, 'run')
    assert "1 results are in" in told[0]
    assert json.loads(path.read_bytes().splitlines()[1].split(b'\t')[2])
