r"""What is written for Label Studio is imported by it, and what it exports is read.

.. code-block:: bash

    python -m venv ls && ls/bin/pip install label-studio
    LABEL_STUDIO=ls/bin/label-studio python -m pytest \
        tests/formats/test_label_studio_server.py
"""
import importlib.util
import json
import os
import socket
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings

from eega_pyg.formats import FORMATS, read_texts, recognized, write_texts
from eega_pyg.formats.held import fitted

_spec = importlib.util.spec_from_file_location('texts',
                                               Path(__file__).with_name('texts.py'))
texts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(texts)

TOKEN = '0123456789abcdef0123456789abcdef01234567'
#: Seconds until the page answers; its first start makes a database.
PATIENCE = 900


class Server:
    r"""A Label Studio on this machine, with a user and a new database."""
    def __init__(self, command, folder):
        with socket.socket() as place:
            place.bind(('127.0.0.1', 0))
            port = place.getsockname()[1]
        self.url = f'http://127.0.0.1:{port}'
        environment = {
            **os.environ,
            'COLLECT_ANALYTICS': 'false',
            'LATEST_VERSION_CHECK': 'false',
            'SENTRY_DSN': '',
            'FRONTEND_SENTRY_DSN': '',
            'DJANGO_DB': 'sqlite',
            # Also what it does before it reads its arguments.
            'LABEL_STUDIO_BASE_DATA_DIR': str(folder)
        }
        # Else its Python would see the modules of this repository.
        environment.pop('PYTHONPATH', None)
        with open(folder / 'log', 'wb') as log:
            self.process = subprocess.Popen([
                command, 'start', '--no-browser', '--data-dir', folder, '--port',
                str(port), '--internal-host', '127.0.0.1', '--username', 'a@b.org',
                '--password', 'not-a-secret', '--user-token', TOKEN,
                '--enable-legacy-api-token', '--log-level', 'WARNING'
            ], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        self.log = folder / 'log'

    def wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urlopen(f'{self.url}/health', timeout=10):
                    return
            except (URLError, OSError):
                time.sleep(1)
        raise AssertionError(self.log.read_text(errors='replace')[-2000:])

    def __call__(self, method, path, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = Request(self.url + path, body, {
            'Authorization': f'Token {TOKEN}',
            'Content-Type': 'application/json'
        }, method=method)
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    command = os.environ.get('LABEL_STUDIO')
    if not command:
        pytest.skip('NO LABEL STUDIO: set LABEL_STUDIO to its executable')
    running = Server(os.path.abspath(command), tmp_path_factory.mktemp('label-studio'))
    try:
        running.wait()
        yield running
    finally:
        running.close()


def examples():
    found = []

    @settings(max_examples=500, derandomize=True, database=None)
    @given(texts.annotated_texts())
    def add(text):
        found.append(text)

    add()
    return found[:40] + [t for t in found[40:] if t.relations]


def without_probabilities(text):
    # A person has confirmed them.
    return replace(
        text, entities=tuple(replace(e, probability=None) for e in text.entities),
        relations=tuple(replace(r, probability=None) for r in text.relations))


def with_short_boxes(text):
    return replace(
        text, entities=tuple(
            replace(e, box=e.box and tuple(round(x, 9) for x in e.box))
            for e in text.entities))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_texts_come_back_from_label_studio(server, tmp_path):
    made = [
        fitted(t, FORMATS['label-studio'].holds, Counter(), texts.tokenize)
        for t in examples()
    ]
    assert sum(len(t.relations) for t in made) > 30
    assert any(
        ord(c) > 0xffff for t in made for e in t.entities
        for c in t.text[:e.start])  # Else no unit of offsets would show.
    write_texts(made, tmp_path / 'tasks.json', 'label-studio')
    project = server(
        'POST', '/api/projects', {
            'title': 'There and back',
            'label_config': (tmp_path / 'tasks.config.xml').read_text('utf-8')
        })['id']
    tasks = json.loads((tmp_path / 'tasks.json').read_text('utf-8'))
    answer = server('POST', f'/api/projects/{project}/import', tasks)
    assert answer['task_count'] == len(made)

    # What it keeps as predictions, as tasks to be imported anew.
    kept = sorted(
        server('GET',
               f'/api/tasks?project={project}&fields=all&page_size=1000')['tasks'],
        key=lambda task: task['id'])
    (tmp_path / 'kept.json').write_text(
        json.dumps([{
            'data': t['data'],
            'predictions': t['predictions']
        } for t in kept]))
    found = list(read_texts(tmp_path / 'kept.json', overlapping=True))
    assert [with_short_boxes(t) for t in found] == [with_short_boxes(t) for t in made]

    # A person confirms all of them.
    for task in kept:
        for result in [p['result'] for p in task['predictions']] or [[]]:
            server('POST', f"/api/tasks/{task['id']}/annotations", {'result': result})
    exported = server('GET', f'/api/projects/{project}/export?exportType=JSON')
    (tmp_path / 'export.json').write_text(json.dumps(exported))
    assert recognized(tmp_path / 'export.json') == 'label-studio'
    left_out = Counter()
    found = list(
        read_texts(tmp_path / 'export.json', overlapping=True, left_out=left_out))
    assert ([with_short_boxes(t) for t in found
             ] == [with_short_boxes(without_probabilities(t)) for t in made])
    assert +left_out == {
        'tasks with numbers and dates of Label Studio':
        len(made),
        'scores of predictions':
        sum(x.probability is not None for t in made
            for x in (*t.entities, *t.relations))
    }


@pytest.mark.slow
def test_the_server_is_at_work_where_it_is_named(server):
    assert server('GET', '/api/version')['release']
