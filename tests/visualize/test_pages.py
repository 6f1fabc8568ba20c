"""What the pages do in a real browser."""
import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from eega_pyg.extraction.found import Grounding
from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.knowledge_graph.formats.page import graph_page, write_graph_page
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
from eega_pyg.visualize.palette import type_marks

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
        pairs=PairProbabilities(TAGS, [(range(n), table)]), **kwargs)


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
    for name in ('ink', 'soft', 'focus'):
        low, high = sorted([behind, luminance(name)])
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


@pytest.mark.browser
@pytest.mark.parametrize('words, forward', [(('אן', 'גרה', 'כאן', 'רומא', 'היום'), -1),
                                            (('Ann', 'is', 'of', 'Rome', 'now'), 1)])
def test_words_stand_in_the_order_of_their_script(browser, tmp_path, words, forward):
    write_explain_page(make_result(words), tmp_path / 'page.html')
    open_page(browser, tmp_path / 'page.html')
    left = browser.execute_script(
        'return wordNodes.map(n => n.getBoundingClientRect().left)')
    assert left == sorted(left)[::forward]
    # A relation over a line break leaves its line where the line ends.
    browser.execute_script("sentence.style.width = '150px'")
    until = 'return sentence.querySelectorAll("path.arc").length'
    end = time.monotonic() + 30
    while (number := browser.execute_script(until)) < 2:
        assert time.monotonic() < end, number
    ends = browser.execute_script(
        'return [...sentence.querySelectorAll("path.arc")].map(p => [p.getPointAtLength'
        '(0).x, p.getPointAtLength(p.getTotalLength()).x])')
    outer = [max(ends[0]), min(ends[1])
             ] if forward == 1 else [min(ends[0]), max(ends[1])]
    assert outer == ([144, 6] if forward == 1 else [6, 144])
    assert_sound(browser)


@pytest.mark.browser
def test_a_page_is_printed_whole_and_without_arcs_for_another_width(
        browser, tmp_path, explained, large):
    try:
        browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': 'print'})
        open_page(browser, explained)
        style = ("return getComputedStyle(document.querySelector(arguments[0]))"
                 '[arguments[1]]')
        assert browser.execute_script(style, '#sentence > svg', 'display') == 'none'
        assert browser.execute_script(style, '.scroll', 'maxHeight') == 'none'
        assert browser.execute_script(style, '.grid td', 'printColorAdjust') == 'exact'
        open_page(browser, large)
        assert browser.execute_script(style, 'canvas', 'objectFit') == 'contain'
    finally:
        browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': ''})


@pytest.mark.browser
def test_a_text_without_image_or_relation_has_a_page(browser, tmp_path):
    result = Result('Rome', ((0, 4), ), Extraction([], []), SceneGraph())
    write_explain_page(result, tmp_path / 'bare.html')
    open_page(browser, tmp_path / 'bare.html')
    assert text_of(browser, '#quintuples') == 'No relation was found.'
    assert text_of(browser, '#entities') == 'No entity was found.'
    lines = browser.execute_script(
        "const p = document.querySelector('#quintuples p');"
        'return p.offsetHeight / parseFloat(getComputedStyle(p).lineHeight)')
    assert lines == pytest.approx(1, abs=0.1)
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
    assert counts() == '800 of 2000 entities, 650 of 1950 relations'
    browser.find_element('id', 'lonely').click()
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
def test_an_entity_is_chosen_and_left_with_the_keyboard(browser, large):
    from selenium.webdriver.common.keys import Keys
    open_page(browser, large)
    focused = lambda: browser.execute_script(
        'const n = document.activeElement; return n.id || n.dataset.node')
    second = browser.find_elements('css selector', '#list button')[1]
    name = second.get_attribute('data-node')
    second.send_keys(Keys.ENTER)
    assert focused() == 'details'
    press(browser, Keys.ESCAPE)
    assert focused() == name
    assert browser.execute_script("return document.getElementById('details').hidden")
    press(browser, Keys.ENTER)
    press(browser, Keys.TAB)
    assert browser.execute_script('return document.activeElement.className') == 'close'
    press(browser, Keys.TAB)
    press(browser, Keys.ENTER)  # A relation leads on.
    assert focused() == 'details'
    assert str(browser.execute_script('return selected')) != name
    assert_sound(browser)


@pytest.mark.browser
def test_what_is_chosen_is_shown_whatever_is_left_out(browser, large):
    open_page(browser, large)
    browser.find_element('css selector', '#types input').click()
    counts = text_of(browser, '#counts')
    number = browser.execute_script('return nodes.findIndex(n => !n.shown)')
    browser.execute_script('select(arguments[0], true)', number)
    assert browser.execute_script('return nodes[selected].shown')
    assert text_of(browser, '#counts') == counts
    browser.execute_script('select(null)')
    assert not browser.execute_script('return nodes[arguments[0]].shown', number)
    assert_sound(browser)


