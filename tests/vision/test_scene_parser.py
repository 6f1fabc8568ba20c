import os

import pytest
import torch
from PIL import Image

from eega_pyg.vision import SceneParser
from eega_pyg.vision.detectors.detection import Detection
from eega_pyg.vision.predicates.ranking import SPATIAL


def test_any_callable_is_a_detector(predicate_model):
    def detector(image):
        assert image.size == (200, 100) and image.mode == 'RGB'
        return (torch.tensor([[40., 10., 120., 90.], [66., 10., 90.,
                                                      20.]]), ['person', 'hat'],
                torch.tensor([0.9, 0.8]), torch.tensor([[1.], [2.]]))

    parser = SceneParser(detector, predicate_model)
    graph, = parser([Image.new('L', (200, 100))])
    assert [(o.label, o.box, o.feature) for o in graph.objects
            ] == [('person', pytest.approx((0.2, 0.1, 0.6, 0.9)), (1., )),
                  ('hat', pytest.approx((0.33, 0.1, 0.45, 0.2)), (2., ))]
    assert [(p.subject, p.predicate, p.object)
            for p in graph.predicates] in ([(0, 'wear', 1)], [(1, 'on', 0)])


def test_an_image_without_detections_has_an_empty_graph(predicate_model):
    parser = SceneParser(lambda image: Detection(torch.zeros(0, 4), [], torch.zeros(0)),
                         predicate_model)
    graph, = parser([Image.new('RGB', (9, 9))])
    assert graph.objects == () and graph.predicates == ()


def test_both_detectors_of_torchvision_work_in_it(mask_rcnn, ssdlite, predicate_model,
                                                  pictures):
    for detector, size in ((mask_rcnn, 1024), (ssdlite, 672)):
        graphs = SceneParser(detector, predicate_model, min_score=0.)(pictures)
        for graph in graphs:
            assert [len(o.feature) for o in graph.objects] == [size] * 5
            assert all(o.box is not None for o in graph.objects)
            assert len(graph.predicates) == 5 * 4 / 2


def test_spatial_predicates_can_be_left_out(predicate_model):
    def detector(image):
        boxes = torch.tensor([[10. * i, 20., 10. * i + 20., 90.] for i in range(6)])
        return boxes, ['person'] * 6, torch.ones(6)

    image = Image.new('RGB', (100, 100))
    parsers = [
        SceneParser(detector, predicate_model, spatial=spatial)
        for spatial in (True, False)
    ]
    with_them, without = ({p.predicate
                           for p in parser([image])[0].predicates}
                          for parser in parsers)
    assert with_them & SPATIAL and not without & SPATIAL
    assert parsers[0].identity() != parsers[1].identity()


def test_more_images_than_fit_into_memory_at_once_stay_in_order(predicate_model):
    def detector(image):
        return (torch.tensor([[0., 0., 1., 1.]]), [f'{image.width}'], torch.ones(1))

    images = [Image.new('RGB', (w, 2)) for w in range(1, 40)]
    graphs = SceneParser(detector, predicate_model)(images)
    assert [g.objects[0].label for g in graphs] == [str(w) for w in range(1, 40)]


def test_a_wrong_image_is_named(tmp_path, predicate_model):
    parser = SceneParser(lambda image: None, predicate_model)
    (tmp_path / 'a.jpg').write_bytes(b'no image')
    with pytest.raises(OSError, match='a.jpg'):
        parser([tmp_path / 'a.jpg'])
    with pytest.raises(ValueError, match="the string 'a.jpg'"):
        parser('a.jpg')


@pytest.mark.real
@pytest.mark.slow
def test_the_whole_path_runs_on_every_real_image(shared_data, ssdlite, predicate_model):
    # Random detector weights: that it runs is all that this can show.
    folder = shared_data / 'images'
    paths = [folder / name for name in sorted(os.listdir(folder))]
    assert len(paths) == 34
    graphs = SceneParser(ssdlite, predicate_model, min_score=0.)(paths)
    assert all(len(g.objects) == 5 for g in graphs)
