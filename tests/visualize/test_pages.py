"""What the pages do in a real browser."""
import numpy as np
import pytest
from PIL import Image

from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.knowledge_graph.formats.page import write_graph_page
from eega_pyg.knowledge_graph.records import Evidence, Mention, Node, Relation, Sentence
from eega_pyg.schema import (
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    TagSet,
)
from eega_pyg.tagging import Extraction
from eega_pyg.visualize.explain_page import explain_page, write_explain_page
from eega_pyg.visualize.page import script_json

EVIL = '<img src=x onerror="window.hacked=1"></script>{{data}}'
TAGS = TagSet(('per', 'loc'), ('place_of_birth', ))


def make_result(words=('Ann', EVIL, 'of', 'Rome', '🎉'), **kwargs):
    offsets, start = [], 0
    for word in words:
        offsets.append((start, start + len(word)))
        start += len(word) + 1
    head, tail = Entity(0, 2, 'per', 0.75), Entity(3, 4, 'loc', 0.5)
    n = len(words)
    table = np.full((n, n, 4), [0.7, 0.1, 0.1, 0.1])
    table[0, 3] = [0.1, 0.0, 0.1, 0.8]
    nodes = np.tile([[0.25], [0.75]], (1, n))
    nodes[:, 3] = [0.9, 0.1]
    return Result(
        ' '.join(words), tuple(offsets),
        Extraction([head, tail], [Quintuple(head, tail, 'place_of_birth', 0.25)]),
        SceneGraph((SceneObject(EVIL, 0.5,
                                (0.1, 0.1, 0.6, 0.9)), SceneObject('tower', 1.0)),
                   (ScenePredicate(0, EVIL, 1), )), '../../etc/<passwd>',
        alignment=Alignment(nodes, 1 - nodes),
        pairs=PairProbabilities(TAGS, [(0, table)]), **kwargs)


def open_page(browser, path):
    browser.get_log('browser')
    browser.get(path.as_uri())


def assert_sound(browser):
    r"""No error, nothing fetched, nothing of the user's executed."""
    assert browser.get_log('browser') == []
    assert browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
        ".filter(name => !name.startsWith('data:'))") == []
    assert browser.execute_script('return window.hacked === undefined')
    assert browser.execute_script("return document.querySelector('img[src=x]')") is None


def text_of(browser, selector):
    return browser.execute_script(
        'return document.querySelector(arguments[0]).textContent', selector)


def press(browser, key):
    from selenium.webdriver.common.action_chains import ActionChains
    ActionChains(browser).send_keys(key).perform()


@pytest.fixture(scope='module')
def explained(tmp_path_factory):
    path = tmp_path_factory.mktemp('page') / 'explain.html'
    picture = Image.new('RGB', (400, 200), 'red')
    write_explain_page(make_result(image=picture), path)
    return path


@pytest.mark.browser
def test_the_text_is_shown_as_it_is_with_its_entities(browser, explained):
    open_page(browser, explained)
    shown = browser.execute_script(
        "const copy = document.getElementById('sentence').cloneNode(true);"
        "copy.querySelectorAll('small, svg').forEach(n => n.remove());"
        'return copy.textContent')
    assert shown == make_result().text
    assert browser.execute_script(
        "return [...document.querySelectorAll('.ent')].map(n => n.textContent)") == [
            f'Ann {EVIL}per', 'Romeloc'
        ]
    assert text_of(
        browser,
        '#quintuples tbody tr') == (f'Ann {EVIL} perplace_of_birth →Rome loc25 %')
    assert len(browser.find_elements('css selector', 'path.arc')) >= 1
    assert_sound(browser)