@pytest.mark.browser
def test_an_empty_graph_has_a_page(browser, tmp_path):
    write_graph_page(KnowledgeGraph((), {}, []), tmp_path / 'empty.html')
    open_page(browser, tmp_path / 'empty.html')
    assert text_of(browser, '#counts') == '0 of 0 entities, 0 of 0 relations'
    assert_sound(browser)


@pytest.fixture
def phone(browser):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
        'width': 390,
        'height': 844,
        'deviceScaleFactor': 2,
        'mobile': True
    })
    yield browser
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


def small_graph(make):
    people = [('Ann', 'per', 0.9), ('Bob', 'per', 0.9), ('Acme', 'org', 0.9)]
    return KnowledgeGraph.from_results([
        make('Ann and Bob of Acme', people, [(0, 'couple', 1, 0.9),
                                             (1, 'member_of', 2, 0.8)], 'a.png'),
        make('Rome in May', [('Rome', 'loc', 0.9)]),
    ])


@pytest.fixture
def make():
    def make(text, entities, relations=(), image=''):
        found = [{
            'type':
            kind,
            'start':
            text.index(name),
            'end':
            text.index(name) + len(name),
            'probability':
            p,
            'objects': [{
                'label': 'man',
                'strength': 0.5,
                'box': [0.25, 0.0, 0.5, 1.0]
            }]
        } for name, kind, p in entities]
        return {
            'text':
            text,
            'image_id':
            image,
            'entities':
            found,
            'quintuples': [{
                'head': found[h],
                'relation': name,
                'tail': found[t],
                'probability': p
            } for h, name, t, p in relations]
        }

    return make


@pytest.mark.browser
def test_entities_without_a_relation_are_hidden_until_they_are_asked_for(
        browser, make, tmp_path):
    write_graph_page(small_graph(make), tmp_path / 'g.html')
    open_page(browser, tmp_path / 'g.html')
    assert text_of(browser, '#counts') == '3 of 4 entities, 2 of 2 relations'
    browser.find_element('id', 'search').send_keys('rome')
    assert text_of(browser, '#counts').startswith('1 of 4')
    browser.find_element('id', 'search').clear()
    browser.find_element('id', 'lonely').click()
    assert text_of(browser, '#counts').startswith('4 of 4')
    assert_sound(browser)


@pytest.mark.browser
def test_entities_are_shown_where_no_relation_was_found(browser, make, tmp_path):
    graph = KnowledgeGraph.from_results([make('Rome', [('Rome', 'loc', 0.9)])])
    write_graph_page(graph, tmp_path / 'g.html')
    open_page(browser, tmp_path / 'g.html')
    assert text_of(browser, '#counts').startswith('1 of 1')
    result = Result('Rome', ((0, 4), ), Extraction([Entity(0, 1, 'loc', 0.5)], []),
                    SceneGraph())
    write_explain_page(result, tmp_path / 'e.html')
    open_page(browser, tmp_path / 'e.html')
    assert text_of(browser, '#entities tbody') == 'Rome loc50 %'


DRAWN = """
paint();
const [W, H] = [canvas.clientWidth, canvas.clientHeight];
const boxes = [...labelled.nodes, ...labelled.edges].map(([, box]) => box);
const inside = boxes.every(b => b[0] >= 0 && b[1] >= 0 && b[2] <= W && b[3] <= H);
const apart = boxes.every((b, i) => boxes.slice(i + 1).every(c => !overlap(b, c)));
const covered = labelled.nodes.filter(([i, b]) => shownNodes.some(j => {
  const [x, y] = screen(nodes[j]), r = 0.7 * radius(nodes[j]);
  return i !== j && overlap(b, [x - r, y - r, x + r, y + r]);
})).length;
return { inside, apart, covered, names: labelled.nodes.map(([i]) => nodes[i].name),
  relations: labelled.edges.map(([i]) => edges[i].relation) };
"""


@pytest.mark.browser
@pytest.mark.parametrize('width', [1200, 390])
def test_names_of_entities_and_relations_are_seen_without_selecting(
        browser, make, tmp_path, width, request):
    if width == 390:
        request.getfixturevalue('phone')
    write_graph_page(small_graph(make), tmp_path / 'g.html')
    open_page(browser, tmp_path / 'g.html')
    drawn = browser.execute_script(DRAWN)
    assert sorted(drawn['names']) == ['Acme', 'Ann', 'Bob']
    assert sorted(drawn['relations']) == ['couple', 'member_of']
    assert drawn['inside'] and drawn['apart'] and drawn['covered'] == 0


