r"""Text and image in, entities and quintuples out."""
import os
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import torch
from huggingface_hub import ModelHubMixin

from eega_pyg.config import DataConfig
from eega_pyg.device import find_device
from eega_pyg.extraction.grounding import GroundingHead
from eega_pyg.extraction.item import MAX_WORDS, Item, item_of
from eega_pyg.extraction.origin import Origin, check_picklable
from eega_pyg.extraction.reader import Reader, checked, pools
from eega_pyg.extraction.result import Result
from eega_pyg.extraction.sight import Sight, is_looked_at
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA
from eega_pyg.parsing import Parser, tracked
from eega_pyg.resolve import load_tokenizer
from eega_pyg.saving.folder import copy_model
from eega_pyg.saving.saved_model import SavedModel, load_model
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.schema import SceneGraph, short
from eega_pyg.transforms import PairTransform, WordPieces
from eega_pyg.vision.captions.parser import CaptionParser
from eega_pyg.vision.images import ImageParser, ImageSource, load_image

_Grounder = Union[GroundingHead, str]
_Threshold = Optional[Union[float, Thresholds]]


class Extractor(ModelHubMixin, library_name='eega_pyg'):
    r"""Extracts quintuples from texts with images.

    If a text ends in a letter or digit, the model reads it with a full stop behind it,
    which does not occur in the result. The reason is that in JMERE the last word of
    such a sentence is hardly ever part of an entity (40 of 3,618 in training), and a
    model learns this. Words that are given as such get none. Links are not read, since
    the texts that models learn from hold next to none. No entity goes over a link or
    over the end of a line, unless the line had no room for the next word. Paragraphs
    that blank lines are between are read like texts of their own, except in posts of up
    to 280 characters.

    A text of several sentences is cut into passages of whole sentences with up to
    :obj:`passage_words` words each, and relations are found within a passage only. The
    reason is that a model finds next to nothing in texts much longer than those it was
    trained on, so the number was stored with the model. Posts that a link at the end or
    a retweet's mark at the beginning tells apart are passages of their own.

    .. code-block:: python

        extractor = Extractor.from_pretrained('runs/sample')
        result = extractor('Ana Lopez plays for United FC',
                           caption='a woman kicking a ball')
        for q in result.quintuples:
            print(q.head.text, q.relation, q.tail.text, q.probability)

    An extractor can be sent to other processes. It is not sent whole: each of them
    loads the model from its folder, or where that is absent by its name, and makes sure
    that it is the same. With :obj:`pickle_weights`, the weights are sent too: then no
    folder is needed, and they may have been changed. A graph layer and an image parser
    of your own are sent as they are, and must be picklable.

    Several threads may use one extractor and get what one thread gets. One at a time
    parses texts and images, because neither spaCy nor an image parser promises more;
    the model runs in all of them at once. Set its options before they start.

    ``push_to_hub('me/my-model')`` uploads all that belongs to the model: weights,
    vocabularies, tokenizer and model card.

    Args:
        saved (SavedModel): A model and all that belongs to it.
        device (torch.device or str, optional): Where the model runs. By default this is
            the first accelerator, or the CPU if there is none.
        image_parser (callable, optional): Turns a list of images (paths or Pillow
            images) into scene graphs. By default a
            :class:`~eega_pyg.vision.SceneParser`, made when the first image without
            a caption or a scene graph comes. If its attribute ``reads_text`` is true,
            it is also given the texts.
        passage_words (int, optional): The most words of a passage; by default, the
            number that was stored with the model.
        threshold (float or Thresholds, optional): Quintuples that are less probable,
            and entities of no stated quintuple, are left out; by default, those below
            the thresholds that were stored with the model.
        pickle_weights (bool, optional): If set to :obj:`True`, a pickled extractor
            holds the weights. (default: :obj:`False`)
        grounding (GroundingHead or str, optional): Says which object each entity is,
            where objects have boxes: a head, ``'head'`` for the one that comes with the
            package, or ``'plan'`` for the object to which most of the entity's mass
            goes. (default: :obj:`"head"`)

    Raises:
        ValueError: If :obj:`threshold` is not in :math:`[0, 1]`, if
            :obj:`passage_words` is not positive, or on an unknown :obj:`grounding`.
    """
    def __init__(self, saved: SavedModel, device: Optional[Union[str,
                                                                 torch.device]] = None,
                 image_parser: Optional[ImageParser] = None,
                 passage_words: Optional[int] = None, threshold: _Threshold = None,
                 pickle_weights: bool = False, grounding: _Grounder = 'head') -> None:
        if not isinstance(saved, SavedModel):
            raise TypeError(f"Expected a SavedModel (got {short(saved)}): "
                            f"Extractor.from_pretrained takes a folder or a name")
        self.thresholds = saved.thresholds if threshold is None else threshold
        if passage_words is not None and (not isinstance(passage_words, int)
                                          or passage_words < 1):
            raise ValueError(f"Expected a whole number passage_words >= 1 "
                             f"(got {short(passage_words)})")
        self.passage_words = (saved.data.passage_words
                              if passage_words is None else passage_words)
        self.pickle_weights = pickle_weights
        self.origin = Origin(saved.data.encoder)
        self._assemble(
            saved,
            PairTransform(saved.vocabularies,
                          WordPieces(load_tokenizer(saved.data.encoder)),
                          saved.model.tag_set, saved.model.table,
                          saved.data.max_objects, saved.model.feature_dim), device,
            image_parser, grounding)

    def _assemble(self, saved: SavedModel, transform: PairTransform,
                  device: Optional[Union[str, torch.device]],
                  image_parser: Optional[ImageParser], grounding: _Grounder) -> None:
        self.transform = transform
        self._saved, self._device = saved, find_device(device)
        self.model.to(self.device).eval()
        self.parser = Parser(self.data.spacy_model, vectors=self.data.word_vectors)
        captions = CaptionParser(self.parser.nlp, self.data.max_objects)
        self._sight = Sight(captions, image_parser, self.device)
        self._reader = Reader(saved, self.parser, self._sight, transform,
                              _head(grounding))
        self._grounder = grounding  # A name is sent to other processes as a name.

    @property
    def saved(self) -> SavedModel:
        r"""The model and all that belongs to it; another one takes another extractor:
        ``Extractor(extractor.saved._replace(model=...))``."""
        return self._saved

    @property
    def model(self) -> EEGA:
        r"""The model."""
        return self._saved.model

    @property
    def data(self) -> DataConfig:
        r"""How texts and images are read."""
        return self._saved.data

    @property
    def device(self) -> torch.device:
        r"""Where the model runs."""
        return self._device

    @property
    def thresholds(self) -> Thresholds:
        r"""What is less probable is left out."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, thresholds: Union[float, Thresholds]) -> None:
        self._thresholds = Thresholds.of(thresholds)

    @property
    def grounding(self) -> Optional[GroundingHead]:
        r"""Says which object an entity is; :obj:`None` where the plan does."""
        return self._reader.grounding

    @property
    def image_parser(self) -> Optional[ImageParser]:
        r"""Turns images into scene graphs; :obj:`None` for the built-in parser."""
        return self._sight.image_parser

    @image_parser.setter
    def image_parser(self, parser: Optional[ImageParser]) -> None:
        self._sight.image_parser = parser

    @classmethod
    def from_pretrained(  # type: ignore[override]
            cls, name: Optional[Union[str, Path]] = None,
            device: Optional[Union[str, torch.device]] = None,
            image_parser: Optional[ImageParser] = None,
            passage_words: Optional[int] = None, threshold: _Threshold = None,
            revision: Optional[str] = None, token: Optional[Union[str, bool]] = None,
            cache_dir: Optional[Union[str, Path]] = None,
            local_files_only: bool = False, conv: Optional[OwnConv] = None,
            pickle_weights: bool = False, grounding: _Grounder = 'head',
            fusion: Optional[OwnFusion] = None) -> 'Extractor':
        r"""Reads a folder that ``eega train`` has written, or a model of the Hugging
        Face hub; without a name the checkpoint that comes with the package.

        Args:
            name (str or Path, optional): The folder or the model.
            device, image_parser, passage_words, threshold, pickle_weights, grounding:
                As of the class.
            revision, token, cache_dir, local_files_only, conv, fusion: As of
                :func:`~eega_pyg.saving.saved_model.load_model`.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: Naming the file, if one is broken.
        """
        saved = load_model(name, revision, token, cache_dir, local_files_only, conv,
                           fusion)
        extractor = cls(saved, device, image_parser, passage_words, threshold,
                        pickle_weights, grounding)
        extractor.origin = Origin.of(name, revision, saved.data.encoder, conv, fusion)
        return extractor

    def save_pretrained(self, save_directory: Union[str, Path],
                        **kwargs: Any) -> Optional[str]:
        r"""Copies all that belongs to the model to another folder, as it is in its own:
        a :obj:`threshold` or :obj:`passage_words` of this extractor is not stored.
        Further arguments go to the Hugging Face hub's mixin.

        Raises:
            FileNotFoundError: If the folder that the model was read from is gone.
            ValueError: If the model is in that folder already, or is not what its own
                folder holds, *e.g.*, since its weights were changed in memory.
        """
        if not os.path.isdir(self.data.encoder):
            raise FileNotFoundError(f"The folder of the model, '{self.data.encoder}', "
                                    f"is gone, so that nothing can be copied from it")
        if Path(save_directory).resolve() == Path(self.data.encoder).resolve():
            raise ValueError(
                f"The model is in '{save_directory}' already: name another folder")
        self.origin.check_same(self.saved)
        return super().save_pretrained(save_directory, **kwargs)

    def _save_pretrained(self, save_directory: Path) -> None:
        copy_model(self.data.encoder, save_directory)

    def __call__(self, text: Union[str, Sequence[str]], caption: Optional[str] = None,
                 scene_graph: Optional[SceneGraph] = None,
                 image: Optional[ImageSource] = None, align: bool = False,
                 pairs: bool = False, threshold: _Threshold = None) -> Result:
        r"""Extracts from one text.

        Args:
            text (str or sequence of str): The text, or its words.
            caption (str, optional): A sentence that says what the image shows.
            scene_graph (SceneGraph, optional): What the image shows.
            image (path or PIL.Image.Image, optional): The image. The model looks at it
                only if neither a caption nor a scene graph is given.
            align (bool, optional): If set to :obj:`True`, the result says which
                objects each entity is aligned with. (default: :obj:`False`)
            pairs (bool, optional): If set to :obj:`True`, the result holds the
                probabilities of all word pairs. (default: :obj:`False`)
            threshold (float or Thresholds, optional): Quintuples that are less
                probable, and entities of no stated quintuple, are left out; by default,
                the extractor's own thresholds hold.

        Raises:
            TypeError: If it is something else, *e.g.*, several texts, which
                :meth:`batch` takes.
            ValueError: If the text is longer than :obj:`MAX_WORDS` words, or if an
                :class:`~eega_pyg.extraction.item.Item` cannot be made of the arguments.
            OSError: If the image cannot be read.
        """
        item = item_of(text, caption, scene_graph, image)
        return self.batch([item], align=align, pairs=pairs, threshold=threshold)[0]

    def check(self, item: Item) -> None:
        r"""Checks, before anything is extracted, whether an item can be read.

        Raises:
            ValueError: If the text is longer than :obj:`MAX_WORDS` words.
            OSError: If the model is to look at the image and it cannot be read.
        """
        if len(item.text) > MAX_WORDS:  # It has at most as many words as characters.
            self._reader.tokenize(item)
        if item.image is not None and is_looked_at(item):
            load_image(item.image)

    def batch(self, items: Iterable[Union[Item, str]], batch_size: int = 32,
              align: bool = False, pairs: bool = False, progress: bool = False,
              threshold: _Threshold = None) -> List[Result]:
        r"""Extracts from many texts and returns the results in the items' order.

        Args:
            items (iterable of Item or str): The texts with their images, or texts
                alone.
            batch_size (int, optional): Texts the model reads at once.
                (default: :obj:`32`)
            align, pairs, threshold (optional): As of :meth:`__call__`.
            progress (bool, optional): If set to :obj:`True`, shows a progress bar on
                the standard error. (default: :obj:`False`)
        """
        results: Dict[int, Result] = {}
        items = list(checked(items))  # What is wrong is told before anything is read.
        stream = self.stream(items, batch_size, align, pairs, threshold)
        for index, result in tracked(stream, len(items), progress, 'Extracting'):
            results[index] = result
        return [results[i] for i in range(len(items))]

    def stream(self, items: Iterable[Union[Item, str]], batch_size: int = 32,
               align: bool = False, pairs: bool = False,
               threshold: _Threshold = None) -> Iterator[Tuple[int, Result]]:
        r"""Yields the position and the result of each item as soon as its batch is
        done. Texts of similar length share a batch, so positions are out of order.

        Of an iterator at most :obj:`16 * batch_size` items are taken ahead, and at
        most :obj:`batch_size` with an image that the model is to look at.

        Args:
            items, batch_size, align, pairs, threshold: As of :meth:`batch`.

        Raises:
            TypeError: If something is neither an item nor a string, naming its
                position.
            ValueError: If the batch size is not positive, the threshold not in
                :math:`[0, 1]`, or a text empty, naming its position.
        """
        thresholds = self.thresholds if threshold is None else Thresholds.of(threshold)
        if batch_size < 1:
            raise ValueError(f"Expected a batch size >= 1 (got {batch_size})")
        start = 0
        for pool in pools(items, batch_size):
            for i, result in self._reader.read(pool, batch_size, self.passage_words,
                                               align, pairs, thresholds):
                yield start + i, result
            start += len(pool)

    def __reduce__(self) -> Tuple[Any, ...]:
        check_picklable(self.image_parser, 'image parser')
        check_picklable(self.origin.conv, 'graph layer')
        check_picklable(self.origin.fusion, 'fusion')
        options = (str(self.device), self.image_parser, self.passage_words,
                   self.thresholds, self.pickle_weights, self._grounder)
        if not self.pickle_weights:
            return _load, (self.origin, self.origin.check(self.saved), *options)
        # In the memory of the host, which every process can reach.
        saved = self.saved
        if self.device.type != 'cpu':
            saved = saved._replace(model=deepcopy(self.model).cpu())
        return _rebuild, (self.origin, (saved, self.transform), *options)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.data.encoder}')"


def _load(origin: Origin, model: str, *options: Any) -> Extractor:
    r"""What an extractor that was pickled without its weights is made by."""
    extractor = Extractor(origin.load(model), *options)
    extractor.origin = origin
    return extractor


def _rebuild(origin: Origin, parts: Tuple[SavedModel, PairTransform], device: str,
             image_parser: Optional[ImageParser], passage_words: int,
             thresholds: Thresholds, pickle_weights: bool,
             grounding: _Grounder) -> Extractor:
    r"""What one that was pickled with its weights is made by."""
    extractor = Extractor.__new__(Extractor)
    extractor.thresholds = thresholds
    extractor.passage_words = passage_words
    extractor.pickle_weights = pickle_weights
    extractor.origin = origin
    extractor._assemble(*parts, device, image_parser, grounding)
    return extractor


def _head(grounding: _Grounder) -> Optional[GroundingHead]:
    if isinstance(grounding, GroundingHead):
        return grounding
    if grounding == 'head':
        return GroundingHead.pretrained()
    if grounding == 'plan':
        return None
    raise ValueError(f"Expected a head, 'head' or 'plan' as the grounding (got "
                     f"{short(grounding)})")
