r"""The command in a process of its own, and the code of the page that describes it."""
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from eega_pyg.extraction.extractor import Extractor

GUIDE = Path(__file__).parents[2] / 'docs' / 'guide' / 'serve.md'


@pytest.fixture
def server(trained):
    r"""A process that serves, and its address."""
    process = subprocess.Popen([
        sys.executable, '-m', 'eega_pyg.cli', 'serve', '--model', trained, '--port',
        '0', '--device', 'cpu', '--no-images', '--drain', '60'
    ], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = ''
        for line in process.stderr:  # It ends if the process does.
            told += line
            if found := re.search(r'Serving on (http://127\.0\.0\.1:\d+)', line):
                break
        else:
            raise AssertionError(told)
        yield process, found[1]
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.slow
def test_the_client_of_the_guide_and_the_end(server, trained):
    process, address = server
    code = re.search(r'^```python\n(.*?)^```', GUIDE.read_text(encoding='utf-8'),
                     re.M | re.S)
    names = {'__name__': 'guide'}
    exec(code[1].replace('http://127.0.0.1:8000', address), names)
    text = 'Emmanuel Macron lives in Paris'
    extractor = Extractor.from_pretrained(trained, 'cpu')
    wanted = [(e.text, e.type) for e in extractor(text).entities]
    with httpx.Client(base_url=address, timeout=120) as client:
        found, = names['extract'](client, [{'text': text}])
        assert [(e['text'], e['type']) for e in found['entities']] == wanted

        # What has arrived before the signal is answered after it.
        texts = [f'{text}. ' * 40] * 8
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(names['extract'], client, texts)
            running = 'eega_requests_in_progress{path="/v1/extract"} 1.0'
            while not answer.done():
                if running in httpx.get(f'{address}/metrics').text:
                    break
            process.send_signal(signal.SIGTERM)
            assert len(answer.result(120)) == 8
    assert process.wait(120) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f'{address}/healthz')