@pytest.fixture(scope='module')
def galaxy(tmp_path_factory):
    r"""A component of 900 entities with hubs, 150 of two, and 600 of one."""
    import networkx as nx
    net = nx.disjoint_union_all([
        nx.barabasi_albert_graph(900, 1, seed=3), *[nx.path_graph(2)] * 150,
        nx.empty_graph(600)
    ])
    sentences = (Sentence('x' * 9), )
    nodes = {
        f'n{i}': Node(f'n{i}', f'Name {i}', 'per', (Mention(0, 0, 9, 'x', 0.5), ))
        for i in net
    }
    relations = [
        Relation(f'n{a}', 'peer', f'n{b}', (Evidence(0, (0, 1), (2, 3), 0.5), ), False)
        for a, b in net.edges
    ]
    path = tmp_path_factory.mktemp('galaxy') / 'graph.html'
    write_graph_page(KnowledgeGraph(sentences, nodes, relations), path)
    hubs = sorted(net, key=lambda i: -net.degree(i))[:8]
    return path, [f'Name {i}' for i in hubs]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize('width', [1200, 390])
def test_a_graph_of_1800_entities_begins_with_its_largest_part_and_names_its_hubs(
        browser, galaxy, width, request):
    if width == 390:
        request.getfixturevalue('phone')
    path, hubs = galaxy
    open_page(browser, path)
    assert text_of(browser, '#counts').startswith('1200 of 1800 entities')
    drawn = browser.execute_script(DRAWN)
    assert drawn['inside'] and drawn['apart'] and drawn['covered'] <= 15
    assert set(hubs) <= set(drawn['names'])
    seen = browser.execute_script(
        'return nodes.slice(0, 900).map(screen).every(([x, y]) => x >= 0 && y >= 0 && '
        'x <= canvas.clientWidth && y <= canvas.clientHeight)')
    assert seen
    assert_sound(browser)


@pytest.mark.browser
@pytest.mark.parametrize('kind', ['graph', 'explain'])
def test_a_phone_is_wide_enough(phone, make, explained, tmp_path, kind):
    path = explained
    if kind == 'graph':
        path = tmp_path / 'g.html'
        write_graph_page(small_graph(make), path, f'A title {EVIL}')
    open_page(phone, path)
    assert phone.execute_script('return document.documentElement.scrollWidth') == 390
    if kind == 'graph':  # The graph stands under the search, before filters and list.
        tops = phone.execute_script(
            "return ['search', 'canvas', 'types', 'list'].map(id => "
            'byId(id).getBoundingClientRect().top)')
        assert tops == sorted(tops) and tops[1] < 300
        small = phone.execute_script(
            "return [...document.querySelectorAll('#tools button')]"
            '.filter(n => n.offsetHeight < 44).length')
        assert small == 0
        phone.find_element('css selector', '#list button').click()
        panel, shown = phone.execute_script(
            "const a = byId('details').getBoundingClientRect();"
            'const [x, y] = screen(nodes[selected]);'
            'const b = canvas.getBoundingClientRect();'
            'return [[a.top, a.bottom, a.left, a.right], [b.left + x, b.top + y]]')
        assert 0 <= panel[2] and panel[3] <= 390 and panel[1] <= 844
        assert 0 < shown[1] < panel[0] and 0 < shown[0] < 390
    assert_sound(phone)


@pytest.mark.browser
def test_pictures_are_shown_with_what_was_aligned(browser, make, tmp_path):
    Image.new('RGB', (640, 320), 'red').save(tmp_path / 'a.png')
    write_graph_page(small_graph(make), tmp_path / 'g.html', image_folder=tmp_path)
    open_page(browser, tmp_path / 'g.html')
    browser.execute_script('select(nodes.findIndex(n => n.name === "Ann"), true)')
    box, image, size = browser.execute_async_script(
        "const done = arguments[0], img = document.querySelector('.frame img');"
        "const rect = n => n.getBoundingClientRect();"
        'img.decode().then(() => { const a = rect(img); const b = '
        "rect(document.querySelector('#details .frame i')); done([[(b.left - a.left) / "
        'a.width, b.width / a.width], img.alt, img.naturalWidth]); })')
    assert box == pytest.approx([0.25, 0.25], abs=0.03)
    assert (image, size) == ('a.png', 160)
    assert_sound(browser)


