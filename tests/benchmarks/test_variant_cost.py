import json
import sys
from typing import get_args

import pytest

from benchmarks.layers import gnn_variants, variant_cost
from eega_pyg.config import FusionName

pytestmark = pytest.mark.slow


@pytest.fixture
def measured(monkeypatch, tmp_path, small_root, tiny_overrides):
    def run(*args):
        sets = [word for o in tiny_overrides for word in ('--set', o)]
        path = tmp_path / 'cost.json'
        monkeypatch.setattr(variant_cost, 'apart',
                            lambda function, *args: function(*args))
        monkeypatch.setattr(sys, 'argv', [
            'variant_cost',
            str(small_root), *sets, '--preset', 'default', '--results',
            str(path), '--batches', '1', '--turns', '1', *args
        ])
        variant_cost.main()
        return json.loads(path.read_text())['results']

    return run


def test_all_layers_are_timed_on_the_same_batches(measured, capsys):
    results = measured()
    assert list(results) == list(gnn_variants.VARIANTS)
    assert all(r['step_seconds'] > 0 for r in results.values())
    sizes = {name: r['parameters'] for name, r in results.items()}
    assert sizes[gnn_variants.NONE] == min(sizes.values())
    assert sizes[gnn_variants.UNTYPED] < sizes[gnn_variants.OURS]
    assert f'| {gnn_variants.OURS} | 1.00 |' in capsys.readouterr().out


def test_all_fusions_are_timed_beside_the_text_alone(measured, capsys):
    results = measured('--fusions')
    assert list(results) == ['text only', *get_args(FusionName)]
    assert all(r['step_seconds'] > 0 for r in results.values())
    # The fusion and what embeds objects come on top, but no graph layer of the text.
    base = results['text only']['parameters']
    own = {n: r.get('fusion_parameters') for n, r in results.items()}
    assert own['text only'] is own['eega'] is None
    rest = {results[n]['parameters'] - base - own[n] for n in list(own)[2:]}
    assert len(rest) == 1
    assert '| text only | 1.00 |' in capsys.readouterr().out
