r"""Text and image in, entities and quintuples out."""
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np
import torch
from huggingface_hub import ModelHubMixin
from torch_geometric.data import Batch, HeteroData

from eega_pyg.device import find_device
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.nn import OwnConv
from eega_pyg.nn.models import predict
from eega_pyg.parsing import Parser, tracked
from eega_pyg.resolve import load_tokenizer
from eega_pyg.saving.folder import copy_model
from eega_pyg.saving.saved_model import SavedModel, load_model
from eega_pyg.schema import OBJECT, Quintuple, SceneGraph, Share, num_pieces, validated
from eega_pyg.tagging import Extraction, merge_windows
from eega_pyg.transforms import Pair, PairTransform, WordPieces
from eega_pyg.vision import CaptionParser
from eega_pyg.vision.images import ImageParser, ImageSource, load_image

#: A longer text is refused. It would be cut into many hundreds of passages, and the
#: caller can as well give each of them as a text.
MAX_WORDS = 20_000
#: Words of the sentences that are read together, see :class:`Extractor`.
PASSAGE_WORDS = 20
# How many batches of items are parsed at once; their windows are then sorted by length.
_POOL = 16

# Put behind a text that ends in a letter or digit.
_END = '.'


class _Window(NamedTuple):
    item: int
    offset: int
    num_words: int  # Without the end mark.
    data: HeteroData


class _Found(NamedTuple):
    offset: int
    extraction: Extraction
    alignment: Optional[Alignment]
    pairs: Optional[np.ndarray]


