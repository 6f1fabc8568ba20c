r"""Knowledge graphs as figures for papers."""
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Tuple, Union

import networkx as nx
import numpy as np

from eega_pyg.visualize.figures import new_figure, plain, save_figure
from eega_pyg.visualize.layout import packed_layout
from eega_pyg.visualize.palette import SHAPES, type_marks

from ..records import GraphData, Relation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_NODES = 300


def write(graph: GraphData, path: Union[str, Path]) -> None:
    r"""Writes the figure of :func:`draw_graph` in the format that the path ends in."""
    save_figure(draw_graph(graph), path)


def draw_graph(graph: GraphData) -> 'Figure':
    r"""Draws the entities that have relations, and the relations.

    Args:
        graph (GraphData): The graph; :meth:`KnowledgeGraph.filter
            <eega_pyg.knowledge_graph.KnowledgeGraph.filter>` makes a large
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
    points = np.array(list(place.values()))
    # A name takes a unit or two, so that most stand beside one another.
    width, height = 0.6 * (points.max(0) - points.min(0)) + 2.5
    figure = new_figure(max(4.0, width), max(3.0, height))
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set_aspect('equal')
    axis.invert_yaxis()
    between: Dict[Tuple[str, str], List[Relation]] = {}
    for r in graph.relations:
        a, b = sorted((r.head, r.tail), key=lambda node: (*place[node], node))
        between.setdefault((a, b), []).append(r)
    for (left, right), relations in between.items():
        arrows = [_arrow(r, left) for r in relations]
        tips = ('<|' if '←' in arrows else '', '|>' if '→' in arrows else '')
        axis.annotate(
            '', place[right], place[left], arrowprops={
                'arrowstyle': '-'.join(tips),
                'color': '0.55',
                'shrinkA': 4,
                'shrinkB': 4
            })
        # The left end is the first: an arrow says enough where all go one way.
        names = [
            plain(r.relation) + (f' {arrow}' if len(set(arrows)) > 1 else '')
            for r, arrow in zip(relations, arrows)
        ]
        x, y = (np.array(place[left]) + place[right]) / 2
        axis.text(x, y, '\n'.join(names), fontsize=5, color='0.35', ha='center',
                  va='center', bbox={
                      'facecolor': 'white',
                      'edgecolor': 'none',
                      'pad': 0.5
                  })
    marks = type_marks(n.type for n in graph.nodes.values())
    for node in net:
        entity = graph.nodes[node]
        mark = marks[entity.type]
        axis.plot(*place[node], SHAPES[mark.shape], color=mark.color,
                  markersize=4 + min(entity.count, 8))
        axis.annotate(plain(entity.name), place[node], (4, 3),
                      textcoords='offset points', fontsize=7)
    for kind, mark in marks.items():
        axis.plot([], [], SHAPES[mark.shape], color=mark.color, linestyle='',
                  label=plain(kind))
    figure.legend(fontsize=7, loc='outside lower center', ncols=len(marks),
                  frameon=False)
    return figure


def _arrow(relation: Relation, left: str) -> str:
    if not relation.directed:
        return '—'
    return '→' if relation.head == left else '←'
