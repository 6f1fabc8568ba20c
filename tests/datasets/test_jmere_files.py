import hashlib
import os
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from eega_pyg.datasets import JMERE
from eega_pyg.files import _temporary
from eega_pyg.transforms import PairTransform

load = partial(JMERE, log=False)


def files(root):
    return [
        n for n in sorted(os.listdir(root / 'processed'))
        if n not in ('.lock', 'tools.json')
    ]


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_build_leaves_no_half_file(root, monkeypatch, error):
    def stops(self, pair, call=PairTransform.__call__):
        if pair.sentence == 1:
            raise error
        return call(self, pair)

    with monkeypatch.context() as patch:
        patch.setattr(PairTransform, '__call__', stops)
        with pytest.raises(error):
            load(root)
    # The vocabularies were complete.
    assert [n.split('_')[0] for n in files(root)] == ['vocabularies']
    assert len(load(root)) == 2


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path, )


def test_a_hostile_processed_file_is_neither_run_nor_replaced(root, tmp_path):
    path = load(root).processed_paths[0]
    torch.save(Bomb(str(tmp_path / 'bomb')), path)
    with open(path, 'rb') as f:
        content = f.read()
    with pytest.raises(ValueError, match='it may run code'):
        load(root)
    assert not (tmp_path / 'bomb').exists()
    with open(path, 'rb') as f:
        assert f.read() == content
    assert len(load(root, force_reload=True)) == 2


def test_the_files_that_pyg_would_unpickle_are_not_touched(root, tmp_path):
    load(root)
    for name in ('pre_transform.pt', 'pre_filter.pt'):
        torch.save(Bomb(str(tmp_path / 'bomb')), root / 'processed' / name)
    assert len(load(root)) == 2
    assert not (tmp_path / 'bomb').exists()


def test_broken_vocabularies_are_named(root):
    load(root)
    name, = [n for n in files(root) if n.startswith('vocabularies')]
    (root / 'processed' / name).write_text('{}')
    with pytest.raises(ValueError, match=f"{name}: missing 'format'"):
        load(root)


def test_what_a_killed_build_left_is_removed_by_the_next(root):
    load(root)

    def killed(path):
        return Path(_temporary(str(path)).replace(f'-{os.getpid()}-', '-4194303-'))

    left = [killed(root / 'processed' / 'train_v1.pt')]
    others = [root / 'processed' / 'notes.tmp', killed(root / 'raw' / 'a.pt')]
    for path in (*left, *others):
        path.write_text('half')
    load(root)  # Opens what is there: another process may be building.
    assert left[0].exists()
    load(root, max_words=9)
    assert not left[0].exists() and all(path.exists() for path in others)
    (root / 'raw' / 'mnre_val.txt').rename(root / 'raw' / 'mnre_test.txt')
    load(root, split='test')
    with pytest.raises(FileNotFoundError):
        load(root, split='val')
    assert not others[1].exists() and others[0].exists()


def test_a_second_process_waits_until_the_first_is_done(root):
    processed = root / 'processed'
    processed.mkdir()
    held = threading.Event()

    def first():
        with FileLock(processed / '.lock'):
            held.set()
            time.sleep(0.3)

    threading.Thread(target=first).start()
    held.wait()
    with pytest.warns(UserWarning, match='Another process builds in'):
        assert len(load(root)) == 2


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def upstream(tmp_path, raw_files, monkeypatch):
    folder = tmp_path / 'upstream'
    folder.mkdir()
    train, val = raw_files['mnre_train.txt'], raw_files['mnre_val.txt']
    for name, text in (('mnre_train.txt', train), ('mnre_val .txt', val),
                       ('mnre_test.txt', val)):
        (folder / name).write_text(text)
    handler = partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(JMERE, 'url', f'http://127.0.0.1:{server.server_port}')
    monkeypatch.setattr(
        'eega_pyg.datasets.download.CHECKSUMS', {
            name: hashlib.sha256(raw_files[name].encode()).hexdigest()
            for name in ('mnre_train.txt', 'mnre_val.txt')
        })
    yield folder
    server.shutdown()
    server.server_close()


def test_missing_text_is_downloaded_and_checked(upstream, tmp_path):
    root = tmp_path / 'fresh'
    assert len(load(root, split='val')) == 1
    assert sorted(os.listdir(root / 'raw')) == ['mnre_train.txt', 'mnre_val.txt']
    with pytest.warns(UserWarning, match='mnre_test.txt. was not checked'):
        assert len(load(root, split='test')) == 1


def test_a_download_of_other_content_is_refused(upstream, tmp_path):
    (upstream / 'mnre_val .txt').write_text('other')
    root = tmp_path / 'fresh'
    with pytest.raises(OSError, match='mnre_val%20.txt. gave is not the expected file'):
        load(root, split='val')
    assert os.listdir(root / 'raw') == ['mnre_train.txt']
    os.remove(upstream / 'mnre_val .txt')
    with pytest.raises(OSError, match='404') as info:
        load(root, split='val')
    assert str(root / 'raw' / 'mnre_val.txt') in str(info.value)
