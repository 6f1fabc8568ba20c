import pytest
import torch
from PIL import Image

from eega_pyg.extraction.item import Item
from eega_pyg.extraction.sight import Sight
from eega_pyg.schema import SceneGraph, SceneObject

PICTURE = Image.new('RGB', (8, 8))


class Captions:
    def parse(self, captions):
        return [SceneGraph((SceneObject(caption), )) for caption in captions]


class Listening:
    r"""An image parser that sees what it is told."""
    reads_text = True

    def __call__(self, images, texts):
        assert len(images) == len(texts)
        return [SceneGraph((SceneObject(text), )) for text in texts]


def seen(parser, items):
    graphs = Sight(Captions(), parser, torch.device('cpu'))(items)
    return [[o.label for o in graph.objects] for graph in graphs]


def test_a_parser_that_reads_texts_is_told_those_of_its_images():
    items = [
        Item('no image'),
        Item('one', image=PICTURE),
        Item('described', caption='a caption', image=PICTURE),
        Item(words=('two', 'words'), image=PICTURE),
        Item.from_dict({
            'text': 'no caption',
            'caption': ' '
        }),
        Item('three', caption='', image=PICTURE),
    ]
    assert seen(Listening(), items) == [[], ['one'], ['a caption'], ['two words'], [],
                                        ['three']]


def test_any_other_parser_is_given_images_alone():
    def parser(images):
        return [SceneGraph((SceneObject('thing'), )) for _ in images]

    assert seen(parser, [Item('one', image=PICTURE)]) == [['thing']]


def test_there_is_a_graph_for_each_image():
    with pytest.raises(ValueError, match='each of 1 images from the image parser.*0'):
        seen(lambda images: [], [Item('one', image=PICTURE)])