@pytest.mark.browser
def test_a_cell_of_a_plan_lights_its_word_and_its_object(browser, explained):
    from selenium.webdriver.common.action_chains import ActionChains
    open_page(browser, explained)
    cell = browser.find_elements('css selector', '#plan-nodes td[data-i]')[3]
    ActionChains(browser).move_to_element(cell).perform()
    assert '90 % of “Rome” goes to' in text_of(browser, '#plan-note')
    lit = browser.execute_script("return [...document.querySelectorAll('.w')]"
                                 ".map(n => n.style.background !== '')")
    assert lit == [False, False, False, True, False]
    assert browser.execute_script(
        "return [...document.querySelectorAll('#picture .object.on')].length") == 1
    assert_sound(browser)


@pytest.mark.browser
def test_everything_is_reached_with_the_keyboard(browser, explained):
    from selenium.webdriver.common.keys import Keys
    open_page(browser, explained)
    stops = []
    for _ in range(14):
        press(browser, Keys.TAB)
        stops.append(
            browser.execute_script(
                'const n = document.activeElement;'
                "return n.dataset.object !== undefined ? 'object' : "
                "n.classList.contains('ent') ? 'entity' : "
                "n.dataset.quintuple !== undefined ? 'relation' : "
                "n.closest('#plan-nodes, #plan-edges, #pairs')?.id || n.tagName"))
    assert {'entity', 'relation', 'object', 'plan-nodes', 'plan-edges',
            'pairs'} <= set(stops)
    while browser.execute_script("return !document.activeElement.closest('#pairs td')"):
        press(browser, Keys.TAB)
    for _ in range(3):
        press(browser, Keys.ARROW_RIGHT)
    assert text_of(browser,
                   '#pair-note').startswith('“Ann”, “Rome”: place_of_birth 80 %')
    press(browser, Keys.ARROW_UP)  # There is no cell above.
    assert browser.execute_script('return document.activeElement.dataset.j') == '3'
    assert_sound(browser)


@pytest.mark.browser
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_stands_out_from_what_is_behind_it(browser, explained, scheme):
    open_page(browser, explained)
    browser.execute_cdp_cmd(
        'Emulation.setEmulatedMedia',
        {'features': [{
            'name': 'prefers-color-scheme',
            'value': scheme
        }]})

    def luminance(name):
        color = browser.execute_script(
            "const n = document.createElement('i'); document.body.append(n);"
            'n.style.color = `var(--${arguments[0]})`;'
            'return getComputedStyle(n).color.match(/[0-9]+/g).map(Number)', name)
        parts = [c / 255 for c in color]
        parts = [
            p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055)**2.4 for p in parts
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    behind = luminance('panel')
    assert (behind < 0.2) == (scheme == 'dark')
    for name in ('ink', 'soft', *(f't{i}' for i in range(8))):
        low, high = sorted([behind, luminance(name)])
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


@pytest.mark.browser
def test_a_text_without_image_or_relation_has_a_page(browser, tmp_path):
    result = Result('Rome', ((0, 4), ), Extraction([], []), SceneGraph())
    write_explain_page(result, tmp_path / 'bare.html')
    open_page(browser, tmp_path / 'bare.html')
    assert text_of(browser, '#quintuples') == 'No relation was found.'
    headings = browser.execute_script(
        "return [...document.querySelectorAll('h2')].map(n => n.textContent)")
    assert headings == ['Text']
    assert_sound(browser)


@pytest.mark.browser
def test_hundreds_of_relations_are_listed_and_not_drawn(browser, tmp_path):
    words = [f'w{i}' for i in range(21)]
    entities = [Entity(i, i + 1, 'per', 1.0) for i in range(21)]
    found = [Quintuple(a, b, 'peer', 0.5) for a in entities for b in entities if a < b]
    offsets = [(4 * i, 4 * i + len(w)) for i, w in enumerate(words)]
    text = ''.join(f'{w:4}' for w in words)
    result = Result(text, tuple(offsets), Extraction(entities, found), SceneGraph())
    write_explain_page(result, tmp_path / 'many.html')
    open_page(browser, tmp_path / 'many.html')
    rows = browser.find_elements('css selector', '#quintuples tbody tr')
    assert len(rows) == 210
    assert browser.find_elements('css selector', 'path.arc') == []
    assert_sound(browser)


