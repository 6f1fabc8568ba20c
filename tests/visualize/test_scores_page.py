"""What the page of scores shows in a real browser."""
import importlib.util
import re
from pathlib import Path

import pytest

from eega_pyg.scoring import compare, score
from eega_pyg.visualize.scores_page import write_scores_page

_spec = importlib.util.spec_from_file_location(
    'scored_texts',
    Path(__file__).parents[1] / 'scoring' / 'conftest.py')
_scored_texts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_scored_texts)
annotated = _scored_texts.annotated

EVIL = '<img src=x onerror="window.hacked=1"></script>{{data}}'
GOLD = [
    annotated(f'🎉 Ann {EVIL} is in Rome', [(f'Ann {EVIL}', 'per'), ('Rome', EVIL)],
              [(0, 1, EVIL)], place='<b>:1'),
    annotated('Bob and Eve', [('Bob', 'per'), ('Eve', 'per')], [(0, 1, 'couple')]),
    annotated('Eve of Acme', [('Eve', 'per'), ('Acme', 'org')], [(0, 1, 'member_of')]),
]
FIRST = [
    GOLD[0].part([1]),
    annotated('Bob and Eve', [('Bob', 'per'), ('Eve', 'org')], [(0, 1, 'couple')]),
    GOLD[2]
]
SECOND = [GOLD[0], GOLD[1].part([0])]
NAMES = ['first', f'second {EVIL}']


def open_page(browser, path):
    browser.get_log('browser')
    browser.get(path.as_uri())


def assert_sound(browser):
    assert browser.get_log('browser') == []
    assert browser.execute_script(
        "return performance.getEntriesByType('resource').length") == 0
    assert browser.execute_script('return window.hacked === undefined')
    assert browser.execute_script("return document.querySelector('img')") is None


def rows(browser, selector):
    return browser.execute_script(
        'return [...document.querySelectorAll(arguments[0])].map(row => '
        '[...row.children].map(cell => cell.textContent))', f'{selector} tr')


def articles(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('article')].map(a => "
        "[a.querySelector('p').textContent, "
        "[...a.querySelectorAll('mark')].map(m => m.textContent), "
        "[...a.querySelectorAll('li')].map(l => l.textContent)])")


def choose(browser, name, value):
    browser.execute_script(
        'const n = document.getElementById(arguments[0]); n.value = arguments[1];'
        "n.dispatchEvent(new Event('change')); n.dispatchEvent(new Event('input'))",
        name, value)


@pytest.mark.browser
def test_one_system(browser, tmp_path):
    report = score(GOLD, FIRST, draws=50)
    write_scores_page(report, tmp_path / 'a.html', NAMES[:1], 'gold')
    open_page(browser, tmp_path / 'a.html')
    quintuple = next(r for r in rows(browser, '#scores') if r[0] == 'quintuple')
    assert quintuple[1] == '40.0' and quintuple[-3:] == ['1', '2', '3']
    assert ['couple', '1', '0.0', '0.0', '0.0'] in rows(browser, '#groups')
    choose(browser, 'view', 'triple')
    assert ['couple', '1', '100.0', '100.0', '100.0'] in rows(browser, '#groups')
    table = rows(browser, '#confusion table')
    assert table[0] == ['', EVIL, 'org', 'per', 'none']
    assert table[3] == ['per', '', '1', '2', '1']
    text = f'🎉 Ann {EVIL} is in Rome'
    assert articles(browser) == [
        [
            text, [f'Ann {EVIL}', 'Rome'],
            [f'✗ missedAnn {EVIL} (per) –{EVIL}– Rome ({EVIL})']
        ],
        [
            'Bob and Eve', ['Bob', 'Eve'],
            [
                '✗ too muchBob (per) –couple– Eve (org)',
                '✗ missedBob (per) –couple– Eve (per)'
            ]
        ],
    ]
    choose(browser, 'kind', '2')
    assert [a[0] for a in articles(browser)] == ['Bob and Eve']
    choose(browser, 'kind', '0')
    choose(browser, 'search', 'ROME')
    assert [a[0] for a in articles(browser)] == [text]
    assert_sound(browser)


@pytest.mark.browser
def test_two_systems(browser, tmp_path):
    comparison = compare(GOLD, FIRST, SECOND, draws=50)
    write_scores_page(comparison, tmp_path / 'a.html', NAMES, 'gold')
    open_page(browser, tmp_path / 'a.html')
    second = [r for r in rows(browser, '#scores') if r[1] == NAMES[1]]
    assert [r[2] for r in second][0] == '50.0'
    tests = rows(browser, '#tests')
    assert tests[1][:2] == ['quintuple', '+10.0']
    assert tests[1][3] == f"{comparison.tests['quintuple'].p_bootstrap:.4f}"
    assert 'texts have no prediction' in browser.find_element('id', 'notes').text
    assert [lines for _, _, lines in articles(browser)] == [
        [f'✓ right{NAMES[1]} only: Ann {EVIL} (per) –{EVIL}– Rome ({EVIL})'],
        ['✗ wrongfirst only: Bob (per) –couple– Eve (org)'],
        ['✓ rightfirst only: Eve (per) –member_of– Acme (org)'],
    ]
    choose(browser, 'kind', '1')  # Right in the first one only.
    assert [a[0] for a in articles(browser)] == ['Eve of Acme']
    assert_sound(browser)


@pytest.mark.browser
def test_many_texts_come_in_parts_and_none_has_a_page(browser, tmp_path):
    gold = [annotated(f'{i} Ann', [('Ann', 'per')]) for i in range(70)]
    none = [annotated(f'{i} Ann') for i in range(70)]
    write_scores_page(score(gold, none, draws=1), tmp_path / 'a.html', ['a'], 'gold',
                      'entity')
    open_page(browser, tmp_path / 'a.html')
    assert len(articles(browser)) == 50
    browser.find_element('id', 'more').click()
    assert len(articles(browser)) == 70
    assert not browser.find_element('id', 'more').is_displayed()
    assert not browser.find_element('id', 'lost-section').is_displayed()
    write_scores_page(score(none, none, draws=1), tmp_path / 'b.html', ['a'], 'gold')
    open_page(browser, tmp_path / 'b.html')
    assert re.match('0 of 70 texts', browser.find_element('id', 'texts-note').text)
    assert_sound(browser)


@pytest.fixture
def narrow(browser):
    size = {'width': 390, 'height': 800, 'deviceScaleFactor': 1, 'mobile': False}
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
    yield browser
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


@pytest.mark.browser
def test_nothing_but_tables_is_wider_than_a_phone(narrow, tmp_path):
    write_scores_page(compare(GOLD, FIRST, SECOND, draws=5), tmp_path / 'a.html', NAMES,
                      'gold')
    open_page(narrow, tmp_path / 'a.html')
    assert narrow.execute_script(
        'const width = document.documentElement.clientWidth;'
        "return [...document.querySelectorAll('main *')].filter(n => "
        "!n.closest('.scroll, .side > div') && n.getBoundingClientRect().right > "
        'width).map(n => n.outerHTML.slice(0, 80))') == []
    assert narrow.execute_script('return document.documentElement.scrollWidth <= '
                                 'document.documentElement.clientWidth')
