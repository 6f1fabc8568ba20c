import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.config import Config, TrainConfig
from eega_pyg.datasets import FakeJMERE, open_dataset
from eega_pyg.saving.saved_model import load_model
from eega_pyg.tagging import Extraction
from eega_pyg.training.checkpoints import read_checkpoint
from eega_pyg.training.devices import device_options
from eega_pyg.training.evaluation import SentenceScores, evaluate
from eega_pyg.training.loaders import loaders
from eega_pyg.training.resume import goes_further
from eega_pyg.training.run import fit
from eega_pyg.training.sampler import LengthGroupedSampler, SharedBatches

FACTS = Path(__file__).parent / 'processes' / 'facts.py'


@given(st.integers(1, 70), st.integers(1, 20), st.integers(1, 5))
def test_the_parts_of_all_processes_are_the_batches_of_one(num, size, world):
    if min(num, size) < world:
        with pytest.raises(ValueError, match='one for each process'):
            SharedBatches(range(num), size, 0, world)
        return
    order = list(range(num))
    batches = [order[i:i + size] for i in range(0, num, size)]
    if len(batches[-1]) < world:
        last = batches.pop()
        batches[-1] += last
    parts = [SharedBatches(order, size, rank, world) for rank in range(world)]
    assert [len(list(part)) for part in parts] == [len(batches)] * world
    assert [len(part) for part in parts] == [len(batches)] * world
    for batch, *shares in zip(batches, *parts):
        assert all(shares) and sorted(sum(shares, [])) == batch


def test_other_processes_lay_out_the_same_batches():
    data = FakeJMERE(num_pairs=10, avg_words=6)
    one, two = (loaders(data, data, TrainConfig(batch_size=4, num_workers=n))[0]
                for n in (0, 2))
    for a, b in zip(one, two, strict=True):
        assert a.image_id == b.image_id
        assert all(
            torch.equal(x['input_ids'], y['input_ids'])
            for x, y in zip(a.node_stores, b.node_stores) if 'input_ids' in x)


def test_an_epoch_has_the_same_examples_however_many_devices_there_are():
    data = FakeJMERE(num_pairs=37, avg_words=6)
    config = TrainConfig(batch_size=8)
    parts = [loaders(data, data, config, rank, 2) for rank in range(2)]
    (whole, _), order = loaders(data, data, config), LengthGroupedSampler
    for train in (whole, *(part[0] for part in parts)):
        assert isinstance(train.batch_sampler.sampler, order)
        train.batch_sampler.sampler.set_epoch(3)
    batches = [sorted(batch) for batch in whole.batch_sampler]
    shared = zip(*(part[0].batch_sampler for part in parts))
    assert [sorted(a + b) for a, b in shared] == batches


@pytest.mark.parametrize('num, batches', [(37, 3), (32, 2), (3, 1)])
def test_processes_validate_equally_many_batches_and_leave_none_out(num, batches):
    data = FakeJMERE(num_pairs=num, avg_words=6)
    # A validation batch is twice as large.
    config = TrainConfig(batch_size=8)
    whole = list(loaders(data, data, config)[1].batch_sampler)
    assert sorted(sum(whole, [])) == list(range(num)) and len(whole) == batches
    parts = [
        list(loaders(data, data, config, rank, 2)[1].batch_sampler) for rank in range(2)
    ]
    assert len(parts[0]) == len(parts[1])
    assert sorted({tuple(b)
                   for part in parts
                   for b in part}) == sorted(map(tuple, whole))


def test_a_window_that_two_processes_have_scored_counts_once():
    first, second = SentenceScores(), SentenceScores()
    for scores, offsets in ((first, (0, 8)), (second, (4, 8))):
        scores.windows['a.jpg', 0] = [(o, Extraction([], [])) for o in offsets]
        scores.targets['a.jpg', 0], scores.entities['a.jpg', 0] = [], []
    second.windows['b.jpg', 1] = [(0, Extraction([], []))]
    second.targets['b.jpg', 1], second.entities['b.jpg', 1] = [], []
    first.merge(second)
    assert {
        k: sorted(o for o, _ in w)
        for k, w in first.windows.items()
    } == {
        ('a.jpg', 0): [0, 4, 8],
        ('b.jpg', 1): [0]
    }
    assert len(first.targets) == len(first.extractions()) == 2


def test_more_devices_than_pairs_a_step_are_refused():
    with pytest.raises(
            ValueError, match='train.batch_size: a step of 4 pairs is too '
            'small for 6 devices'):
        device_options(TrainConfig(batch_size=4, devices=3, nodes=2))
    assert device_options(TrainConfig())['strategy'] == 'auto'


def test_what_torchrun_says_counts(monkeypatch):
    for name, value in (('TORCHELASTIC_RUN_ID', '1'), ('LOCAL_WORLD_SIZE', '2'),
                        ('WORLD_SIZE', '6')):
        monkeypatch.setenv(name, value)
    options = device_options(TrainConfig())
    assert (options['devices'], options['num_nodes']) == (2, 3)
    with pytest.raises(ValueError, match=r'train.devices: torchrun has started 2 \(got '
                       r'4\)'):
        device_options(TrainConfig(devices=4))


def test_a_run_goes_on_with_other_devices(tmp_path):
    path = tmp_path / 'training' / 'config.yaml'
    path.parent.mkdir()
    path.write_text(json.dumps(Config().to_dict()))  # JSON is YAML too.

    def changed(**fields):
        train = Config().train.model_copy(update=fields)
        return Config().model_copy(update={'train': train})

    assert not goes_further(path, changed(devices=4, nodes=2))
    assert goes_further(path, changed(devices=4, epochs=99))
    with pytest.raises(ValueError, match='another configuration'):
        goes_further(path, changed(devices=4, batch_size=8))


