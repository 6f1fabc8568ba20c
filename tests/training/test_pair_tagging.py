import math
from pathlib import Path

import pytest
import torch

from eega_pyg.config import TrainConfig
from eega_pyg.schema import TagSet
from eega_pyg.training.callbacks import Checkpoint, ResumableEarlyStopping
from eega_pyg.training.module import KEPT, MONITOR
from eega_pyg.training.pair_tagging import PairTagging, choice


def keys(best, stopping):
    keep = {'save_on_train_epoch_end': True, 'enable_version_counter': False}
    return [
        Checkpoint(Path('run'), filename='best', monitor=best, mode='max',
                   **keep).state_key,
        Checkpoint(Path('run'), filename='last', **keep).state_key,
        ResumableEarlyStopping(stopping, mode='max').state_key,
    ]


def kept(module, scores, monkeypatch, first=0):
    r"""The epochs that are kept, one after the other."""
    out = []
    for epoch, f1 in enumerate(scores, first):
        logged = {}
        monkeypatch.setattr(PairTagging, 'current_epoch', epoch)
        monkeypatch.setattr(module, 'log_dict',
                            lambda values, **kwargs: logged.update(values))
        monkeypatch.setattr(module._scores, 'compute', lambda: {
            'quintuple_f1': f1,
            'entity_f1': 0.0
        })
        module.on_validation_epoch_end()
        assert logged[MONITOR] == f1 and logged[KEPT] in (epoch, -1)
        out += [epoch] if logged[KEPT] == epoch else []
    return out


@pytest.fixture
def module():
    def make(slack=0.0):
        model = torch.nn.Linear(1, 1)
        model.tag_set = TagSet(('per', ), ('peer', ))
        return PairTagging(model, TrainConfig(), None, slack)

    return make


def test_the_best_epoch_is_kept_or_a_later_one_that_is_nearly_as_good(
        module, monkeypatch):
    scores = [0.1, 0.5, 0.45, 0.39, 0.2, 0.5, 0.41]
    assert kept(module(), scores, monkeypatch) == [0, 1]
    # Each is compared with the best, so they do not get worse step by step.
    assert kept(module(0.1), scores, monkeypatch) == [0, 1, 2, 5, 6]


def test_a_resumed_run_knows_the_best_epoch_before_it(module, monkeypatch):
    states = [{
        'best_model_score': torch.tensor(4.0)
    }, {}, {
        'best_score': torch.tensor(0.5)
    }]
    again = module()
    again.on_load_checkpoint({
        'rng': {},
        'callbacks': dict(zip(keys(KEPT, MONITOR), states))
    })
    assert kept(again, [0.4, 0.5, 0.6], monkeypatch, first=5) == [7]
    assert module()._best == -math.inf


def test_a_resumed_run_takes_no_later_epoch_that_is_only_as_good(module, monkeypatch):
    first = module()
    assert kept(first, [0.7], monkeypatch) == [0]
    checkpoint = {'callbacks': {}}
    first.on_save_checkpoint(checkpoint)
    # What the callback of the same run knows, in single precision.
    checkpoint['callbacks'] = dict(
        zip(keys(KEPT, MONITOR), [{}, {
            'best_score': torch.tensor(0.7)
        }]))
    again = module()
    again.on_load_checkpoint(checkpoint)
    assert kept(again, [0.7, 0.71], monkeypatch, first=1) == [2]


def test_what_callbacks_of_an_earlier_version_knew_is_found(module):
    earlier = keys('val/quintuple_f1', 'val/quintuple_f1')
    checkpoint = {
        'rng': {},
        'callbacks': {
            key: {
                'i': i
            }
            for i, key in enumerate(earlier)
        }
    }
    module().on_load_checkpoint(checkpoint)
    assert checkpoint['callbacks'] == {
        key: {
            'i': i
        }
        for i, key in enumerate(keys(KEPT, MONITOR))
    }


def test_without_relations_epochs_are_compared_by_their_entities():
    scores = {'quintuple_f1': 0.0, 'entity_f1': 0.5}
    assert choice(scores, TagSet(('per', ), ())) == 0.5
    assert choice(scores, TagSet(('per', ), ('peer', ))) < 1e-4


def test_a_resumed_run_has_the_state_of_the_one_that_was_stopped(tmp_path):
    def checkpoint():
        return Checkpoint(tmp_path, filename='best', monitor=KEPT, mode='max')

    stopped, resumed = checkpoint(), checkpoint()
    stopped.current_score = torch.tensor(3.)
    state = stopped.state_dict()
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
