import json
import sys

import pytest

from benchmarks.speed import epoch_cost
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE

pytestmark = pytest.mark.slow


def test_each_saving_is_undone_beside_the_epoch_as_it_is(monkeypatch, capsys, tmp_path,
                                                         small_root, tiny_overrides):
    sets = [word for o in tiny_overrides for word in ('--set', o)]
    path = tmp_path / 'epoch_cost.json'
    monkeypatch.setattr(sys, 'argv', [
        'epoch_cost',
        str(small_root), *sets, '--num-batches', '1', '--results',
        str(path)
    ])
    epoch_cost.main()
    record = json.loads(path.read_text())
    assert list(record['epoch_seconds']) == list(epoch_cost.SETTINGS)
    assert min(record['epoch_seconds'].values()) > 0 and record['steps'] > 0
    assert f'| {epoch_cost.NOW} | 1.00 |' in capsys.readouterr().out


@pytest.mark.parametrize('grouped', [False, True])
def test_batches_are_full_and_of_different_places(grouped, small_root, tiny_overrides):
    config = Config.load('default', [*tiny_overrides, 'train.batch_size=2'])
    data = JMERE(str(small_root), tags=config.tags.tag_set(), **config.data.arguments())
    batches = epoch_cost.batches_of(data, config, 2, grouped)
    assert [batch.num_graphs for batch in batches] == [2, 2]
    ids = [image for batch in batches for image in batch.image_id]
    assert len(set(ids)) == 4
