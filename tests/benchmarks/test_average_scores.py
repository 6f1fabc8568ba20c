import json
import sys

import averaging
import jmere
import pytest


def scored(monkeypatch, root, *args):
    monkeypatch.setattr(sys, 'argv', ['averaging', str(root), *map(str, args)])
    averaging.main()


def test_the_average_scores_what_its_run_did_and_the_last_weights_beside_it(
        script, results, small_root, tmp_path, monkeypatch, capsys):
    script(jmere, '--name', 'a', '--seeds', '3', '--set', 'train.average=true')
    run, = json.loads(results.read_text())
    out = tmp_path / 'averaging.json'
    scored(monkeypatch, small_root, tmp_path / 'runs' / 'a-3', '--results', out,
           '--markdown')
    average, last = json.loads(out.read_text())
    assert (average['name'], last['name']) == tuple(averaging.WEIGHTS)
    assert average['seed'] == last['seed'] == 3 and last['epoch'] == 1
    assert average['scores'] == run['scores'] and average['counts'] == run['counts']
    assert '| last weights | 3 | ' in capsys.readouterr().out


def test_a_run_without_an_average_is_named(script, small_root, tmp_path, monkeypatch):
    script(jmere, '--name', 'a', '--seeds', '0', '--set', 'train.average=false')
    with pytest.raises(ValueError, match="last.ckpt' is of a run without"):
        scored(monkeypatch, small_root, tmp_path / 'runs' / 'a-0', '--results',
               tmp_path / 'x.json')
