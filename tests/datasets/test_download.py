import hashlib
import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eega_pyg.datasets.download import download_file

CONTENT = b"{'token': []}\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/mnre_val%20.txt':
            self.send_response(200)
            self.send_header('Content-Length', str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)
        elif self.path == '/short':
            self.send_response(200)
            self.send_header('Content-Length', str(len(CONTENT) + 5))
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture(scope='module')
def server():
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_a_file_with_the_right_content_is_kept(server, tmp_path):
    path = str(tmp_path / 'raw' / 'mnre_val.txt')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        download_file(f'{server}/mnre_val%20.txt', path, SHA256)
    with open(path, 'rb') as f:
        assert f.read() == CONTENT


def test_another_content_is_refused_with_what_to_do(server, tmp_path):
    url, path = f'{server}/mnre_val%20.txt', str(tmp_path / 'mnre_val.txt')
    with pytest.raises(OSError) as info:
        download_file(url, path, '0' * 64)
    message = str(info.value)
    assert url in message and path in message and SHA256 in message
    assert 'by other means' in message
    assert os.listdir(tmp_path) == []


def test_a_file_without_a_known_hash_is_kept_with_a_warning(server, tmp_path):
    with pytest.warns(UserWarning, match='was not checked'):
        download_file(f'{server}/mnre_val%20.txt', str(tmp_path / 'a'), None)
    assert os.listdir(tmp_path) == ['a']


@pytest.mark.parametrize('sha256', [SHA256, None])
@pytest.mark.parametrize('name', ['nothing.txt', 'short'])
def test_what_cannot_be_fetched_leaves_nothing(server, tmp_path, name, sha256):
    path = str(tmp_path / 'mnre_val.txt')
    with pytest.raises(OSError, match="by other means and save it as"):
        download_file(f'{server}/{name}', path, sha256)
    assert os.listdir(tmp_path) == []


def test_a_host_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(OSError, match="Cannot download 'http://127.0.0.1:9/a'"):
        download_file('http://127.0.0.1:9/a', str(tmp_path / 'a'), None)
