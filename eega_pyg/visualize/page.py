r"""Pages that need no other file and no network."""
import html
import json
import re
from importlib.resources import files
from typing import Any, Dict

_SCRIPTS = {
    'explain': ('explain.js', ),
    'graph': ('graph.js', 'canvas.js'),
    'scores': ('scores.js', )
}


def render(name: str, title: str, data: Any) -> str:
    r"""Fills a template of this package.

    Styles and scripts are put into the page. What is shown comes as JSON, which the
    script turns into text nodes, never into HTML; the page's policy lets it load
    nothing from anywhere.

    Args:
        name (str): The template: ``'explain'``, ``'graph'`` or ``'scores'``.
        title (str): The title of the page.
        data (object): What the script shows; anything that JSON can hold.
    """
    folder = files('eega_pyg') / 'visualize' / 'templates'
    read = lambda file: (folder / file).read_text(encoding='utf-8')
    parts: Dict[str, str] = {
        'title': html.escape(title.encode('utf-8', 'replace').decode()),
        'style': read('page.css') + read(f'{name}.css'),
        'script': ''.join(read(file) for file in ('page.js', *_SCRIPTS[name])),
        'data': script_json(data),
    }
    template = read('page.html').replace('{{body}}', read(f'{name}.html'))
    # In one pass, so that braces of the user's stay what they are.
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], template)


def script_json(data: Any) -> str:
    r"""JSON that can stand inside of ``<script>``: it holds no ``<``, ``>`` or ``&``,
    and nothing but ASCII."""
    text = json.dumps(data, separators=(',', ':'))
    for char in '<>&':
        text = text.replace(char, f'\\u{ord(char):04x}')
    return text
