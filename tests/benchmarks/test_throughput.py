import json
import sys

import pytest

from benchmarks.speed import throughput
from eega_pyg.config import Config
from eega_pyg.datasets import FakeJMERE

pytestmark = pytest.mark.slow


@pytest.fixture
def run(monkeypatch, capsys, tiny_overrides, tmp_path):
    def apart(function, setting, name):
        return 1. if setting.mode == 'inference' else function(setting, name)

    monkeypatch.setattr(throughput, 'apart', apart)
    sets = [word for o in tiny_overrides for word in ('--set', o)]

    def run(*args):
        monkeypatch.setattr(sys, 'argv', [
            'throughput', *args, *sets, '--preset', 'default', '--batch-sizes', '16',
            '--num-batches', '1', '--turns', '1', '--threads', '1', '--results',
            str(tmp_path / 'throughput.json')
        ])
        throughput.main()
        return capsys.readouterr().out, json.loads(
            (tmp_path / 'throughput.json').read_text())

    return run


def test_random_and_real_data_are_measured_beside_the_targets(
        run, small_root, tmp_path):
    out, kept = run('--words', '8', '16', '--objects', '5', '10')
    record = kept['FakeJMERE']
    modes = [(row['mode'], row['batch_size']) for row in record['speed']]
    assert modes == [('training', 16), ('inference', 16)]
    for row in record['speed']:
        assert row['difference'] <= 1e-4
        for figures in (row['examples_per_second'], row['megabytes']):
            assert list(figures) == list(throughput.SYSTEMS)
        assert min(row['examples_per_second'].values()) > 0
    peak = record['speed'][0]['megabytes']
    assert peak[throughput.PADDED] > peak[throughput.FULL]
    assert [r['edges'] for r in record['growth']['words']
            ] == sorted(r['edges'] for r in record['growth']['words'])
    bounds = [
        line.split(' | ')[2] for line in out.splitlines()
        if ' | ≤' in line or ' | ≥' in line
    ]
    assert sorted(bounds) == [
        '≤ 0.25', '≤ 0.5', '≤ 1.15', '≤ 1.35', '≤ 1.35', '≥ 10', '≥ 2'
    ]

    _, kept = run(str(small_root), '--no-memory', '--words')
    assert list(kept) == ['FakeJMERE', 'JMERE v1']
    assert kept['FakeJMERE'] == record and 'growth' not in kept['JMERE v1']


def test_scores_that_differ_are_an_error(tiny_overrides, monkeypatch):
    logits = throughput.DenseEEGA.logits
    monkeypatch.setattr(throughput.DenseEEGA, 'logits',
                        lambda self, batch: logits(self, batch) + 1e-3)
    config = Config.load('default', tiny_overrides)
    setting = throughput.Setting(None, config, 'inference', 4, 1, 1)
    with pytest.raises(AssertionError, match='references differ by 1.0e-03'):
        throughput.longest_difference(setting)


def test_exponents_are_the_slopes_of_the_largest():
    x, y = [1, 2, 4, 8, 16], [70, 70, 3 * 4, 3 * 4 * 2**1.5, 3 * 4 * 4**1.5]
    assert throughput.exponents(x, y) == pytest.approx([1.5, 1.5])
    y[-1] *= 2
    assert throughput.exponents(x, y) == pytest.approx([2.0, 2.5])


def test_a_stand_in_for_the_encoder_leaves_the_rest_of_the_step(tiny_overrides):
    config = Config.load('default', tiny_overrides)
    row = throughput.cost(config, 9, 4, 1, 'cpu')
    data = FakeJMERE(4, 9, 4, vary=False)
    assert row['tokens'] == 36
    assert row['edges'] == sum(d['token', 'dep', 'token'].num_edges for d in data)
    assert 0 < row['block'] < row['part']
