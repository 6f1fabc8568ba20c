import csv
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.datasets.opening import resolved
from eega_pyg.files import _temporary
from eega_pyg.nn.models import EEGA
from eega_pyg.saving.saved_model import load_model
from eega_pyg.training.checkpoints import read_checkpoint
from eega_pyg.training.evaluation import evaluate
from eega_pyg.training.run import KEPT, MONITOR, PairTagging, fit
from eega_pyg.training.sampler import LengthGroupedSampler

# Kills itself in the middle of the second epoch.
KILLED = '''
import os, signal, sys
from eega_pyg.config import Config
from eega_pyg.training.run import PairTagging, fit
step = PairTagging.training_step
def training_step(self, batch, batch_idx):
    if self.current_epoch == 1 and batch_idx == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, batch_idx)
PairTagging.training_step = training_step
fit(Config.load('default', sys.argv[3:]), sys.argv[1], sys.argv[2], progress=False)
'''


def metrics(folder):
    with open(folder / 'training' / 'metrics.csv', newline='') as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope='module')
def whole(small_root, tiny_overrides, tmp_path_factory):
    r"""A run of three epochs without a stop."""
    config = Config.load('default', tiny_overrides)
    return fit(config, small_root,
               tmp_path_factory.mktemp('runs') / 'whole', progress=False)


@pytest.mark.slow
def test_a_killed_run_resumes_to_bit_equal_weights(small_root, tiny_overrides, whole,
                                                   tmp_path):
    config = Config.load('default', tiny_overrides)
    cut = tmp_path / 'cut'
    command = [sys.executable, '-c', KILLED, small_root, cut, *tiny_overrides]
    # Another number of threads adds up in another order.
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    killed = subprocess.run(list(map(str, command)), env=env, capture_output=True,
                            text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (cut / 'model.safetensors').exists()
    with pytest.raises(ValueError, match='already holds a run: resume it'):
        fit(config, small_root, cut)
    other = Config.load('default', [*tiny_overrides, 'train.seed=1'])
    with pytest.raises(ValueError, match='another configuration .*, train.seed.: only'):
        fit(other, small_root, cut, resume=True)

    elsewhere = tmp_path / 'elsewhere'
    shutil.copytree(small_root / 'raw', elsewhere / 'raw')
    with (elsewhere / 'raw' / 'mnre_val.txt').open('a') as f:
        f.write((small_root / 'raw' / 'mnre_train.txt').read_text())
    longer = Config.load('default', [*tiny_overrides, 'train.epochs=99'])
    with pytest.raises(ValueError, match='was of other data'):
        fit(longer, elsewhere, cut, resume=True, progress=False)

    with FileLock(cut / 'training' / 'lock'):
        with pytest.raises(ValueError, match='Another process trains in'):
            fit(config, small_root, cut, resume=True, progress=False)
    resumed = fit(config, small_root, cut, resume=True, progress=False)
    folders = whole.folder, cut
    a, b = (load_file(f / 'model.safetensors') for f in folders)
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert (resumed.scores, resumed.epoch) == (whole.scores, whole.epoch)
    last = [
        torch.load(f / 'training' / 'last.ckpt', weights_only=True)['state_dict']
        for f in folders
    ]
    assert all(torch.equal(last[0][k], last[1][k]) for k in last[0])
    rows = [[{**r, 'seconds': ''} for r in metrics(f)] for f in folders]
    assert rows[0] == rows[1] and [r['epoch'] for r in rows[0]] == ['1', '2', '3']


# Has no room for another checkpoint from the second epoch on, and its temporary folder
# on another file system.
FULL = '''
import resource, sys
from pathlib import Path
from eega_pyg.config import Config
from eega_pyg.training.run import PairTagging, fit
step = PairTagging.training_step
def training_step(self, batch, batch_idx):
    if self.current_epoch == 1 and batch_idx == 0:
        size = Path(sys.argv[2], 'training', 'last.ckpt').stat().st_size // 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return step(self, batch, batch_idx)
PairTagging.training_step = training_step
fit(Config.load('default', sys.argv[3:]), sys.argv[1], sys.argv[2], progress=False)
'''


@pytest.mark.slow
def test_a_full_disk_destroys_no_checkpoint(small_root, tiny_overrides, whole,
                                            tmp_path):
    memory = Path('/dev/shm')
    temporary = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    command = [
        sys.executable, '-c', FULL, small_root, tmp_path / 'run', *tiny_overrides
    ]
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'TMPDIR': str(temporary)}
    try:
        full = subprocess.run(list(map(str, command)), env=env, capture_output=True,
                              text=True)
        left = [n for n in os.listdir(temporary) if not n.startswith('torchinductor_')]
    finally:
        shutil.rmtree(temporary)
    assert full.returncode == 1 and left == []
    assert "ckpt' cannot be written (File too large)" in full.stderr
    state = tmp_path / 'run' / 'training'
    assert not list(state.glob('*.tmp'))
    assert read_checkpoint(state / 'last.ckpt')['epoch'] == 0
    left = _temporary(str(state / 'last.ckpt')).replace(f'-{os.getpid()}-', '-4194303-')
    Path(left).write_text('of a killed run')
    config = Config.load('default', tiny_overrides)
    resumed = fit(config, small_root, tmp_path / 'run', resume=True, progress=False)
    assert (resumed.scores, resumed.epoch) == (whole.scores, whole.epoch)
    assert sorted(os.listdir(state)) == sorted(os.listdir(whole.folder / 'training'))


