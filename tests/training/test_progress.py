from types import SimpleNamespace

import pytest

from eega_pyg.training.progress import EpochProgressBar


@pytest.mark.parametrize('epoch, most, expected', [(0, 24, 'Epoch 1/24'),
                                                   (23, 24, 'Epoch 24/24'),
                                                   (4, -1, 'Epoch 5'),
                                                   (4, None, 'Epoch 5')])
def test_epochs_count_from_one(epoch, most, expected):
    bar = EpochProgressBar()
    bar._trainer = SimpleNamespace(max_epochs=most)
    assert bar._get_train_description(epoch).strip() == expected
