r"""The page at ``/`` in a real browser."""
import json
import re
import socket
import threading
import time
from html.parser import HTMLParser

import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from eega_pyg.extraction.item import Item
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.saving import Thresholds
from eega_pyg.serving import Limits, create_app

TEXT = 'Striker Marco Bellini joins Harbor City FC in Lisbon'
EVIL = '<img src=x onerror="window.hacked=1"></script>{{data}}'
LIMITS = Limits(characters=2000)
#: Whether the page in the frame shows a picture of 60 pixels.
SHOWN = ("document.querySelector('#explanation iframe').contentDocument"
         ".querySelector('#picture img')?.naturalWidth === 60")


@pytest.fixture(scope='module')
def app(extractor):
    extractor.thresholds = Thresholds()  # So that there are relations.
    yield create_app(extractor, LIMITS, name='tiny')
    extractor.thresholds = extractor.saved.thresholds


@pytest.fixture(scope='module')
def address(app):
    server = uvicorn.Server(uvicorn.Config(app, log_level='warning'))
    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener], ))
        thread.start()
        yield f'http://127.0.0.1:{listener.getsockname()[1]}/'
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(browser, address):
    r"""The page, which must load nothing from elsewhere and report no error."""
    browser.get('about:blank')
    browser.get_log('browser')
    browser.get(address)
    yield browser
    assert [x for x in browser.get_log('browser') if ' 422 ' not in x['message']
            and ' 413 ' not in x['message']] == []  # yapf: disable
    for name in resources(browser):
        assert name.startswith((address, 'data:', 'blob:' + address)), name
    assert browser.execute_script('return window.hacked === undefined')
    browser.execute_script('isSaved = true')  # It would ask before it is left.


def resources(browser):
    return browser.execute_script(
        "return [window, ...[...document.querySelectorAll('iframe')]"
        ".map(f => f.contentWindow)].flatMap(w => "
        "w.performance.getEntriesByType('resource').map(e => e.name))")


def until(browser, condition, *arguments):
    end = time.monotonic() + 60
    while not (value := browser.execute_script(f'return {condition}', *arguments)):
        assert time.monotonic() < end, condition
        time.sleep(0.02)
    return value


def text_of(browser, selector):
    return browser.execute_script(
        'return document.querySelector(arguments[0]).textContent', selector)


def framed(browser, frame, expression):
    r"""A value of the page in a frame, when it is drawn."""
    f = f"document.querySelector('#{frame} iframe')"
    until(
        browser, f"{f}?.contentDocument?.readyState === 'complete' && "
        f"!!{f}.contentDocument.querySelector('main')")
    return browser.execute_script(
        f'const f = {f}, d = f.contentDocument, w = f.contentWindow;'
        f'return {expression}')


def extract(browser, text, caption='', image=None):
    for name, value in (('text', text), ('caption', caption)):
        browser.execute_script(
            'document.getElementById(arguments[0]).value = arguments[1]', name, value)
    if image is not None:
        browser.find_element('id', 'image').send_keys(str(image))
    browser.execute_script("byId('status').textContent = ''")
    browser.find_element('id', 'read').click()
    until(browser, "!running && byId('status').textContent.startsWith('Found')")


def add(browser):
    browser.find_element('id', 'add').click()
    until(browser, '!running')


def downloaded(browser, form):
    r"""The name and the text of what is downloaded."""
    browser.execute_script(
        "window.taken = null; URL.createObjectURL = blob => {"
        "blob.text().then(text => { window.taken = text; }); return '#'; };"
        'HTMLAnchorElement.prototype.click = function () {'
        'window.called = this.download; };'
        f"byId('format').value = '{form}'; byId('download').requestSubmit()")
    until(browser, 'taken !== null && !running')
    return browser.execute_script('return [called, taken]')


