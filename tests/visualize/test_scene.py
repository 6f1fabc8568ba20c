import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate

pytest.importorskip('matplotlib')

GRAPH = SceneGraph(
    (SceneObject('man', 0.9,
                 (0.1, 0.1, 0.5, 0.9)), SceneObject('hat', 0.8, (0.6, 0.2, 0.9, 0.4))),
    (ScenePredicate(0, 'wear', 1, 0.5), ))


def drawn(graph):
    from eega_pyg.visualize.scene import draw_scene
    return draw_scene(Image.new('RGB', (400, 200), 'white'), graph)


def texts(figure):
    return [t.get_text() for t in figure.axes[0].texts if t.get_text()]


def test_boxes_labels_and_arrows_are_where_they_belong():
    from matplotlib.patches import Rectangle
    figure = drawn(GRAPH)
    axes = figure.axes[0]
    boxes = [p for p in axes.patches if isinstance(p, Rectangle)]
    assert [(b.get_x(), b.get_y(), b.get_width(), b.get_height()) for b in boxes
            ] == [pytest.approx((40, 20, 160, 160)),
                  pytest.approx((240, 40, 120, 40))]
    assert texts(figure) == ['man 0.90', 'hat 0.80', 'wear']
    arrow = next(t for t in axes.texts if getattr(t, 'arrow_patch', None))
    assert arrow.xy == pytest.approx((300, 60))
    assert arrow.get_position() == pytest.approx((120, 100))


def test_objects_without_a_box_stand_beside_the_image():
    graph = SceneGraph((*GRAPH.objects, SceneObject('idea')),
                       (ScenePredicate(0, 'have', 2), ))
    figure = drawn(graph)
    idea = next(t for t in figure.axes[0].texts if t.get_text() == 'idea')
    assert 400 < idea.get_position()[0] < figure.axes[0].get_xlim()[1]


def test_an_empty_graph_is_the_image_and_a_dollar_is_no_formula():
    assert texts(drawn(SceneGraph())) == []
    figure = drawn(SceneGraph((SceneObject('$5 $', 1., (0, 0, 1, 1)), )))
    figure.canvas.draw()


def test_the_file_shows_the_edge_of_a_box(tmp_path):
    from eega_pyg.visualize.scene import save_scene
    Image.new('RGB', (400, 200), 'white').save(tmp_path / 'in.png')
    save_scene(tmp_path / 'in.png', GRAPH, tmp_path / 'out.png')
    pixels = np.asarray(Image.open(tmp_path / 'out.png').convert('RGB')).astype(int)
    height, width, _ = pixels.shape
    blue = np.abs(pixels - (31, 119, 180)).sum(-1) < 30  # matplotlib's C0.
    row = blue[int(0.85 * height)]
    edges = np.flatnonzero(row) / width
    assert len(edges) and np.allclose(sorted({round(e, 1) for e in edges}), [0.1, 0.5])


@pytest.mark.parametrize('size', [(4000, 1), (1, 4000)])
def test_a_picture_of_one_row_is_drawn(tmp_path, size):
    from eega_pyg.visualize.scene import save_scene
    Image.new('RGB', size, 'white').save(tmp_path / 'in.png')
    save_scene(tmp_path / 'in.png', GRAPH, tmp_path / 'out.png')
    assert min(Image.open(tmp_path / 'out.png').size) > 30


def test_importing_it_loads_no_matplotlib():
    code = ('import sys, eega_pyg.visualize.scene; '
            'sys.exit("matplotlib" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
