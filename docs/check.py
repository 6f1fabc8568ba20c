r"""Checks a built site without a network: that every link leads to a page, a heading or
a file, and that every public name of the package has an entry in the API reference.

    python docs/check.py docs/_build/html
"""
import sys
import zlib
from html.parser import HTMLParser
from importlib import import_module
from inspect import ismodule
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Dict, Iterator, List, Set, Tuple
from urllib.parse import unquote, urlsplit

import eega_pyg

PACKAGE = eega_pyg.__name__


class Page(HTMLParser):
    r"""The links of a page, and what can be linked to in it."""
    def __init__(self) -> None:
        super().__init__()
        self.links: List[str] = []
        self.anchors: Set[str] = set()

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Any]]) -> None:
        given = dict(attrs)
        self.anchors.update(given[k] for k in ('id', 'name') if given.get(k))
        for name in ('href', 'src'):
            if given.get(name) and (tag, given.get('rel')) != ('link', 'search'):
                self.links.append(given[name])


def broken_links(site: Path) -> Iterator[str]:
    pages: Dict[Path, Page] = {}
    for path in sorted(site.rglob('*.html')):
        pages[path.resolve()] = page = Page()
        page.feed(path.read_text(encoding='utf-8'))
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent /
                      unquote(parts.path)).resolve() if parts.path else path
            where = f'{path.relative_to(site.resolve())}: {link}'
            if not target.is_file():
                yield f'{where}: there is no such file'
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].anchors:
                    yield f'{where}: there is no such heading'


def public_names() -> Iterator[Tuple[str, str]]:
    r"""Each package with each name that it makes public."""
    packages = [PACKAGE] + [
        m.name for m in walk_packages(eega_pyg.__path__, f'{PACKAGE}.') if m.ispkg
    ]
    for package in packages:
        for name in getattr(import_module(package), '__all__', ()):
            yield package, name


def missing_names(site: Path) -> Iterator[str]:
    r"""An object may have its entry under another name of it, *e.g.*, that of the
    module which holds it."""
    # Four lines in plain text, then a compressed line an entry.
    inventory = (site / 'objects.inv').read_bytes().split(b'\n', 4)[4]
    entries: Dict[str, List[str]] = {}
    for line in zlib.decompress(inventory).decode('utf-8').splitlines():
        entry, kind, _ = line.split(' ', 2)
        if kind.startswith('py:'):
            entries.setdefault(entry.rpartition('.')[2], []).append(entry)
    for package, name in public_names():
        homes = {e.rpartition('.')[0] for e in entries.get(name, ())}
        wanted = getattr(import_module(package), name)
        if ismodule(wanted):  # It hides a function of the same name once it is loaded.
            wanted = getattr(wanted, name)
        if not any(home == package or holds(home, name, wanted) for home in homes):
            yield f'{package}.{name}: has no entry in the API reference'


def holds(module: str, name: str, wanted: Any) -> bool:
    try:
        return getattr(import_module(module), name, None) is wanted
    except ImportError:  # The class of a method.
        return False


def main() -> None:
    site = Path(sys.argv[1])
    problems = [*broken_links(site), *missing_names(site)]
    print('\n'.join(problems), end='\n' if problems else '')
    print(f'{len(list(public_names()))} public names, '
          f'{len(list(site.rglob("*.html")))} pages, {len(problems)} problems')
    sys.exit(bool(problems))


if __name__ == '__main__':
    main()
