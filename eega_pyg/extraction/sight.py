r"""What is seen in the images of items."""
from typing import List, Optional, Sequence

import torch

from eega_pyg.extraction.item import Item
from eega_pyg.schema import SceneGraph
from eega_pyg.vision.captions.parser import CaptionParser
from eega_pyg.vision.images import ImageParser, ImageSource, load_image, parse_images


class Sight:
    r"""Makes scene graphs of captions and images.

    Args:
        captions (CaptionParser): Reads captions.
        image_parser (callable, optional): Reads images, and the texts beside them if
            it wants to; by default a :class:`~eega_pyg.vision.SceneParser`, made when
            the first image comes.
        device (torch.device): Where that one runs.
    """
    def __init__(self, captions: CaptionParser, image_parser: Optional[ImageParser],
                 device: torch.device) -> None:
        self.captions = captions
        self.image_parser = image_parser
        self.device = device
        self._own: Optional[ImageParser] = None

    def __call__(self, items: Sequence[Item]) -> List[SceneGraph]:
        r"""The scene graph of each item, which is empty where nothing is known."""
        graphs = [item.scene_graph or SceneGraph() for item in items]
        with_caption = [i for i, x in enumerate(items) if x.caption is not None]
        captions = [items[i].caption or '' for i in with_caption]
        for i, graph in zip(with_caption, self.captions.parse(captions)):
            graphs[i] = graph
        with_image = [i for i, x in enumerate(items) if is_looked_at(x)]
        images = [
            x.image for x in (items[i] for i in with_image) if x.image is not None
        ]
        if images:
            texts = [items[i].text for i in with_image]
            for i, graph in zip(with_image, self._parse(images, texts)):
                graphs[i] = graph
        return graphs

    def _parse(self, images: Sequence[ImageSource],
               texts: Sequence[str]) -> List[SceneGraph]:
        parser = self.image_parser or self._own
        if parser is None:
            from eega_pyg.vision import SceneParser
            for image in images:  # A broken one raises before weights are downloaded.
                load_image(image)
            parser = self._own = SceneParser(device=self.device)
        return parse_images(parser, images, texts)


def is_looked_at(item: Item) -> bool:
    r"""Whether the model looks at the image of an item."""
    return (item.image is not None and item.caption is None
            and item.scene_graph is None)
