import errno
import os
import stat
import subprocess
import sys
import tempfile

import pytest
from safetensors import SafetensorError

from eega_pyg.files import atomic, check_file, write_text


def test_the_file_behind_a_link_is_written_and_the_link_stays(tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'real' / 'a.txt').write_text('old')
    (tmp_path / 'link').symlink_to('real/a.txt')
    check_file(tmp_path / 'link')
    write_text(tmp_path / 'link', 'new')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'real' / 'a.txt').read_text() == 'new'
    assert os.listdir(tmp_path / 'real') == ['a.txt']


def test_a_link_to_a_file_that_is_not_there_yet_makes_it(tmp_path):
    (tmp_path / 'link').symlink_to('later.txt')
    write_text(tmp_path / 'link', 'new')
    assert (tmp_path / 'later.txt').read_text() == 'new'


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='has no named pipes')
def test_a_named_pipe_is_refused_and_stays(tmp_path):
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    for function in (check_file, lambda path: write_text(path, 'new')):
        with pytest.raises(OSError, match='it is a pipe'):
            function(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ['pipe']


@pytest.mark.skipif(sys.platform != 'linux', reason='has no /proc')
def test_the_standard_output_is_written_to(tmp_path):
    code = ('from eega_pyg.files import check_file, write_text\n'
            'check_file("/dev/stdout"); write_text("/dev/stdout", "new")')
    for target in (subprocess.PIPE, (tmp_path / 'a.txt').open('w')):
        done = subprocess.run([sys.executable, '-c', code], check=True, stdout=target)
        assert done.stdout in (b'new', None)
    assert (tmp_path / 'a.txt').read_text() == 'new'


def test_a_device_stays_a_device():
    check_file(os.devnull)
    write_text(os.devnull, 'new')
    assert not os.path.isfile(os.devnull)


@pytest.mark.skipif(not os.path.isdir('/dev/shm'), reason='has no /dev/shm')
def test_a_file_in_memory_is_a_file_like_any_other():
    with tempfile.TemporaryDirectory(dir='/dev/shm') as folder:
        path = os.path.join(folder, 'a.txt')
        write_text(path, 'old')
        with pytest.raises(RuntimeError):
            with atomic(path) as temporary:
                assert os.path.dirname(temporary) == folder
                raise RuntimeError
        with open(path) as f:
            assert f.read() == 'old'


@pytest.mark.skipif(sys.platform != 'linux', reason='has no /proc')
@pytest.mark.parametrize('path', ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])
def test_a_file_that_is_redirected_to_keeps_what_it_held(tmp_path, path):
    code = f'from eega_pyg.files import write_text; write_text("{path}", "new\\n")'
    target = tmp_path / 'a.txt'
    target.write_text('old\n')
    with target.open('a') as file:
        subprocess.run([sys.executable, '-c', code], check=True, stdout=file)
    assert target.read_text() == 'old\nnew\n'
    with target.open('w') as file:  # One place in the file, which all share.
        for text in ('first', 'last'):
            print(text, file=file, flush=True)
            subprocess.run([sys.executable, '-c', code], check=True, stdout=file)
    assert target.read_text() == 'first\nnew\nlast\nnew\n'


@pytest.mark.skipif(os.name != 'posix', reason='Elsewhere nothing is synced')
def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, steps = tmp_path / 'a.txt', []

    def sync(number):
        name = os.readlink(f'/proc/self/fd/{number}')
        steps.append((name, path.read_text() if path.exists() else ''))

    monkeypatch.setattr(os, 'fsync', sync)
    write_text(path, 'new')
    (temporary, before), (folder, after) = steps
    assert os.path.dirname(temporary) == folder == str(tmp_path)
    assert (before, after) == ('', 'new')

    def full(number):
        raise OSError(errno.ENOSPC, 'full')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='full'):
        write_text(path, 'newer')
    assert os.listdir(tmp_path) == ['a.txt'] and path.read_text() == 'new'


def test_what_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / 'a.txt').write_text('old')
    with pytest.raises(RuntimeError):
        with atomic(tmp_path / 'a.txt') as temporary:
            with open(temporary, 'w') as f:
                f.write('half')
            raise RuntimeError
    assert os.listdir(tmp_path) == ['a.txt']
    assert (tmp_path / 'a.txt').read_text() == 'old'


@pytest.mark.skipif(os.name != 'posix', reason='has no way to ask for a process')
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    code = ('import os, sys\nfrom eega_pyg.files import atomic\n'
            'with atomic(sys.argv[1]) as path:\n'
            '    os.kill(os.getpid(), 9)')
    for name in ('a.txt', 'b' * 240):
        subprocess.run([sys.executable, '-c', code, str(tmp_path / name)])
    assert len(os.listdir(tmp_path)) == 2
    others = ['a.txt.000000-1-12345678.tmp', 'mine.tmp']  # Of another machine; mine.
    for name in others:
        (tmp_path / name).touch()
    with atomic(tmp_path / 'c.txt') as temporary:  # Of a running process.
        check_file(tmp_path / 'a.txt')
        assert sorted(os.listdir(tmp_path)) == sorted(
            [*others, os.path.basename(temporary)])


def test_a_name_as_long_as_a_name_may_be_is_written(tmp_path):
    write_text(tmp_path / ('ä' * 127), 'new')
    assert (tmp_path / ('ä' * 127)).read_text() == 'new'


def test_an_error_of_the_system_names_what_was_to_be_written(tmp_path):
    path = str(tmp_path / 'a')
    full = 'No space left on device'
    with pytest.raises(OSError) as error, atomic(path):
        raise OSError(errno.ENOSPC, full)
    assert error.value.filename == path
    with pytest.raises(OSError) as error, atomic(path) as temporary:
        raise OSError(errno.ENOSPC, full, 'source', None, temporary)
    assert (error.value.filename, error.value.filename2) == ('source', path)
    with pytest.raises(OSError) as error, atomic(path):
        raise OSError(errno.ENOENT, 'No such file', 'another')
    assert error.value.filename == 'another'
    with pytest.raises(OSError, match=f"'{path}' cannot be written .*{full}"):
        with atomic(path):
            raise SafetensorError(f'Error while serializing: I/O error: {full} '
                                  f'(os error 28)')
    assert list(tmp_path.iterdir()) == []
