import re
from pathlib import Path
from typing import get_args

import pytest
import torch

from eega_pyg.config import FusionName, ModelConfig
from eega_pyg.nn import fusion_layer
from eega_pyg.nn.fusion import AGBAN, MAF, MEGA, OCSGA, UMGF, AdapCoAtt

OPTIONS = ModelConfig(heads=2, num_layers=3, dropout=0.25)


@pytest.mark.parametrize('name, kind', [('adapcoatt', AdapCoAtt), ('ocsga', OCSGA),
                                        ('agban', AGBAN), ('umgf', UMGF),
                                        ('mega', MEGA), ('maf', MAF)])
def test_a_name_is_a_module_with_the_options(name, kind):
    layer = fusion_layer(name, 8, 3, 5, OPTIONS)
    assert type(layer) is kind and (layer.channels, layer.heads) == (8, 2)
    rates = [m.p for m in layer.modules() if isinstance(m, torch.nn.Dropout)]
    assert rates and set(rates) == {0.25}
    if name in ('ocsga', 'umgf'):
        assert 'num_layers=3' in repr(layer)


@pytest.mark.parametrize('name', get_args(FusionName)[1:])
def test_the_page_says_how_many_parameters_each_has(name):
    page = Path(__file__).parents[2] / 'docs' / 'guide' / 'own-layer.md'
    row = re.search(rf'^\| `{name}` .*\| ([\d,]+) \|$', page.read_text('utf-8'), re.M)
    layer = fusion_layer(name, 384, 3, 5, ModelConfig())
    own = sum(p.numel() for p in layer.parameters())
    assert int(row[1].replace(',', '')) == own


def test_a_module_is_copied_and_a_factory_is_told_the_sizes():
    given = MAF(8, heads=2, temperature=0.5)
    layer = fusion_layer(given, 8, 3, 5, OPTIONS)
    assert layer is not given and layer.temperature == 0.5
    assert not torch.equal(layer.lin_seen.weight, given.lin_seen.weight)
    sizes = []
    made = fusion_layer(lambda *args: sizes.append(args) or given, 8, 3, 5, OPTIONS)
    assert made is given and sizes == [(8, 3, 5)]


def test_what_is_no_fusion_is_named():
    with pytest.raises(ValueError, match="of adapcoatt, .* maf .got 'eega'"):
        fusion_layer('eega', 8, 3, 5, OPTIONS)
    for wrong in (3, lambda *args: 3):
        with pytest.raises(TypeError, match="torch.nn.Module .got 'int'"):
            fusion_layer(wrong, 8, 3, 5, OPTIONS)