class Extractor(ModelHubMixin, library_name='eega_pyg'):
    r"""Extracts quintuples from texts with images.

    If a text ends in a letter or digit, the model reads it with a full stop behind it,
    which does not occur in the result. The reason is that in JMERE the last word of
    such a sentence is hardly ever part of an entity (40 of 3,618 in training), and a
    model learns this. Words that are given as such are not changed.

    A text of several sentences is cut into passages of whole sentences with up to
    :obj:`passage_words` words each, and relations are found within a passage only. The
    reason is that a model finds next to nothing in texts much longer than those it was
    trained on (16 words on average in JMERE).

    .. code-block:: python

        extractor = Extractor.from_pretrained('runs/sample')
        result = extractor('Ana Lopez plays for United FC',
                           caption='a woman kicking a ball')
        for q in result.quintuples:
            print(q.head.text, q.relation, q.tail.text, q.probability)

    ``push_to_hub('me/my-model')`` uploads all that belongs to the model: weights,
    vocabularies, tokenizer and model card.

    Args:
        saved (SavedModel): A model and all that belongs to it.
        device (torch.device or str, optional): Where the model runs. By default this is
            the first accelerator, or the CPU if there is none.
        image_parser (callable, optional): Turns a list of images (paths or Pillow
            images) into scene graphs. By default a
            :class:`~eega_pyg.vision.SceneParser`, made when the first image without
            a caption or a scene graph comes.
        passage_words (int, optional): The most words of a passage.
            (default: :obj:`20`)
        threshold (float, optional): Quintuples that are less probable are left out; by
            default, the threshold that was stored with the model.

    Raises:
        ValueError: If :obj:`threshold` is not in :math:`[0, 1]`.
    """
    def __init__(self, saved: SavedModel, device: Optional[Union[str,
                                                                 torch.device]] = None,
                 image_parser: Optional[ImageParser] = None,
                 passage_words: int = PASSAGE_WORDS,
                 threshold: Optional[float] = None) -> None:
        self.saved = saved
        (self.model, self.vocabularies, self.data, self.signatures, self.temperature,
         self.scales, default) = saved
        self.threshold = default if threshold is None else validated(
            Share, threshold, 'threshold')
        self.device = find_device(device)
        self.model.to(self.device).eval()
        self.parser = Parser(self.data.spacy_model, vectors=self.data.word_vectors)
        self.captions = CaptionParser(self.parser.nlp, self.data.max_objects)
        self.image_parser = image_parser
        self.passage_words = passage_words
        self.transform = PairTransform(self.vocabularies,
                                       WordPieces(load_tokenizer(self.data.encoder)),
                                       self.model.tag_set, self.model.table,
                                       self.data.max_objects, self.model.feature_dim)

    @classmethod
    def from_pretrained(  # type: ignore[override]
            cls, name: Optional[Union[str, Path]] = None,
            device: Optional[Union[str, torch.device]] = None,
            image_parser: Optional[ImageParser] = None,
            passage_words: int = PASSAGE_WORDS, threshold: Optional[float] = None,
            revision: Optional[str] = None, token: Optional[Union[str, bool]] = None,
            cache_dir: Optional[Union[str,
                                      Path]] = None, local_files_only: bool = False,
            conv: Optional[OwnConv] = None) -> 'Extractor':
        r"""Reads a folder that ``eega train`` has written, or a model of the Hugging
        Face hub; without a name the checkpoint that comes with the package.

        Args:
            name (str or Path, optional): The folder or the model.
            device, image_parser, passage_words, threshold: As of the class.
            revision, token, cache_dir, local_files_only, conv: As of
                :func:`~eega_pyg.saving.saved_model.load_model`.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: Naming the file, if one is broken.
        """
        saved = load_model(name, revision, token, cache_dir, local_files_only, conv)
        return cls(saved, device, image_parser, passage_words, threshold)

    def save_pretrained(self, save_directory: Union[str, Path],
                        **kwargs: Any) -> Optional[str]:
        r"""Copies all that belongs to the model to another folder; further arguments
        go to the Hugging Face hub's mixin.

        Raises:
            ValueError: If the model is in that folder already.
        """
        if Path(save_directory).resolve() == Path(self.data.encoder).resolve():
            raise ValueError(
                f"The model is in '{save_directory}' already: name another folder")
        return super().save_pretrained(save_directory, **kwargs)

    def _save_pretrained(self, save_directory: Path) -> None:
        copy_model(self.data.encoder, save_directory)

    def __call__(self, text: Union[str, Sequence[str]], caption: Optional[str] = None,
                 scene_graph: Optional[SceneGraph] = None,
                 image: Optional[ImageSource] = None, align: bool = False,
                 pairs: bool = False, threshold: Optional[float] = None) -> Result:
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
            threshold (float, optional): Quintuples that are less probable are left out;
                by default, the extractor's own threshold holds.

        Raises:
            ValueError: If the text is longer than :obj:`MAX_WORDS` words, or if an
                :class:`~eega_pyg.extraction.item.Item` cannot be made of the arguments.
            OSError: If the image cannot be read.
        """
        item = Item(text if isinstance(text, str) else '',
                    None if isinstance(text, str) else tuple(text), caption,
                    scene_graph, image=image)
        return self.batch([item], align=align, pairs=pairs, threshold=threshold)[0]

    def check(self, item: Item) -> None:
        r"""Checks, before anything is extracted, whether an item can be read.

        Raises:
            ValueError: If the text is longer than :obj:`MAX_WORDS` words.
            OSError: If the model is to look at the image and it cannot be read.
        """
        if len(item.text
               ) > MAX_WORDS:  # A text has at most as many words as characters.
            self._tokenize(item)
        if item.image is not None and _is_seen(item):
            load_image(item.image)

    def batch(self, items: Sequence[Union[Item, str]], batch_size: int = 32,
              align: bool = False, pairs: bool = False, progress: bool = False,
              threshold: Optional[float] = None) -> List[Result]:
        r"""Extracts from many texts and returns the results in the items' order.

        Args:
            items (sequence of Item or str): The texts with their images, or texts
                alone.
            batch_size (int, optional): Texts the model reads at once.
                (default: :obj:`32`)
            align, pairs, threshold (optional): As of :meth:`__call__`.
            progress (bool, optional): If set to :obj:`True`, shows a progress bar on
                the standard error. (default: :obj:`False`)
        """
        results: Dict[int, Result] = {}
        stream = self.stream(items, batch_size, align, pairs, threshold)
        for index, result in tracked(stream, len(items), progress, 'Extracting'):
            results[index] = result
        return [results[i] for i in range(len(items))]

    def stream(self, items: Iterable[Union[Item, str]], batch_size: int = 32,
               align: bool = False, pairs: bool = False,
               threshold: Optional[float] = None) -> Iterator[Tuple[int, Result]]:
        r"""Yields the position and the result of each item as soon as its batch is
        done. Texts of similar length share a batch, so positions are out of order.

        Of an iterator at most :obj:`16 * batch_size` items are taken ahead, and at
        most :obj:`batch_size` with an image that the model is to look at.

        Args:
            items, batch_size, align, pairs, threshold: As of :meth:`batch`.

        Raises:
            TypeError: If something is neither an item nor a string, naming its
                position.
            ValueError: If the batch size is not positive or the threshold not in
                :math:`[0, 1]`.
        """
        if threshold is None:
            threshold = self.threshold
        validated(Share, threshold, 'threshold')
        if batch_size < 1:
            raise ValueError(f"Expected a batch size >= 1 (got {batch_size})")
        if isinstance(items, str):
            raise TypeError(f"Expected several texts (got the string {items[:60]!r}): "
                            f"put it in a list")
        pool: List[Item] = []
        start = seen = 0
        for item in items:
            item = Item(item) if isinstance(item, str) else item
            if not isinstance(item, Item):
                raise TypeError(f"items[{start + len(pool)}]: expected an Item or a "
                                f"string (got a {type(item).__name__})")
            pool.append(item)
            seen += _is_seen(item)
            if len(pool) == batch_size * _POOL or seen == batch_size:
                seen = 0
                yield from self._pool(pool, start, batch_size, align, pairs, threshold)
                start += len(pool)
                pool = []
        yield from self._pool(pool, start, batch_size, align, pairs, threshold)

    def _pool(self, items: Sequence[Item], start: int, batch_size: int, align: bool,
              pairs: bool, threshold: float) -> Iterator[Tuple[int, Result]]:
        tokens = [self._tokenize(item) for item in items]
        parses = self.parser.parse([words for words, _ in tokens])
        graphs = self._scene_graphs(items)
        windows = [
            _Window(i, window.offset,
                    min(len(window.words),
                        len(tokens[i][1]) - window.offset), self.transform(window))
            for i, item in enumerate(items) for passage in Pair(
                words=tuple(tokens[i][0]), parse=parses[i], scene_graph=graphs[i],
                text=item.text, image_id=item.image_id).passages(self.passage_words)
            for window in passage.windows(self.data.max_words)
        ]
        missing = [0] * len(items)
        for window in windows:
            missing[window.item] += 1
        windows.sort(key=lambda w: num_pieces(w.data))
        found: Dict[int, List[_Found]] = {}
        for first in range(0, len(windows), batch_size):
            chunk = windows[first:first + batch_size]
            for window, part in zip(chunk, self._run(chunk, align, pairs)):
                i = window.item
                found.setdefault(i, []).append(part)
                if len(found[i]) == missing[i]:
                    parts = sorted(found.pop(i), key=lambda p: p.offset)
                    yield start + i, self._result(items[i], tokens[i][1], graphs[i],
                                                  parts, threshold)

    def _run(self, windows: Sequence[_Window], align: bool,
             pairs: bool) -> List[_Found]:
        batch = Batch.from_data_list([w.data for w in windows])
        [out] = predict(self.model, [batch], align)
        extractions = out.decode(self.signatures, self.temperature)
        alignments: List[Optional[Alignment]] = [None] * len(windows)
        if out.alignment is not None:
            objects = out.batch[OBJECT].ptr.diff().tolist()
            plans = [
                p.cpu().numpy()
                for p in (out.alignment.node_plan, out.alignment.edge_plan)
            ]
            alignments = [
                Alignment(*(_shares(plan[i, :k, :w.num_words])
                            for plan in plans)) if k else None
                for i, (k, w) in enumerate(zip(objects, windows))
            ]
        tables: List[Optional[np.ndarray]] = [None] * len(windows)
        if pairs:
            probability = (out.logits / self.temperature).softmax(-1)
            tables = [
                t.view(n, n, -1)[:w.num_words, :w.num_words].numpy()
                for w, n, t in zip(windows, out.sizes, out.split(probability))
            ]
        offsets = [w.offset for w in windows]
        extractions = [_within(x, w.num_words) for x, w in zip(extractions, windows)]
        return list(map(_Found, offsets, extractions, alignments, tables))

    def _result(self, item: Item, offsets: List[Tuple[int,
                                                      int]], scene_graph: SceneGraph,
                parts: List[_Found], threshold: float) -> Result:
        extraction = parts[0].extraction
        if len(parts) > 1:
            extraction = merge_windows([(p.offset, p.extraction) for p in parts])
        extraction = self.scales.apply(extraction)
        extraction = extraction._replace(quintuples=[
            q for q in extraction.quintuples if (q.probability or 0.0) >= threshold
        ])
        alignments = [(p.offset, p.alignment) for p in parts if p.alignment is not None]
        tables = [(p.offset, p.pairs) for p in parts if p.pairs is not None]
        return Result(
            text=item.text,
            offsets=tuple(offsets),
            extraction=extraction,
            scene_graph=scene_graph,
            image_id=item.image_id,
            image=item.image,
            undirected=frozenset(q for q in extraction.quintuples
                                 if not self._directed(q)),
            alignment=Alignment.merge(alignments, len(offsets)) if alignments else None,
            pairs=PairProbabilities(self.model.tag_set, tables) if tables else None,
        )

    def _directed(self, q: Quintuple) -> bool:
        # In a table without directions, the head is known only if the signatures allow
        # the relation between these types in one direction alone.
        if self.model.table == 'directed':
            return True
        return (self.signatures is not None
                and (q.tail.type, q.relation, q.head.type) not in self.signatures)

    def _scene_graphs(self, items: Sequence[Item]) -> List[SceneGraph]:
        graphs = [item.scene_graph or SceneGraph() for item in items]
        with_caption = [i for i, x in enumerate(items) if x.caption is not None]
        with_image = [i for i, x in enumerate(items) if _is_seen(x)]
        captions = [items[i].caption or '' for i in with_caption]
        images = [
            x.image for x in (items[i] for i in with_image) if x.image is not None
        ]
        for i, graph in zip(with_caption, self.captions.parse(captions)):
            graphs[i] = graph
        if images:
            for i, graph in zip(with_image, self._parse_images(images)):
                graphs[i] = graph
        return [graph.top(self.data.max_objects) for graph in graphs]

    def _parse_images(self, images: Sequence[ImageSource]) -> List[SceneGraph]:
        if self.image_parser is None:
            from eega_pyg.vision import SceneParser
            for image in images:  # A broken one raises before weights are downloaded.
                load_image(image)
            self.image_parser = SceneParser(device=self.device)
        graphs = self.image_parser(images)
        if len(graphs) != len(images):
            raise ValueError(f"Expected a scene graph of each of {len(images)} images "
                             f"from the image parser (got {len(graphs)})")
        return graphs

    def _tokenize(self, item: Item) -> Tuple[List[str], List[Tuple[int, int]]]:
        if item.words is None:
            words, offsets = self.parser.tokenize(item.text)
        else:
            words, offsets, start = list(item.words), [], 0
            for word in words:
                offsets.append((start, start + len(word)))
                start += len(word) + 1
        if len(words) > MAX_WORDS:
            raise ValueError(f"The text that begins with {item.text[:60]!r} has "
                             f"{len(words)} words, and at most {MAX_WORDS} are read at "
                             f"once: give it in parts")
        if item.words is None and words[-1][-1].isalnum():
            words.append(_END)
        return words, offsets

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.data.encoder}')"


def _shares(plan: np.ndarray) -> np.ndarray:
    r"""Columns of a plan, each with a sum of one. :math:`(k, n)`"""
    return plan / plan.sum(0, keepdims=True)


def _is_seen(item: Item) -> bool:
    # Whether the model looks at the image.
    return (item.image is not None and item.caption is None
            and item.scene_graph is None)


def _within(extraction: Extraction, num_words: int) -> Extraction:
    r"""The entities and quintuples within the first words."""
    kept = [e for e in extraction.entities if e.end <= num_words]
    return Extraction(kept, [
        q for q in extraction.quintuples
        if q.head.end <= num_words and q.tail.end <= num_words
    ])
