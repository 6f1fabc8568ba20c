r"""The page at ``/`` and the files that it is made of."""
from typing import Any, Dict, NamedTuple

from eega_pyg.visualize.page import linked
from eega_pyg.visualize.palette import type_marks

_KINDS = {
    'css': 'text/css',
    'html': 'text/html',
    'js': 'text/javascript',
    'svg': 'image/svg+xml',
}
#: Nothing is loaded from anywhere else, and the page can be in no frame of another's.
HEADERS = {
    'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    'X-Content-Type-Options':
    'nosniff',
    'Referrer-Policy':
    'no-referrer',
    'Cache-Control':
    'no-cache',
}


class File(NamedTuple):
    r"""What is sent.

    Args:
        content (str): What it holds.
        media_type (str): What it is.
    """
    content: str
    media_type: str


def pages(about: Dict[str, Any]) -> Dict[str, File]:
    r"""The page, which is called ``''``, and all that it loads, by their names in the
    folder ``page/`` beside it.

    Args:
        about (dict): What ``GET /v1/model`` answers.
    """
    data = {**about, 'marks': type_marks(about['tags']['types'])}
    index = linked('service', 'Knowledge graphs from texts with pictures', data,
                   'page/')
    found = {'': index.page, **index.files}
    for name in ('explain', 'graph'):
        frame = linked(name, name, None, framed=True)
        found.update({name: frame.page, **frame.files})
    return {
        name: File(content, _KINDS[name.partition('.')[2] or 'html'])
        for name, content in found.items()
    }
