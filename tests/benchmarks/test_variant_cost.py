import json
import sys

import pytest

from benchmarks.layers import gnn_variants, variant_cost

pytestmark = pytest.mark.slow


def test_all_layers_are_timed_on_the_same_batches(monkeypatch, capsys, tmp_path,
                                                  small_root, tiny_overrides):
    sets = [word for o in tiny_overrides for word in ('--set', o)]
    path = tmp_path / 'variant_cost.json'
    monkeypatch.setattr(variant_cost, 'apart', lambda function, *args: function(*args))
    for name in ('BATCHES', 'TURNS'):
        monkeypatch.setattr(variant_cost, name, 1)
        monkeypatch.setattr(f'benchmarks.runner.{name}', 1)
    monkeypatch.setattr(sys, 'argv', [
        'variant_cost',
        str(small_root), *sets, '--preset', 'default', '--results',
        str(path)
    ])
    variant_cost.main()
    results = json.loads(path.read_text())['results']
    assert list(results) == list(gnn_variants.VARIANTS)
    assert all(r['step_seconds'] > 0 for r in results.values())
    sizes = {name: r['parameters'] for name, r in results.items()}
    assert sizes[gnn_variants.NONE] == min(sizes.values())
    assert sizes[gnn_variants.UNTYPED] < sizes[gnn_variants.OURS]
    assert f'| {gnn_variants.OURS} | 1.00 |' in capsys.readouterr().out
