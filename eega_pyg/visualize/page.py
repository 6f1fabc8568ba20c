r"""Pages that need no other file and no network, and the same in several files."""
import html
import json
import re
from importlib.resources import files
from typing import Any, Dict, NamedTuple

_POLICY = ('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
           'img-src data:; style-src \'unsafe-inline\'; script-src '
           '\'unsafe-inline\'">\n')
_ICON = 'icon.svg'
_SCRIPTS = {
    'explain': ('page.js', 'explain.js'),
    'graph': ('page.js', 'graph.js', 'canvas.js'),
    'scores': ('page.js', 'scores.js'),
    'service': ('page.js', 'service.js'),
}


class Linked(NamedTuple):
    r"""A page whose styles and scripts are files beside it.

    Args:
        page (str): The page.
        files (dict): What each of the files holds, by its name.
    """
    page: str
    files: Dict[str, str]


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
    style = _read('page.css') + _read(f'{name}.css')
    script = ''.join(map(_read, _SCRIPTS[name]))
    return _filled(name, title, data, _POLICY, f'<style>\n{style}\n</style>',
                   f'<script>\n{script}\n</script>')


def linked(name: str, title: str, data: Any, folder: str = '',
           framed: bool = False) -> Linked:
    r"""The same page for a server whose policy allows no styles and scripts in a page.

    Args:
        name (str): The template, one of those above or ``'service'``.
        title (str): The title of the page.
        data (object): What the script shows.
        folder (str, optional): Where the page finds the files.
        framed (bool, optional): If set to :obj:`True`, the page is meant for a frame,
            whose element has the data as its property ``eegaData``. (default:
            :obj:`False`)
    """
    styles = ('page.css', f'{name}.css', *(('frame.css', ) if framed else ()))
    style = [f'<link rel="icon" type="image/svg+xml" href="{folder}{_ICON}">']
    style += [f'<link rel="stylesheet" href="{folder}{file}">' for file in styles]
    script = [f'<script src="{folder}{file}"></script>' for file in _SCRIPTS[name]]
    page = _filled(name, title, data, '', '\n'.join(style), '\n'.join(script))
    names = (_ICON, *styles, *_SCRIPTS[name])
    return Linked(page, {file: _read(file) for file in names})


def _filled(name: str, title: str, data: Any, policy: str, style: str,
            script: str) -> str:
    parts: Dict[str, str] = {
        'policy': policy,
        'title': html.escape(title.encode('utf-8', 'replace').decode()),
        'style': style,
        'script': script,
        'data': script_json(data),
    }
    template = _read('page.html').replace('{{body}}', _read(f'{name}.html'))
    # In one pass, so that braces of the user's stay what they are.
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], template)


def _read(file: str) -> str:
    folder = files('eega_pyg') / 'visualize' / 'templates'
    return (folder / file).read_text(encoding='utf-8')


def script_json(data: Any) -> str:
    r"""JSON that can stand inside of ``<script>``: it holds no ``<``, ``>`` or ``&``,
    and nothing but ASCII."""
    text = json.dumps(data, separators=(',', ':'))
    for char in '<>&':
        text = text.replace(char, f'\\u{ord(char):04x}')
    return text
