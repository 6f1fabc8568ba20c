import threading

import pytest

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.schema import SceneGraph, SceneObject


class Looker:
    r"""Names the size and a colour of each picture, and can be held up."""
    def __init__(self):
        self.free = threading.Event()
        self.free.set()
        self.calls = 0
        self.sizes = []

    def __call__(self, images):
        self.calls += 1
        assert self.free.wait(30)
        self.sizes += [image.size for image in images]
        return [
            SceneGraph((SceneObject(f'{i.width} by {i.height}'),
                        SceneObject(str(i.convert('RGB').getpixel((0, 0))))))
            for i in images
        ]


@pytest.fixture(scope='session')
def looker():
    return Looker()


@pytest.fixture(scope='session')
def extractor(trained, looker):
    return Extractor.from_pretrained(trained, device='cpu', image_parser=looker)
