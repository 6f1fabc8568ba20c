r"""Every relative link in the repository's pages leads to a file, and to a heading of
it where it names one."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r'^(```+|~~~+).*?^\1', re.DOTALL | re.MULTILINE)


def pages():
    found = [*ROOT.glob('*.md')]
    for folder in ('docs', 'benchmarks', 'datasets', 'eega_pyg'):
        found += (ROOT / folder).rglob('*.md')
    # Those that the site's build writes are checked by docs/check.py.
    ignored = [
        p for p in (ROOT / 'docs' / '.gitignore').read_text().splitlines()
        if p and not p.startswith('#')
    ]
    return sorted(p for p in found if not any(
        p.relative_to(ROOT / 'docs').as_posix().startswith(i)
        for i in ignored if p.is_relative_to(ROOT / 'docs')))


def headings(path):
    r"""The anchors of a page as GitHub and MyST make them."""
    text = FENCE.sub('', path.read_text(encoding='utf-8'))
    titles = re.findall(r'^#+ +(.+?) *$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', t.lower()).replace(' ', '-') for t in titles}


def links(path):
    text = FENCE.sub('', path.read_text(encoding='utf-8'))
    return [
        href for href in re.findall(r'\[[^][]*\]\(([^()\s]+)\)', text)
        if not re.match(r'[a-z]+:', href)
    ]


@pytest.mark.parametrize('page', pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for href in links(page):
        path, _, anchor = href.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), href
        assert not anchor or anchor in headings(target), href


def test_a_heading_is_found_by_its_anchor(tmp_path):
    page = tmp_path / 'a.md'
    page.write_text('# One, `two` & three\n```\n# not this\n```\n[x](b.md#y) `[z](c)`')
    assert headings(page) == {'one-two--three'}
    assert 'b.md#y' in links(page)