# Two processes on a loaded machine are slow to start: they are started as rarely as
# possible, and each start shows several facts.
TORCHRUN = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2']


def environment():
    known = {
        k: v
        for k, v in os.environ.items()
        if k not in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
    }
    root = str(Path(__file__).parents[2])
    return {**known, 'PYTHONPATH': root, 'OMP_NUM_THREADS': '1', 'COLUMNS': '200'}


def call(*command, **kwargs):
    return subprocess.run(list(map(str, command)), env=environment(), text=True,
                          capture_output=True, timeout=300, **kwargs)


@pytest.fixture(scope='module')
def facts(tmp_path_factory):
    folder = tmp_path_factory.mktemp('facts')
    done = call(*TORCHRUN, FACTS, folder)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f'{rank}.json').read_text()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize('options', [
    'mean', 'sum', 'options', 'blind', 'no alignment', 'fusion', 'partly known',
    'taught'
])
def test_two_processes_have_the_gradients_of_one(facts, options):
    for fact in facts:
        found = fact[options]
        assert found['missing'] == []
        assert found['apart'] < 1e-5 and found['apart'] < 1e-5 * found['largest']


@pytest.mark.slow
@pytest.mark.parametrize('case, batches', [(0, 3), (1, 3), (2, 1)])
def test_the_validation_of_two_processes_is_exactly_that_of_one(facts, case, batches):
    for fact in facts:
        found = fact['validation'][case]
        assert found['batches'] == batches
        assert found['sentences'] == found['expected'] > 0 < found['found']
        assert found['windows'] and found['scores']


def children(pid):
    return Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


def trains(pid):
    return b'eega_pyg.cli' in Path(f'/proc/{pid}/cmdline').read_bytes()


@pytest.fixture(scope='module')
def killed(small_root, tiny_overrides, tmp_path_factory):
    r"""A run whose second process, which the first one has started, was killed after an
    epoch; its folder, its options, and how it ended."""
    folder = tmp_path_factory.mktemp('runs') / 'run'
    fit(Config.load('default', [*tiny_overrides, 'train.epochs=1']), small_root,
        folder.parent / 'warm', progress=False)  # Builds the data.
    options = [
        part for o in (*tiny_overrides, 'train.epochs=4', 'train.patience=4')
        for part in ('--set', o)
    ]
    command = ['train', small_root, '--output', folder, *options]
    process = subprocess.Popen(
        list(
            map(str, [
                sys.executable, '-m', 'eega_pyg.cli', *command, '--quiet', '--set',
                'train.devices=2'
            ])), env=environment(), text=True, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, start_new_session=True)
    try:
        last, end = folder / 'training' / 'last.ckpt', time.monotonic() + 300
        while not last.is_file() and time.monotonic() < end:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        second, = [int(p) for p in children(process.pid) if trains(p)]
        os.kill(second, signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return folder, command, process.returncode, output, errors


@pytest.mark.slow
def test_a_killed_process_ends_the_run_and_leaves_the_last_epoch(killed):
    folder, _, code, output, errors = killed
    assert code not in (0, None)
    assert output == '' and 'Another process of the run' in errors
    assert read_checkpoint(folder / 'training' / 'last.ckpt')['epoch'] in (0, 1)
    assert not (folder / 'model.safetensors').exists()


@pytest.fixture(scope='module')
def resumed(killed):
    folder, command, *_ = killed
    done = call(*TORCHRUN, '-m', 'eega_pyg.cli', *command, '--resume')
    assert done.returncode == 0, done.stderr
    return folder, done


def rows(folder):
    with open(folder / 'training' / 'metrics.csv', newline='') as f:
        return list(csv.DictReader(f))


@pytest.mark.slow
def test_a_run_of_torchrun_is_one_run(resumed, small_root):
    folder, done = resumed
    # It says once what it has to say, and writes what a run of one process writes.
    assert done.stdout.count('best epoch') == 1
    assert done.stdout.count('The model is in') == 1
    left, right = ({str(p.relative_to(f))
                    for p in f.rglob('*') if p.is_file()}
                   for f in (folder, folder.parent / 'warm'))
    assert left == right
    assert [row['epoch'] for row in rows(folder)] == ['1', '2', '3', '4']


@pytest.mark.slow
def test_the_scores_of_its_epochs_are_exactly_those_of_its_model(resumed, small_root):
    folder, done = resumed
    saved = load_model(folder)
    val = open_dataset(small_root, 'val', saved.data, saved.model.tag_set,
                       saved.vocabularies, log=False)
    scores = evaluate(saved.model, val, saved.signatures, 16)
    best = int(done.stdout.split('best epoch: ')[1].split(',')[0])
    found = {
        k[4:]: float(v)
        for k, v in rows(folder)[best - 1].items() if k.startswith('val/')
    }
    assert found == {k: pytest.approx(v, abs=1e-7) for k, v in scores.items()}


@pytest.mark.slow
def test_one_process_goes_on_with_a_run_of_two(resumed, small_root, tiny_overrides):
    folder, _ = resumed
    config = Config.load('default',
                         [*tiny_overrides, 'train.epochs=5', 'train.patience=5'])
    result = fit(config, small_root, folder, resume=True, progress=False)
    assert len(rows(folder)) == 5 and result.epoch in range(5)
