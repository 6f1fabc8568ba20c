import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.vision.predicates.geometry import GEOMETRY_SIZE, pair_geometry


def features(subject, object):
    return pair_geometry(torch.tensor([subject]), torch.tensor([object]))[0]


def test_two_boxes_by_hand():
    # The object is as large and one width to the right.
    f = features([0., 0., 0.25, 0.5], [0.25, 0., 0.5, 0.5])
    assert f[:6].tolist() == pytest.approx([1, 0, 1, 0, 0.5, 0])
    assert f[6:8].tolist() == pytest.approx([1, 0])  # The direction.
    assert f[9:12].tolist() == pytest.approx([0, 0, 0])  # Ratios of the sizes.
    assert f[12:15].tolist() == pytest.approx([0, 0, 0])  # They only touch.


def test_a_box_inside_another():
    f = features([0.25, 0.25, 0.5, 0.5], [0., 0., 1., 1.])
    assert f[12:15].tolist() == pytest.approx([1 / 16, 1, 1 / 16])


def test_features_are_those_of_each_pair_alone():
    boxes = torch.rand(5, 2, 4).sort(-1).values[..., [0, 2, 1, 3]]
    together = pair_geometry(boxes[:, 0], boxes[:, 1])
    for i in range(5):
        alone = pair_geometry(boxes[i:i + 1, 0], boxes[i:i + 1, 1])
        assert torch.allclose(together[i:i + 1], alone)


fractions = st.floats(0, 1, width=32)


@given(st.lists(fractions, min_size=8, max_size=8))
def test_any_boxes_have_finite_features(values):
    x = torch.tensor(values).view(2, 2, 2).sort(1).values.view(2, 4)
    f = pair_geometry(x[:1], x[1:])
    assert f.shape == (1, GEOMETRY_SIZE)
    assert torch.isfinite(f).all() and f.abs().max() <= 6