def test_a_long_text_shows_the_words_of_its_entities_in_the_tables():
    page = explain_page(make_result(tuple(f'w{i}' for i in range(101))))
    assert '"shown":[0,1,3]' in page


def test_json_cannot_leave_its_script():
    assert script_json({'a': '</script><!--&\u2028'
                        }) == ('{"a":"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028"}')


def make_graph(number):
    r"""Trees of forty entities."""
    sentences = (Sentence(f'{EVIL} knows node {number - 1} 🎉', '<b>.jpg'), )
    names = [EVIL, *(f'node {i}' for i in range(1, number))]
    nodes = {
        f'n{i}':
        Node(f'n{i}', name, 'per' if i % 2 else 'loc',
             (Mention(0, 0, len(EVIL), name, 0.5), ))
        for i, name in enumerate(names)
    }
    relations = [
        Relation(f'n{i - i % 40 + i % 40 // 3}', 'peer' if i % 5 else 'parent', f'n{i}',
                 (Evidence(0, (0, len(EVIL)), (len(EVIL) + 7, len(EVIL) + 11),
                           (i % 100) / 100), ), directed=i % 2 == 0)
        for i in range(number) if i % 40
    ]
    return KnowledgeGraph(sentences, nodes, relations)


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp('graph') / 'graph.html'
    write_graph_page(make_graph(2000), path, f'Title {EVIL}')
    return path


@pytest.mark.browser
def test_a_graph_of_2000_entities_is_searched_and_filtered(browser, large):
    from selenium.webdriver.common.keys import Keys
    open_page(browser, large)
    counts = lambda: text_of(browser, '#counts')
    assert counts() == '2000 of 2000 entities, 1950 of 1950 relations'
    browser.find_element('id', 'search').send_keys('NODE 1999')
    assert counts().startswith('1 of 2000 entities')
    press(browser, Keys.ENTER)
    assert text_of(browser, '#details h2') == 'node 1999'
    assert '<b>.jpg' in text_of(browser, '#details')
    browser.find_element('id', 'search').clear()
    browser.find_element('css selector', '#types input').click()  # loc
    assert counts().startswith('1000 of 2000 entities')
    browser.find_element('css selector', '#types input').click()
    browser.execute_script(
        "const p = document.getElementById('probability'); p.value = 0.95;"
        "p.dispatchEvent(new Event('input'))")
    assert counts() == '2000 of 2000 entities, 100 of 1950 relations'
    browser.find_element('id', 'lonely').click()
    assert int(counts().split()[0]) < 300
    assert_sound(browser)


@pytest.mark.browser
def test_the_graph_is_moved_with_the_keyboard(browser, large):
    from selenium.webdriver.common.keys import Keys
    open_page(browser, large)
    browser.find_element('id', 'canvas').click()
    before = browser.execute_script('return { ...view }')
    press(browser, '+')
    press(browser, Keys.ARROW_RIGHT)
    after = browser.execute_script('return { ...view }')
    assert after['scale'] > before['scale'] and after['x'] > before['x']
    press(browser, '0')
    fitted = browser.execute_script(
        'return nodes.map(screen).every(([x, y]) => x >= 0 && y >= 0 && '
        'x <= canvas.clientWidth && y <= canvas.clientHeight)')
    assert fitted
    browser.execute_script('select(0, true)')
    assert text_of(browser, '#details h2') == EVIL
    press(browser, Keys.ESCAPE)
    assert browser.execute_script("return document.getElementById('details').hidden")
    assert_sound(browser)


@pytest.mark.browser
def test_an_empty_graph_has_a_page(browser, tmp_path):
    write_graph_page(KnowledgeGraph((), {}, []), tmp_path / 'empty.html')
    open_page(browser, tmp_path / 'empty.html')
    assert text_of(browser, '#counts') == '0 of 0 entities, 0 of 0 relations'
    assert_sound(browser)