@pytest.mark.slow
def test_a_run_goes_on_to_more_epochs(small_root, tiny_overrides, tmp_path,
                                      monkeypatch):
    rates = []

    def step(module, batch, index, call=PairTagging.training_step):
        rates.append([g['lr'] for g in module.optimizers().param_groups])
        return call(module, batch, index)

    monkeypatch.setattr(PairTagging, 'training_step', step)

    def run(epochs, folder, **kwargs):
        config = Config.load('default', [*tiny_overrides, f'train.epochs={epochs}'])
        fit(config, small_root, tmp_path / folder, progress=False, **kwargs)
        found, rates[:] = list(rates), []
        return found

    whole, first = run(2, 'whole'), run(1, 'run')
    steps = len(first)
    assert len(whole) == 2 * steps
    # From the first step on, the rates are those of a run of two epochs.
    assert run(2, 'run', resume=True) == whole[steps:]
    assert [r['epoch'] for r in metrics(tmp_path / 'run')] == ['1', '2']
    for change in ('train.epochs=1', 'train.lr=0.1'):
        config = Config.load('default', [*tiny_overrides, change])
        with pytest.raises(ValueError,
                           match='only train.epochs and train.patience may'):
            fit(config, small_root, tmp_path / 'run', resume=True, progress=False)


@pytest.mark.slow
def test_a_run_that_stopped_early_goes_on_with_more_patience(small_root, tiny_overrides,
                                                             tmp_path):
    def run(epochs, patience, **kwargs):
        config = Config.load('default', [
            *tiny_overrides, 'train.lr=0', 'train.lr_encoder=0',
            f'train.epochs={epochs}', f'train.patience={patience}'
        ])
        fit(config, small_root, tmp_path / 'run', progress=False, **kwargs)
        return len(metrics(tmp_path / 'run'))

    assert run(4, 1) == 2
    with pytest.warns(UserWarning, match='had stopped early, after 1 epochs without'):
        assert run(5, 1, resume=True) == 2
    assert run(5, 2, resume=True) == 3


