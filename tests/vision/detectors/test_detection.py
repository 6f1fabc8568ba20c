import pytest
import torch
from PIL import Image

from eega_pyg.vision.detectors.detection import Detection, scene_objects


def test_boxes_become_fractions_and_the_best_comes_first():
    found = scene_objects(
        Detection(torch.tensor([[0., 0., 10., 10.], [5., 5., 10., 20.]]), ['a', 'b'],
                  torch.tensor([0.25, 0.75]), torch.tensor([[1.], [2.]])), 10, 20)
    assert [(o.label, o.score, o.box, o.feature) for o in found] == [
        ('b', 0.75, (0.5, 0.25, 1, 1), (2., )),
        ('a', 0.25, (0, 0, 1, 0.5), (1., )),
    ]


def test_boxes_are_cut_at_the_border_and_never_turned_over():
    item, = scene_objects(
        (torch.tensor([[-5., 30., 99., 29.5]]), ['a'], torch.tensor([1.])), 10, 20)
    assert item.box == (0, 1, 1, 1) and item.feature is None


def test_no_objects_are_no_objects():
    assert scene_objects((torch.zeros(0), [], torch.zeros(0)), 10, 20) == []


@pytest.mark.parametrize('parts, message', [
    ((torch.zeros(2, 4), ['a'], torch.zeros(1)), r'boxes \[1, 4\].*got \[2, 4\]'),
    ((torch.zeros(1, 4), ['a'], torch.zeros(2)), r'scores \[1\].*and \[2\]'),
    ((torch.zeros(1, 4), ['a'], torch.zeros(1), torch.zeros(2, 3)), 'features.*2, 3'),
    (([torch.zeros(4)] * 2, ['a'], torch.zeros(1)), 'Expected boxes .* as a tensor'),
    (None, 'from a detector .got a NoneType'),
    ((torch.tensor([[30., 10., 15., 20.]]), ['a'], torch.zeros(1)),
     r'x1, y1, x2, y2.*got \[30.*width and height'),
    ((torch.full((1, 4), float('nan')), ['a'], torch.zeros(1)), 'finite boxes'),
])
def test_what_a_detector_must_not_give_is_named(parts, message):
    with pytest.raises(ValueError, match=message):
        scene_objects(parts, 10, 20)


def test_labels_are_names_and_no_ids():
    boxes, scores = torch.zeros(2, 4), torch.ones(2)
    for labels in ([17, 1], torch.tensor([17, 1]), ['cat', None]):
        with pytest.raises(ValueError, match='Expected labels as words.*the names of'):
            scene_objects((boxes, labels, scores), 10, 20)


@pytest.mark.parametrize('parts', [
    ([], [], []),
    ([], [], [], []),
    (torch.zeros(0, 4), (), torch.zeros(0), torch.zeros(0, 7)),
])
def test_empty_results_of_any_kind_are_no_objects(parts):
    assert scene_objects(parts, 10, 20) == []


def test_scores_are_probabilities():
    with pytest.raises(ValueError, match='score'):
        scene_objects((torch.zeros(1, 4), ['a'], torch.tensor([7.2])), 10, 20)


def test_ten_thousand_boxes_are_related_in_time(predicate_model):
    from eega_pyg.vision import SceneParser
    corner = torch.rand(10_000, 2, generator=torch.Generator().manual_seed(0)) * 100
    boxes = torch.cat([corner, corner + 20], 1)
    scores = torch.linspace(0.2, 0.9, 10_000)
    parser = SceneParser(lambda picture: (boxes, ['person'] * 10_000, scores),
                         predicate_model)
    graph, = parser([Image.new('RGB', (120, 120))])
    assert len(graph.objects) == 10_000 and len(graph.predicates) <= 20
    # Those with the highest scores are related, and come first.
    assert max(max(p.subject, p.object) for p in graph.predicates) < 32
