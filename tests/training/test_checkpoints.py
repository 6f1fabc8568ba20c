import errno
import os
import random

import pytest
import torch

from eega_pyg.training.checkpoints import (
    BEFORE,
    LAST,
    SafeCheckpointIO,
    find_last,
    finish,
    read_checkpoint,
    write_checkpoint,
)


def checkpoint(epoch):
    return {
        'epoch':
        epoch,
        'state_dict': {
            'w': torch.full((50, ), float(epoch))
        },
        'callbacks': {},
        'loops': {},
        'lr_schedulers': [],
        'optimizer_states': [{
            'state': {
                0: {
                    'exp_avg': torch.ones(500)
                }
            },
            'param_groups': [{
                'lr': 0.1
            }]
        }],
        'rng': {},
    }


@pytest.fixture
def folder(tmp_path):
    for epoch in (3, 4):
        SafeCheckpointIO().save_checkpoint(checkpoint(epoch), tmp_path / LAST)
    return tmp_path


def epoch(path):
    return read_checkpoint(path)['epoch']


def test_the_last_and_the_one_before_are_kept(folder):
    assert sorted(os.listdir(folder)) == sorted([LAST, BEFORE])
    assert (epoch(folder / LAST), epoch(folder / BEFORE)) == (4, 3)
    assert find_last(folder) == folder / LAST
    SafeCheckpointIO().save_checkpoint(checkpoint(1), folder / 'best.ckpt')
    SafeCheckpointIO().save_checkpoint(checkpoint(2), folder / 'best.ckpt')
    assert len(os.listdir(folder)) == 3 and epoch(folder / 'best.ckpt') == 2


@pytest.mark.parametrize('place', ['write', 'fsync', 'replace'])
def test_a_write_that_fails_destroys_nothing(folder, monkeypatch, place):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if place == 'write':
            patch.setattr('builtins.open', full)
        else:
            patch.setattr(os, place, full)
        with pytest.raises(OSError, match='last.ckpt.*No space left.*before it stays'):
            SafeCheckpointIO().save_checkpoint(checkpoint(5), folder / LAST)
    assert sorted(os.listdir(folder)) == sorted([LAST, BEFORE])
    assert (epoch(folder / LAST), epoch(folder / BEFORE)) == (4, 3)


def test_a_kill_between_the_two_moves_leaves_the_one_before(folder, monkeypatch):
    replace, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', killed)
        with pytest.raises(KeyboardInterrupt):
            SafeCheckpointIO().save_checkpoint(checkpoint(5), folder / LAST)
    assert os.listdir(folder) == [BEFORE]
    assert epoch(find_last(folder)) == 4


def damaged(content):
    yield b''
    yield content[:len(content) // 2]
    yield content[:-1]
    yield content.replace(b'state_dict', b'state_dicT')
    yield b'\x80\x02' + content
    position = content.index(torch.full((50, ), 4.).numpy().tobytes())
    yield content[:position] + b'\xff' + content[position + 1:]


@pytest.mark.parametrize('kind', range(6))
def test_a_damaged_one_is_replaced_by_the_one_before(folder, kind):
    content = list(damaged((folder / LAST).read_bytes()))[kind]
    (folder / LAST).write_bytes(content)
    with pytest.warns(UserWarning,
                      match="last.ckpt' is not a checkpoint.*goes on with"):
        assert epoch(find_last(folder)) == 3
    assert os.listdir(folder) == [LAST]  # So that no damaged one replaces a whole one.
    (folder / LAST).write_bytes(content)
    with pytest.raises(ValueError, match=f"{LAST}' is not .*no whole '.*{BEFORE}'"):
        find_last(folder)
    os.remove(folder / LAST)
    assert find_last(folder) is None


def test_what_is_not_a_checkpoint_is_named(folder):
    for content in ([1], {'state_dict': 1}, {'epoch': 1}):
        torch.save(content, folder / LAST)
        with pytest.raises(ValueError,
                           match="last.ckpt' is not a checkpoint of a run: "):
            read_checkpoint(folder / LAST)
    with pytest.raises(ValueError, match="it lacks 'epoch'"):
        torch.save({'state_dict': 1}, folder / LAST)
        read_checkpoint(folder / LAST, whole=False)
    with pytest.raises(ValueError, match="none.ckpt' is not a checkpoint"):
        read_checkpoint(folder / 'none.ckpt')


def test_whatever_was_changed_in_one_is_found(folder):
    path = folder / LAST
    whole, generator, wrong = path.read_bytes(), random.Random(0), 0
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(generator.choice([1, 1, 4])):
            content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(content)
        try:
            found = read_checkpoint(path)
        except ValueError as e:
            assert str(path) in str(e) and '\n' not in str(e)
            wrong += 1
        else:
            assert found['state_dict']['w'].eq(4).all()
    assert wrong > 50


def test_what_only_a_stopped_run_needs_goes_at_the_end(folder):
    (folder / 'encoder.safetensors').write_text('x')
    (folder / 'metrics.csv').write_text('x')
    size = (folder / LAST).stat().st_size
    finish(folder)
    assert sorted(os.listdir(folder)) == sorted([LAST, 'metrics.csv'])
    left = read_checkpoint(folder / LAST)
    assert left['optimizer_states'] == [{'state': {}, 'param_groups': [{'lr': 0.1}]}]
    assert left['epoch'] == 4 and (folder / LAST).stat().st_size < size - 2000
    time = (folder / LAST).stat().st_mtime_ns
    finish(folder)  # Nothing is left to do.
    assert (folder / LAST).stat().st_mtime_ns == time


def test_a_file_is_written_in_one_step_for_whoever_reads_it(tmp_path):
    write_checkpoint(checkpoint(1), tmp_path / 'new' / LAST, keep=True)
    assert epoch(tmp_path / 'new' / LAST) == 1
    assert os.listdir(tmp_path / 'new') == [LAST]