def test_a_damaged_checkpoint_of_an_ended_run_is_named(trained, small_root,
                                                       trained_overrides, tmp_path):
    run = tmp_path / 'run'
    shutil.copytree(trained, run)
    state = run / 'training'
    assert sorted(os.listdir(state)) == [
        'best.ckpt', 'config.yaml', 'data.json', 'last.ckpt', 'lock', 'metrics.csv'
    ]
    config = Config.load('default', trained_overrides)
    for name, content in (('last.ckpt', b''), ('best.ckpt', b'PK')):
        whole = (state / name).read_bytes()
        (state / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}' is not a checkpoint"):
            fit(config, small_root, run, resume=True, progress=False)
        (state / name).write_bytes(whole)
    last = torch.load(state / 'last.ckpt', weights_only=True)
    torch.save({**last, 'state_dict': {'x': torch.ones(1)}}, state / 'last.ckpt')
    with pytest.raises(ValueError,
                       match="last.ckpt' does not fit to this run: Runtime"):
        fit(config, small_root, run, resume=True, progress=False)


def test_the_best_epoch_is_kept_and_everything_is_logged(trained, small_root):
    rows = metrics(trained)
    # Where quintuples are as good in several epochs, entities decide.
    best = max(rows, key=lambda r:
               (float(r['val/quintuple_f1']), float(r['val/entity_f1'])))
    saved = load_model(trained)
    val = JMERE(str(small_root), split='val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, **saved.data.arguments())
    scores = evaluate(saved.model, val, saved.signatures)
    for name, value in scores.items():
        assert float(best[f'val/{name}']) == pytest.approx(value, abs=1e-6)
    losses = [float(r['train/main']) for r in rows]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_the_losses_of_a_fusion_are_logged(small_root, tiny_overrides, tmp_path):
    config = Config.load('default', [
        *tiny_overrides, 'train.epochs=1', 'model.fusion=maf', 'model.lambda_graph=0.5'
    ])
    fit(config, small_root, tmp_path / 'run', progress=False)
    row, = metrics(tmp_path / 'run')
    parts = {
        k: float(row[f'train/{k}'])
        for k in ('loss', 'main', 'matching', 'contrast')
    }
    assert all(value > 0 for value in parts.values())
    assert parts['loss'] == pytest.approx(
        parts['main'] + 0.5 * (parts['matching'] + parts['contrast']), rel=1e-4)


def test_training_stops_early_and_logs_all_losses(small_root, tiny_overrides, tmp_path,
                                                  capsys):
    # Without any learning nothing gets better after the first epoch.
    config = Config.load('default', [
        *tiny_overrides, 'train.lr=0', 'train.patience=2', 'train.lr_encoder=0',
        'train.epochs=9'
    ])
    run = tmp_path / 'run'
    assert fit(config, small_root, run, progress=False).epoch == 0
    assert len(metrics(run)) == 3
    for name in ('loss', 'graph', 'wd', 'gwd'):
        assert all(float(row[f'train/{name}']) > 0 for row in metrics(run))
    # Killed before the model was written.
    (run / 'model.safetensors').unlink()
    assert fit(config, small_root, run, resume=True, progress=False).epoch == 0
    assert len(metrics(run)) == 3 and load_model(run)
    assert capsys.readouterr().err == ''


def test_a_run_leaves_the_settings_of_the_process_alone(small_root, tiny_overrides,
                                                        tmp_path, capsys):
    logger = logging.getLogger('lightning.pytorch')

    def settings():
        return (logger.level, dict(os.environ), signal.getsignal(signal.SIGINT),
                torch.are_deterministic_algorithms_enabled(),
                torch.get_rng_state().tolist(), random.getstate(),
                np.random.get_state()[1].tolist())

    before = settings()
    config = Config.load('default', [*tiny_overrides, 'train.epochs=1'])
    fit(config, small_root, tmp_path / 'run', resume=True)
    assert settings() == before
    assert 'nothing to resume' in capsys.readouterr().err.replace('\n', ' ')


@pytest.mark.slow
def test_a_moved_run_knows_its_best_epoch(small_root, tiny_overrides, tmp_path,
                                          monkeypatch):
    scores = [0.1, 0.9, 0.3, 0.2]

    class Killed(Exception):
        pass

    def killed(module):
        if module.current_epoch == 2 and (tmp_path / 'first').is_dir():
            raise Killed
        for name in (KEPT, MONITOR):
            module.log(name, scores[module.current_epoch])

    monkeypatch.setattr(PairTagging, 'on_validation_epoch_end', killed)
    config = Config.load('default', [*tiny_overrides, 'train.epochs=4'])
    with pytest.raises(Killed):
        fit(config, small_root, tmp_path / 'first', progress=False)
    (tmp_path / 'first').rename(tmp_path / 'moved')
    resumed = fit(config, small_root, tmp_path / 'moved', resume=True, progress=False)
    assert resumed.epoch == 1


@pytest.mark.parametrize('fast', [False, True])
@pytest.mark.parametrize('precision', ['auto', 'bf16', 'float32'])
def test_precision_is_that_of_the_products_and_not_of_the_weights(
        small_root, tiny_overrides, tmp_path, monkeypatch, precision, fast):
    seen = set()

    class Stop(Exception):
        pass

    def loss(model, batch):
        product = model.lin_object(torch.ones(1, model.lin_object.in_channels))
        assert model(batch).logits.dtype == torch.float32
        seen.update((model.tagger.lin_row.weight.dtype, product.dtype))
        raise Stop

    monkeypatch.setattr('eega_pyg.training.optimizer.has_fast_bf16',
                        lambda device: fast)
    monkeypatch.setattr(EEGA, 'loss', loss)
    config = Config.load('default', [*tiny_overrides, f'train.precision={precision}'])
    with pytest.raises(Stop):
        fit(config, small_root, tmp_path / 'run', progress=False)
    bf16 = precision == 'bf16' or (precision == 'auto' and fast)
    assert seen == ({torch.float32, torch.bfloat16} if bf16 else {torch.float32})


def test_a_hostile_checkpoint_is_not_unpickled(small_root, tiny_overrides, tmp_path):
    class Hostile:
        def __reduce__(self):
            return open, (str(tmp_path / 'owned'), 'w')

    config = resolved(Config.load('default', tiny_overrides), small_root)
    state = tmp_path / 'run' / 'training'
    state.mkdir(parents=True)
    import yaml
    (state / 'config.yaml').write_text(yaml.safe_dump(config.to_dict(),
                                                      sort_keys=False))
    torch.save({'state_dict': Hostile()}, state / 'last.ckpt')
    with pytest.raises(ValueError, match='last.ckpt'):
        fit(config, small_root, tmp_path / 'run', resume=True, progress=False)
    assert not (tmp_path / 'owned').exists()


def test_the_sampler_groups_by_length_and_depends_on_seed_and_epoch_alone():
    torch.manual_seed(0)
    lengths = torch.randint(1, 60, (331, ))
    sampler = LengthGroupedSampler(lengths, batch_size=8, seed=3, pool=10)
    first = list(sampler)
    assert sorted(first) == list(range(331))
    torch.manual_seed(5)
    assert list(LengthGroupedSampler(lengths, 8, seed=3, pool=10)) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(LengthGroupedSampler(lengths, 8, seed=4, pool=10)) != first

    def padding(order):
        batches = torch.tensor(order[:328]).view(-1, 8)
        return float((lengths[batches].amax(1, keepdim=True) - lengths[batches]).sum())

    assert padding(first) < 0.3 * padding(torch.randperm(331).tolist())


def test_an_epoch_has_so_many_of_each_group_drawn_anew():
    lengths = torch.randint(1, 60, (100, )).tolist()
    groups = [(30, 30), (50, 15), (20, 99)]
    sampler = LengthGroupedSampler(lengths, 8, seed=3, pool=2, groups=groups)
    seen = set()
    for epoch in range(6):
        sampler.set_epoch(epoch)
        order = list(sampler)
        assert len(order) == len(set(order)) == len(sampler) == 65
        assert set(range(30)) | set(range(80, 100)) <= set(order)
        seen |= {i for i in order if 30 <= i < 80}
    assert len(seen) > 30  # The same ones each time would be 15.
    with pytest.raises(ValueError, match='groups of 100 examples'):
        LengthGroupedSampler(lengths, 8, groups=[(99, 99)])
