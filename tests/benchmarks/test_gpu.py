import json
from pathlib import Path

import pytest
import torch

from benchmarks.report import TABLES
from benchmarks.speed import gpu


@pytest.mark.slow
def test_a_rehearsal_on_the_processor_goes_on_where_it_stopped(
        small_root, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, 'tests', lambda: {'passed': True, 'says': []})
    monkeypatch.setattr(gpu, 'PRESETS', ('paper', ))
    monkeypatch.setattr(gpu, 'SIZES', (2, ))
    monkeypatch.setattr(gpu, 'ENCODERS', {'small': {'num_hidden_layers': 1}})
    monkeypatch.setattr(gpu, 'TRANSPORT', [('gromov', 2, 3, 4)])
    setting = gpu.Setting(small_root, torch.device('cpu'), 1)
    path = tmp_path / 'gpu.json'
    begun = gpu.measure(setting, path, limit=0)  # Nothing is begun.
    assert set(begun) == {'machine', 'threads', 'date', 'device', 'cuda'}
    state = gpu.measure(setting, path, limit=600)
    same = state['equality']['jmere-minilm']
    assert same == {'largest_difference': 0., 'sentences': 13, 'different': 0}
    assert set(
        state['training']) == {'paper, small, 2, bf16', 'paper, small, 2, float32'}
    assert state['transport']['gromov, 2 of up to 3 x 4']['eega_pyg.ot'] > 0
    assert json.loads(path.read_text()) == state

    def never():
        raise AssertionError('it was measured before')

    monkeypatch.setattr(gpu, 'seconds', lambda *_: never())
    assert gpu.measure(setting, path, limit=600) == state
    text = gpu.report(state)
    assert '0 of 13 sentences' in text and '| paper | small | 2 | bf16 |' in text
    assert 'gpu' in TABLES

    other = dict(state, device='another card')
    path.write_text(json.dumps(other))
    with pytest.raises(ValueError, match="is of 'another card'"):
        gpu.measure(setting, path, limit=600)
    assert Path(path).read_text() == json.dumps(other)
