import pytest
import torch
from PIL import Image


@pytest.fixture(scope='session')
def mask_rcnn():
    r"""Mask R-CNN with seeded random weights, on small pictures."""
    from eega_pyg.vision import RCNNDetector
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = RCNNDetector.mask_rcnn(weights=None, score_threshold=0., top_k=5,
                                          min_size=128)
    # With random weights all of the usual thousand proposals are as good as any.
    detector.model.rpn._post_nms_top_n = {'training': 50, 'testing': 50}
    return detector


@pytest.fixture(scope='session')
def ssdlite():
    r"""SSDLite with seeded random weights."""
    from eega_pyg.vision import SSDLiteDetector
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SSDLiteDetector(weights=None, score_threshold=0., top_k=5)


@pytest.fixture(scope='session')
def predicate_model():
    from eega_pyg.vision import PredicateModel
    return PredicateModel.pretrained()


def noise(width, height, seed=0):
    r"""A picture of random pixels."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8,
                           generator=generator)
    return Image.fromarray(pixels.numpy())


@pytest.fixture(scope='session')
def pictures():
    return [noise(120, 90, 1), noise(90, 120, 2), noise(120, 90, 3)]
