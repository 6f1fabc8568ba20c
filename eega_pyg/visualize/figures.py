r"""Figures for papers."""
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Union

import numpy as np

from eega_pyg.extraction.result import Result
from eega_pyg.files import atomic
from eega_pyg.resolve import require
from eega_pyg.schema import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The endings of figures, which say their format.
FORMATS = ('.pdf', '.png', '.svg')

_GLYPH = re.compile(r'Glyph (\d+) ')

# A longer text does not fit on a page.
_MAX_WORDS = 80


def draw_explanation(result: Result) -> 'Figure':
    r"""Draws the two transport plans and the word-pair table of a result, whichever
    were asked for.

    Args:
        result (Result): What ``extractor(..., align=True, pairs=True)`` returned.

    Raises:
        ValueError: If the result has neither plans nor a table, or too many words for
            a figure.
        ImportError: If matplotlib is missing.
    """
    words = [plain(w) for w in result.words]
    if len(words) > _MAX_WORDS:
        raise ValueError(f"A figure has room for {_MAX_WORDS} words (got "
                         f"{len(words)})")
    panels: List[Any] = []
    if result.alignment is not None:
        labels = [plain(o.label) for o in result.scene_graph.objects]
        panels += [('Nodes (Wasserstein)', result.alignment.nodes, labels),
                   ('Edges (Gromov-Wasserstein)', result.alignment.edges, labels)]
    if result.pairs is not None:
        table = np.nan_to_num(result.pairs.table(range(len(words))))
        panels.append(('Word pairs (1 - none)', 1 - table[..., 0], words))
    if not panels:
        raise ValueError("The result has neither plans nor a table: ask for them with "
                         "align=True and pairs=True")
    heights = [0.22 * len(rows) + 0.9 for _, _, rows in panels]
    figure = new_figure(0.22 * len(words) + 3, sum(heights) + 0.6)
    axes = figure.subplots(len(panels), 1, squeeze=False,
                           gridspec_kw={'height_ratios': heights})
    for axis, (title, values, rows) in zip(axes[:, 0], panels):
        image = axis.imshow(values, cmap='Blues', vmin=0, aspect='auto')
        axis.set_title(title, fontsize=9, loc='left')
        axis.set_yticks(range(len(rows)), rows, fontsize=7)
        axis.set_xticks(range(len(words)), words, fontsize=7, rotation=90)
        figure.colorbar(image, ax=axis, pad=0.01).ax.tick_params(labelsize=6)
    return figure


def save_figure(figure: 'Figure', path: Union[str, Path]) -> None:
    r"""Writes a figure in the format that the path ends in, see :obj:`FORMATS`. The
    same figure is the same file, and a warning names what the font cannot show."""
    from matplotlib import rc_context
    form = Path(path).suffix[1:].lower()
    dated = {'pdf': 'CreationDate', 'svg': 'Date'}
    metadata = {dated[form]: None} if form in dated else None
    with atomic(path) as temporary, rc_context({'svg.hashsalt': 'eega'}):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            figure.savefig(temporary, format=form, bbox_inches='tight',
                           metadata=metadata)
    missing = {m[1] for w in told if (m := _GLYPH.match(str(w.message)))}
    if missing:
        shown = ' '.join(sorted({chr(int(code)) for code in missing}))
        warnings.warn(f"'{path}': the font has no glyph for {short(shown)}: set "
                      f"matplotlib's 'font.family' to one that has")


def new_figure(width: float, height: float) -> 'Figure':
    r"""An empty figure of so many inches; an :class:`ImportError` says what to install
    if matplotlib is missing."""
    require('matplotlib', 'plot')
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), dpi=150, layout='constrained')


def plain(text: str) -> str:
    r"""A text as matplotlib shows it letter by letter."""
    # A dollar would begin a formula, and control characters have no glyph.
    return ''.join(c if c.isprintable() else ' ' for c in text).replace('$', r'\$')