@pytest.mark.browser
def test_what_is_found_is_shown_and_grows_to_a_graph(page, extractor, tmp_path):
    from selenium.webdriver.common.keys import Keys
    assert 'The graph is empty' in text_of(page, '#drawing')
    page.find_element('id', 'text').send_keys(TEXT)
    page.find_element('id', 'caption').send_keys('a man kicking a ball')
    page.find_element('id', 'caption').send_keys(Keys.CONTROL, Keys.ENTER)
    until(page, "byId('status').textContent.startsWith('Found')")
    items = [Item(TEXT, caption='a man kicking a ball'), Item('Ann lives in Rome')]
    results = extractor.batch(items, align=True)
    counts = [len(results[0].entities), len(results[0].quintuples)]
    assert re.findall(r'\d+', text_of(page, '#status')) == [str(n) for n in counts]
    rows = framed(page, 'explanation',
                  "d.querySelectorAll('#quintuples tbody tr').length")
    assert rows == counts[1] > 0
    assert framed(page, 'explanation', "d.querySelectorAll('.plan td').length")
    height, inside = page.execute_script(
        "const f = document.querySelector('#explanation iframe');"
        'return [f.clientHeight, f.contentDocument.documentElement.scrollHeight]')
    assert height == inside > 300

    add(page)
    assert not page.find_element('id', 'add').is_enabled()  # Not twice.
    extract(page, 'Ann lives in Rome')
    add(page)
    graph = KnowledgeGraph.from_results([r.to_dict() for r in results])
    number = len(graph.relations)
    status = f'2 texts, {len(graph.nodes)} entities, {number} relation'
    assert text_of(page, '#graph-status') == status + ('s' if number != 1 else '')
    assert framed(page, 'drawing',
                  "d.querySelector('#counts').textContent").split()[2] == str(
                      len(graph.nodes))
    name, content = downloaded(page, 'jsonl')
    (tmp_path / name).write_text(content, encoding='utf-8')
    loaded = KnowledgeGraph.load(tmp_path / name)
    assert loaded.nodes.keys() == graph.nodes.keys() and name == 'graph.jsonl'

    # Back to the first text, and the second is taken out again.
    see, remove = page.find_elements('css selector', '#texts li')[1].find_elements(
        'css selector', 'button')
    page.find_element('css selector', '#texts button').click()
    until(page, '!running')
    assert framed(page, 'explanation', 'f.eegaData.text') == TEXT
    assert page.execute_script('return document.activeElement.id') == 'h-found'
    remove.click()
    until(page, '!running')
    assert text_of(page, '#graph-status').startswith('1 text, ')


@pytest.mark.browser
def test_a_photo_is_looked_at_and_shown(page, tmp_path, looker):
    Image.new('RGB', (60, 30), 'blue').save(tmp_path / 'sea.png')
    extract(page, TEXT, image=tmp_path / 'sea.png')
    labels = framed(
        page, 'explanation', "[...d.querySelectorAll('#scene .object text')]"
        '.map(n => n.textContent)')
    assert labels == ['60 by 30', '(0, 0, 255)']
    until(page, SHOWN)
    assert text_of(page, '#image-name') == 'sea.png'
    looker.sizes.clear()
    extract(page, TEXT, 'a man')  # Beside a caption it is shown only.
    assert looker.sizes == []
    until(page, SHOWN)
    page.find_element('id', 'no-image').click()
    extract(page, TEXT)
    assert framed(page, 'explanation', "d.querySelector('#seen')") is None


@pytest.mark.browser
def test_pictures_of_one_name_are_told_apart(page, tmp_path):
    names = []
    for folder, color in (('a', 'red'), ('b', 'blue'), ('a', 'red')):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / 'my "sea".png'
        Image.new('RGB', (60, 30), color).save(path)
        extract(page, TEXT, image=path)
        names.append(page.execute_script('return found.result.image_id'))
    assert names == ['my "sea".png', 'my "sea" (2).png', 'my "sea".png']
    assert text_of(page, '#image-name') == names[0]


@pytest.mark.browser
def test_a_picture_that_is_changed_is_sent_as_it_was_chosen(page, tmp_path, looker):
    path = tmp_path / 'sea.png'
    Image.new('RGB', (60, 30), 'red').save(path)
    page.find_element('id', 'image').send_keys(str(path))
    until(page, "byId('shown').src.startsWith('data:')")
    path.unlink()
    looker.sizes.clear()
    extract(page, TEXT)
    assert looker.sizes == [(60, 30)]


@pytest.mark.browser
def test_a_picture_that_cannot_be_read_is_told_and_not_left_out(page):
    page.execute_script(
        "const gone = new File(['x'], 'sea.png', { type: 'image/png' });"
        "gone.arrayBuffer = () => Promise.reject(new TypeError('x'));"
        "field.text.value = 'Ann'; choose(gone); form.requestSubmit()")
    until(page, '!running && byId("error").textContent')
    assert text_of(page, '#error') == 'The image cannot be read: choose it again.'
    assert page.execute_script('return image === null && found === null')


@pytest.mark.browser
def test_a_picture_that_is_too_large_is_told_in_megabytes(page):
    page.execute_script("choose(new File([new Uint8Array(16 * 2 ** 20 + 100)], 'a'))")
    assert text_of(page, '#error') == ('The image has 16.1 megabytes, and a request at '
                                       'most 16: make it smaller.')


@pytest.mark.browser
def test_what_was_found_stays_when_the_service_is_gone(page):
    for text in (TEXT, 'Bob of Paris'):
        extract(page, text)
        add(page)
    extract(page, 'Ann lives in Rome')
    status = text_of(page, '#graph-status')
    page.execute_script("window.fetch = () => Promise.reject(new TypeError('x'))")
    for selector in ('#texts button', '#texts button[aria-label]', '#add'):
        page.find_element('css selector', selector).click()
        until(page, '!running && byId("graph-error").textContent')
        assert text_of(page, '#graph-error').startswith('The service cannot be reached')
        assert text_of(page, '#graph-status') == status
        page.execute_script("byId('graph-error').textContent = ''")
    assert framed(page, 'explanation', 'f.eegaData.text') == 'Ann lives in Rome'
    assert page.execute_script('return texts.length') == 2


