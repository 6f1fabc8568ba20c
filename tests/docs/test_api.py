r"""The API reference, read from the pages that name modules; docs/check.py checks what
is built of them."""
import re
from importlib import import_module
from inspect import ismodule
from pathlib import Path
from pkgutil import walk_packages

import eega_pyg

API = Path(__file__).parents[2] / 'docs' / 'api'
PACKAGES = ['eega_pyg'] + [
    m.name for m in walk_packages(eega_pyg.__path__, 'eega_pyg.') if m.ispkg
]


def shown():
    r"""The objects that have an entry, as pairs of their name and what they are."""
    text = ''.join(p.read_text(encoding='utf-8') for p in sorted(API.glob('*.md')))
    out = []
    for module in re.findall(r'automodule:: (\S+)', text):
        held = import_module(module)
        for name in getattr(held, '__all__', [n for n in vars(held) if n[0] != '_']):
            out.append((name, getattr(held, name)))
    for name in re.findall(r'auto(?:data|function|class):: (\S+)', text):
        module, _, last = name.rpartition('.')
        out.append((last, getattr(import_module(module), last)))
    return out


def public():
    r"""Each package with each name that it makes public, and what that is."""
    for package in PACKAGES:
        for name in getattr(import_module(package), '__all__', ()):
            thing = getattr(import_module(package), name)
            # A module of the same name hides a function once it is loaded.
            yield package, name, getattr(thing, name) if ismodule(thing) else thing


def test_every_public_name_is_in_the_reference():
    entries = shown()
    missing = [
        f'{package}.{name}' for package, name, thing in public()
        if not any(name == n and thing is entry for n, entry in entries)
    ]
    # The build writes the page of the command line.
    assert set(missing) <= {'eega_pyg.cli.main'}


def test_every_page_of_the_reference_is_in_its_index():
    index = (API / 'index.md').read_text(encoding='utf-8')
    listed = re.findall(r'^(\w+(?:-\w+)*)$', index, re.MULTILINE)
    assert {p.stem for p in API.glob('*.md')} - {'index'} <= set(listed)