@pytest.mark.browser
def test_entities_are_shown_in_the_image_in_their_colours(browser, tmp_path):
    result = make_result(image=Image.new('RGB', (400, 200), 'red'))
    ann, rome = result.extraction.entities
    box = result.scene_graph.objects[0].box
    result = replace(
        result, groundings={
            ann: Grounding(0, 0.875, box),
            rome: Grounding(None, 0.5)
        })
    write_explain_page(result, tmp_path / 'e.html')
    open_page(browser, tmp_path / 'e.html')
    rect, name, colour = browser.execute_async_script(
        'const done = arguments[0], draw = () => {'
        ' const g = document.querySelector("#picture g.object");'
        ' if (!g) { requestAnimationFrame(draw); return; }'
        ' done([getComputedStyle(g.querySelector("rect")).stroke,'
        ' g.querySelector("text").textContent, typeColor("per")]); }; draw();')
    assert name == f'Ann {EVIL}'
    assert rect == 'rgb({}, {}, {})'.format(*bytes.fromhex(colour[1:]))
    cells = browser.find_elements('css selector', '#entities .seen')
    assert cells[0].text.endswith('88 %') and cells[1].text == 'not seen 50 %'
    shown, whole = browser.execute_script(
        "return [...document.querySelectorAll('.cutout, .cutout img')].map(node => "
        "{ const r = node.getBoundingClientRect(); return [node.clientWidth, "
        "node.clientHeight, r.width, r.left - node.parentNode.getBoundingClientRect()"
        ".left]; })")
    # The box has half of the width of the image, and begins at a tenth of it.
    assert shown[0] / whole[2] == pytest.approx(0.5, abs=0.02)
    assert -whole[3] / whole[2] == pytest.approx(0.1, abs=0.03)
    browser.execute_script(
        "document.querySelector('#entities tr[data-entity]').focus()")
    assert browser.execute_script(
        "return document.querySelectorAll('#picture g.object.on').length") == 1
    browser.execute_script("document.querySelector('#picture g.object').focus()")
    assert browser.execute_script(
        "return document.querySelector('.ent.on').textContent").startswith('Ann')
    assert_sound(browser)


@pytest.mark.browser
def test_what_is_in_a_box_is_cut_out_of_the_picture(browser, make, tmp_path):
    Image.new('RGB', (640, 320), 'red').save(tmp_path / 'a.png')
    write_graph_page(small_graph(make), tmp_path / 'g.html', image_folder=tmp_path)
    open_page(browser, tmp_path / 'g.html')
    browser.execute_script('select(nodes.findIndex(n => n.name === "Ann"), true)')
    size = browser.execute_async_script(
        "const img = document.querySelector('.parts img'), done = arguments[0];"
        'img.decode().then(() => done([img.naturalWidth, img.naturalHeight]))')
    assert size == [80, 160]
    assert browser.execute_script(
        "return D.nodes.flatMap(n => n.mentions.map(m => m[4][2]))") == [None, 0, 0, 0]
    assert_sound(browser)


@pytest.mark.browser
def test_a_relation_without_direction_has_no_arrow_on_any_page(browser, make, tmp_path):
    head, tail = Entity(0, 1, 'per', 0.5), Entity(2, 3, 'per', 0.5)
    found = [Quintuple(head, tail, name, 0.5) for name in ('couple', 'parent')]
    result = Result('Ann and Bob', ((0, 3), (4, 7), (8, 11)),
                    Extraction([head, tail], found), SceneGraph())
    write_explain_page(result, tmp_path / 'e.html')
    open_page(browser, tmp_path / 'e.html')
    cells = browser.execute_script(
        "return [...document.querySelectorAll('#quintuples td:nth-child(2)')]"
        '.map(n => n.textContent)')
    assert cells == ['couple —', 'parent →']
    tips = browser.execute_script(
        "return [...document.querySelectorAll('path.arc')].map(n => "
        "n.hasAttribute('marker-end') || n.hasAttribute('marker-start'))")
    assert tips == [False, True]
    write_graph_page(KnowledgeGraph.from_results([result]), tmp_path / 'g.html')
    open_page(browser, tmp_path / 'g.html')
    tips = browser.execute_script(
        'const drawn = []; tip = (a, b) => drawn.push(1); paint(); return drawn.length')
    assert tips == 1


@pytest.mark.browser
def test_heat_maps_say_what_their_shades_mean(browser, explained):
    open_page(browser, explained)
    legends = browser.execute_script(
        "return [...document.querySelectorAll('.legend')].map(n => n.textContent)")
    assert legends == ['0 %90 %', '0 %90 %', 'perloca relation0 %100 %']


def test_a_type_has_one_mark_on_all_pages(make):
    def marks(page):
        return json.loads(re.search(r'id="data">(.*?)</script>', page,
                                    re.S)[1])['marks']

    graph = marks(graph_page(small_graph(make)))
    explained = marks(explain_page(make_result()))
    assert {k: list(v) for k, v in type_marks(['per', 'org', 'loc']).items()} == graph
    assert explained.items() <= graph.items()
