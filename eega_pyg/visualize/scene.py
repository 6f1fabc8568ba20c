r"""A scene graph drawn on its image."""
from pathlib import Path
from typing import TYPE_CHECKING, List, Tuple, Union

from eega_pyg.files import atomic
from eega_pyg.resolve import require
from eega_pyg.schema import SceneGraph
from eega_pyg.vision.images import ImageSource, load_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = Tuple[float, float]

# How far arrows bend, as a share of their length.
_BEND = 0.15
# The least side of a drawing, in inches.
_LEAST = 0.5


def draw_scene(image: ImageSource, graph: SceneGraph,
               max_predicates: int = 12) -> 'Figure':
    r"""Draws boxes, labels, and an arrow with its name for each predicate.

    Objects without a box, as a caption gives them, stand in a column beside the image.

    Args:
        image (str, Path or PIL.Image.Image): The image.
        graph (SceneGraph): Its scene graph.
        max_predicates (int, optional): Predicates drawn at most, those with the highest
            scores. (default: :obj:`12`)

    Returns:
        The figure, which belongs to no window.

    Raises:
        OSError: If the image cannot be read.
        ImportError: Telling what to install, if matplotlib is missing.
    """
    require('matplotlib', 'plot')
    from matplotlib.figure import Figure
    picture = load_image(image)
    width, height = picture.size
    margin = 0.45 * width if any(o.box is None for o in graph.objects) else 0.
    scale = 9 / max(width + margin, height)
    # A picture of one row has no height in inches.
    size = max((width + margin) * scale, _LEAST), max(height * scale, _LEAST)
    figure = Figure(figsize=size, dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis('off')
    axes.imshow(picture, extent=(0, width, height, 0))
    axes.set_xlim(0, width + margin)
    axes.set_ylim(height, 0)
    places = _objects(axes, graph, width, height, margin)
    _predicates(axes, graph, places, max_predicates)
    return figure


def save_scene(image: ImageSource, graph: SceneGraph, path: Union[str, Path],
               max_predicates: int = 12) -> None:
    r"""Writes the drawing of :func:`draw_scene` to a PNG file."""
    figure = draw_scene(image, graph, max_predicates)
    with atomic(path) as temporary:
        figure.savefig(temporary, format='png')


def _colour(index: int) -> str:
    return f'C{index % 10}'


def _objects(axes: 'Axes', graph: SceneGraph, width: int, height: int,
             margin: float) -> List[Point]:
    # Gives the point of each object that arrows lead to.
    from matplotlib.patches import Rectangle
    boxless = [i for i, o in enumerate(graph.objects) if o.box is None]
    order = {i: n for n, i in enumerate(boxless, 1)}
    places: List[Point] = []
    for i, item in enumerate(graph.objects):
        style = {'facecolor': _colour(i), 'alpha': 0.85, 'pad': 1.5, 'linewidth': 0}
        if item.box is None:
            y = height * order[i] / (len(boxless) + 1)
            places.append((width + 0.55 * margin, y))
            axes.text(*places[i], _plain(item.label), color='white', fontsize=9,
                      ha='center', va='center', bbox=style)
            continue
        x1, y1, x2, y2 = item.box
        left, top = x1 * width, y1 * height
        axes.add_patch(
            Rectangle((left, top), (x2 - x1) * width, (y2 - y1) * height, fill=False,
                      edgecolor=_colour(i), linewidth=2))
        axes.text(left, top, f'{_plain(item.label)} {item.score:.2f}', color='white',
                  fontsize=8, ha='left', va='top', bbox=style)
        places.append(((x1 + x2) / 2 * width, (y1 + y2) / 2 * height))
    return places


def _predicates(axes: 'Axes', graph: SceneGraph, places: List[Point],
                most: int) -> None:
    drawn = sorted(graph.predicates, key=lambda p: -p.score)[:most]
    for n, p in enumerate(drawn):
        (x1, y1), (x2, y2) = places[p.subject], places[p.object]
        axes.annotate(
            '', (x2, y2), (x1, y1), arrowprops={
                'arrowstyle': '-|>',
                'color': _colour(p.subject),
                'linewidth': 1.6,
                'connectionstyle': f'arc3,rad={_BEND}',
                'shrinkA': 3,
                'shrinkB': 3
            })
        # Not all in the middle, where arrows that cross would hide their names.
        place = _on_arc((x1, y1), (x2, y2), (0.4, 0.5, 0.6)[n % 3])
        axes.text(
            *place, _plain(p.predicate), fontsize=8, ha='center', va='center', bbox={
                'facecolor': 'white',
                'alpha': 0.85,
                'pad': 1,
                'edgecolor': _colour(p.subject)
            })


def _on_arc(start: Point, end: Point, share: float) -> Point:
    # The point of matplotlib's quadratic curve, where y grows downwards.
    (x1, y1), (x2, y2) = start, end
    x = (x1 + x2) / 2 - _BEND * (y2 - y1)
    y = (y1 + y2) / 2 + _BEND * (x2 - x1)
    a, b, c = (1 - share)**2, 2 * share * (1 - share), share**2
    return a * x1 + b * x + c * x2, a * y1 + b * y + c * y2


def _plain(text: str) -> str:
    # A dollar would begin a formula.
    return text.replace('$', r'\$')
