import sys

import pytest


@pytest.fixture
def script(monkeypatch, capsys, small_root, tiny_overrides, tmp_path):
    r"""Runs a benchmark of training runs for an epoch; gives its output."""
    from benchmarks import runner
    monkeypatch.setattr(runner, 'apart', lambda function, *args: function(*args))
    monkeypatch.setattr(runner, 'BATCHES', 2)
    monkeypatch.setattr(runner, 'TURNS', 1)
    sets = [word for o in tiny_overrides for word in ('--set', o)]

    def run(module, *args, root=small_root):
        monkeypatch.setattr(sys, 'argv', [
            module.__name__,
            str(root), *sets, '--preset', 'default', '--epochs', '1', '--runs',
            str(tmp_path / 'runs'), '--results',
            str(tmp_path / 'results.json'), '--markdown', *args
        ])
        module.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def results(tmp_path):
    return tmp_path / 'results.json'
