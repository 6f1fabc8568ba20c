r"""Figures for papers."""
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Union

import networkx as nx
import numpy as np

from eega_pyg.atomic import atomic
from eega_pyg.extras import require
from eega_pyg.result import Result

from .layout import packed_layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from eega_pyg.knowledge_graph import KnowledgeGraph

#: The endings of figures, which say their format.
FORMATS = ('.pdf', '.png', '.svg')

# A longer text does not fit on a page.
_MAX_WORDS = 80
_MAX_NODES = 300


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
    words = [_plain(w) for w in result.words()]
    if len(words) > _MAX_WORDS:
        raise ValueError(f"A figure has room for {_MAX_WORDS} words (got "
                         f"{len(words)})")
    panels: List[Any] = []
    if result.alignment is not None:
        labels = [_plain(o.label) for o in result.scene_graph.objects]
        panels += [('Nodes (Wasserstein)', result.alignment.nodes, labels),
                   ('Edges (Gromov-Wasserstein)', result.alignment.edges, labels)]
    if result.pairs is not None:
        table = np.nan_to_num(result.pairs.table(range(len(words))))
        panels.append(('Word pairs (1 - none)', 1 - table[..., 0], words))
    if not panels:
        raise ValueError("The result has neither plans nor a table: ask for them with "
                         "align=True and pairs=True")
    heights = [0.22 * len(rows) + 0.9 for _, _, rows in panels]
    figure = _figure(0.22 * len(words) + 3, sum(heights) + 0.6)
    axes = figure.subplots(len(panels), 1, squeeze=False,
                           gridspec_kw={'height_ratios': heights})
    for axis, (title, values, rows) in zip(axes[:, 0], panels):
        image = axis.imshow(values, cmap='Blues', vmin=0, aspect='auto')
        axis.set_title(title, fontsize=9, loc='left')
        axis.set_yticks(range(len(rows)), rows, fontsize=7)
        axis.set_xticks(range(len(words)), words, fontsize=7, rotation=90)
        figure.colorbar(image, ax=axis, pad=0.01).ax.tick_params(labelsize=6)
    return figure


def draw_graph(graph: 'KnowledgeGraph') -> 'Figure':
    r"""Draws the entities that have relations, and the relations.

    Args:
        graph (KnowledgeGraph): The graph; :meth:`KnowledgeGraph.filter` makes a large
            one smaller.

    Raises:
        ValueError: If there is no relation, or too many entities for a figure.
        ImportError: If matplotlib is missing.
    """
    net: nx.MultiDiGraph = nx.MultiDiGraph()
    net.add_edges_from((r.head, r.tail) for r in graph.relations)
    if len(net) == 0:
        raise ValueError("There is no relation to draw in the graph")
    if len(net) > _MAX_NODES:
        raise ValueError(f"A figure has room for {_MAX_NODES} entities with relations "
                         f"(got {len(net)}): filter the graph by probability or count")
    place = packed_layout(net)
    side = max(4.0, 0.9 * float(np.sqrt(len(net))) + 2)
    figure = _figure(side, side)
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set_aspect('equal')
    for r in graph.relations:
        a, b = place[r.head], place[r.tail]
        axis.annotate(
            '', b, a, arrowprops={
                'arrowstyle': '-|>' if r.directed else '-',
                'color': '0.55',
                'shrinkA': 4,
                'shrinkB': 4
            })
        axis.text((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, _plain(r.relation), fontsize=5,
                  color='0.35', ha='center', va='center')
    types = sorted({n.type for n in graph.nodes.values()})
    for node in net:
        entity = graph.nodes[node]
        axis.plot(*place[node], 'o', color=f'C{types.index(entity.type) % 10}',
                  markersize=4 + min(entity.count, 8))
        axis.annotate(_plain(entity.name), place[node], (4, 3),
                      textcoords='offset points', fontsize=7)
    for i, kind in enumerate(types):
        axis.plot([], [], 'o', color=f'C{i % 10}', label=_plain(kind))
    axis.legend(fontsize=7, loc='upper right', frameon=False)
    return figure


def save_figure(figure: 'Figure', path: Union[str, Path]) -> None:
    r"""Writes a figure in the format that the path ends in, see :obj:`FORMATS`."""
    with atomic(path) as temporary:
        figure.savefig(temporary, format=Path(path).suffix[1:].lower(),
                       bbox_inches='tight')


def _figure(width: float, height: float) -> 'Figure':
    require('matplotlib', 'plot')
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), dpi=150, layout='constrained')


def _plain(text: str) -> str:
    # A dollar would begin a formula, and control characters have no glyph.
    return ''.join(c if c.isprintable() else ' ' for c in text).replace('$', r'\$')
