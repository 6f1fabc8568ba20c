from pathlib import Path

import torch

from eega_pyg.config import TrainConfig
from eega_pyg.training.callbacks import Checkpoint, ResumableEarlyStopping
from eega_pyg.training.pair_tagging import MONITOR, PairTagging


def test_what_callbacks_of_an_earlier_version_knew_is_found():
    keep = {'save_on_train_epoch_end': True, 'enable_version_counter': False}

    def keys(monitor):
        return [
            Checkpoint(Path('run'), filename='best', monitor=monitor, mode='max',
                       **keep).state_key,
            Checkpoint(Path('run'), filename='last', **keep).state_key,
            ResumableEarlyStopping(monitor, mode='max').state_key,
        ]

    module = PairTagging(torch.nn.Linear(1, 1), TrainConfig())
    earlier, now = keys('val/quintuple_f1'), keys(MONITOR)
    checkpoint = {'rng': {}, 'callbacks': {key: i for i, key in enumerate(earlier)}}
    module.on_load_checkpoint(checkpoint)
    assert checkpoint['callbacks'] == {key: i for i, key in enumerate(now)}
