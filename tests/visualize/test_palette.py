import itertools

import numpy as np
import pytest

from eega_pyg.visualize.palette import COLORS, SHAPES, type_marks

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of
# Color Vision Deficiency", severity 1: without red, green and blue cones.
EYES = {
    'all':
    np.eye(3),
    'protan': [[.152286, 1.052583, -.204868], [.114503, .786281, .099216],
               [-.003882, -.048116, 1.051998]],
    'deutan': [[.367322, .860646, -.227968], [.280085, .672501, .047413],
               [-.011820, .042940, .968881]],
    'tritan': [[1.255528, -.076749, -.178779], [-.078411, .930809, .147602],
               [.004733, .691367, .303900]],
}
XYZ = np.array([[.4124564, .3575761, .1804375], [.2126729, .7151522, .0721750],
                [.0193339, .1191920, .9503041]])


def linear(color):
    value = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= .04045, value / 12.92, ((value + .055) / 1.055)**2.4)


def lab(value):
    x = XYZ @ value / XYZ.sum(1)
    x = np.where(x > .008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return 116 * x[1] - 16, 500 * (x[0] - x[1]), 200 * (x[1] - x[2])


@pytest.mark.parametrize('eyes', EYES)
def test_no_two_colours_look_alike(eyes):
    seen = [lab(np.clip(EYES[eyes] @ linear(c), 0, 1)) for c in COLORS]
    # The plain distance in Lab, of which 2.3 are just noticeable.
    assert min(
        np.subtract(a, b) @ np.subtract(a, b)
        for a, b in itertools.combinations(seen, 2))**0.5 >= 14


@pytest.mark.parametrize('back', ['#ffffff', '#1e2127', '#16181c'])
def test_colours_stand_out_in_both_schemes(back):
    behind = XYZ[1] @ linear(back) + 0.05
    for color in COLORS:
        low, high = sorted([behind, XYZ[1] @ linear(color) + 0.05])
        assert high / low >= 3, color


def test_a_type_has_one_colour_whatever_stands_beside_it():
    names = [f'type {i}' for i in range(40)] + ['per', 'LOC', 'Person', 'Work of art']
    together = type_marks(names)
    for name in names:
        alone = type_marks([name])[name]
        assert alone.color == together[name].color
        assert alone == type_marks([name, 'zzz'])[name]
    assert together['per'] == together['Person']
    assert type_marks(['loc']).popitem()[1] == together['LOC']


def test_types_beyond_the_colours_differ_in_shape():
    names = ['per', 'loc', 'org', 'misc', *(f'kind-{i}' for i in range(12))]
    marks = type_marks(names)
    assert len(set(marks.values())) == len(names)
    assert {m.shape for m in marks.values()} <= set(SHAPES)
    assert len(type_marks(f'{i}' for i in range(500))) == 500