@pytest.mark.browser
@pytest.mark.parametrize('text, caption, reason, field', [
    ('  ', '', 'text: enter at least one word', 'text'),
    ('a' * 2001, '', 'text: has 2,001 characters, and at most 2,000', 'text'),
    ('Ann', 'a' * 2001, 'caption: has 2001 characters', 'caption'),
])  # yapf: disable
def test_an_error_names_the_field(page, text, caption, reason, field):
    page.execute_script(
        'field.text.value = arguments[0]; field.caption.value = arguments[1]', text,
        caption)
    page.find_element('id', 'read').click()
    assert until(page, "byId('error').textContent").startswith(reason)
    until(page, 'document.activeElement.id === arguments[0]', field)
    assert page.execute_script('return document.activeElement.ariaInvalid') == 'true'
    assert text_of(page, '#status') == '' and page.find_element('id',
                                                                'read').is_enabled()


@pytest.mark.browser
def test_what_a_user_enters_is_never_run(page):
    extract(page, f'Ann of {EVIL} Rome', EVIL)
    add(page)
    for frame in ('explanation', 'drawing'):
        assert framed(page, frame, 'w.hacked === undefined && '
                      "!d.querySelector('img[src=x]')")


@pytest.mark.browser
def test_a_full_service_is_asked_again_and_a_request_can_be_stopped(page):
    page.execute_script(
        'window.real = fetch; window.full = 1;'
        "window.fetch = (...x) => full-- > 0 ? Promise.resolve(new Response('{}',"
        "{ status: 503, headers: { 'Retry-After': '1' } })) : real(...x);"
        'field.text.value = "Ann"; form.requestSubmit()')
    until(page,
          "byId('status').textContent === 'Too many wait. Asking again in 1 second …'")
    until(page, "byId('status').textContent.startsWith('Found')")
    page.execute_script('full = 1e9; form.requestSubmit()')
    until(page, "!byId('stop').hidden")
    page.find_element('id', 'stop').click()
    until(page, "byId('status').textContent === 'Stopped.'")
    page.execute_script("window.fetch = () => Promise.reject(new TypeError('x'));"
                        'form.requestSubmit()')
    until(
        page, "byId('error').textContent === "
        "'The service cannot be reached. Is it still running?'")


@pytest.mark.browser
def test_everything_has_a_name_and_fits_a_phone(page):
    page.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
        'width': 390,
        'height': 844,
        'deviceScaleFactor': 2,
        'mobile': True
    })
    try:
        extract(page, f'{TEXT} {"long" * 60}', 'a man kicking a ball')
        add(page)
        for frame in ('explanation', 'drawing'):
            assert framed(page, frame, 'd.documentElement.scrollWidth') <= 390
        assert page.execute_script('return document.documentElement.scrollWidth') == 390
        small = page.execute_script(
            "return [...document.querySelectorAll('button, select, #drop')]"
            '.filter(n => n.offsetHeight && n.offsetHeight < 44).map(n => n.id)')
        assert small == []
    finally:
        page.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    tree = page.execute_cdp_cmd('Accessibility.getFullAXTree', {})['nodes']
    controls = [x for x in tree if not x.get('ignored') and x['role']['value'] in (
        'button', 'textbox', 'combobox', 'slider', 'Iframe')]  # yapf: disable
    assert len(controls) > 10
    assert [x for x in controls if not x['name']['value']] == []


class Loaded(HTMLParser):
    r"""What a page loads, and what stands in it as styles and scripts."""
    def __init__(self, page):
        super().__init__()
        self.files, self.inline = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.files += [given[k] for k in ('src', 'href') if given.get(k)]
        if 'style' in given or tag == 'style' or (tag == 'script' and 'src' not in given
                                                  and given.get('type')
                                                  != 'application/json'):
            self.inline.append(tag)


def test_a_strict_policy_is_enough(extractor):
    # An application of its own: where it ends, the one in the browser would end.
    with TestClient(create_app(extractor, LIMITS, name='tiny')) as client:
        for url, folder in (('/', 'page/'), ('/page/explain', ''), ('/page/graph', '')):
            answer = client.get(url)
            policy = answer.headers['content-security-policy']
            assert "default-src 'none'" in policy and 'unsafe' not in policy
            page = Loaded(answer.text)
            assert page.inline == [] and len(page.files) >= 5
            for file in page.files:
                assert file.startswith(folder) and ':' not in file
                answer = client.get('/page/' + file.removeprefix(folder))
                assert answer.status_code == 200, file
                assert answer.headers['x-content-type-options'] == 'nosniff'
        assert client.get('/page/..%2fapp.py').status_code == 404
        assert 'page' not in json.dumps(
            list(client.get('/openapi.json').json()['paths']))
