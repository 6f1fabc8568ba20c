r"""From items to results: words, graphs, windows, and back."""
from threading import RLock
from typing import (
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from eega_pyg.extraction.found import Grounding
from eega_pyg.extraction.grounding import GroundingHead, by_plan
from eega_pyg.extraction.item import MAX_WORDS, Item
from eega_pyg.extraction.passages import paragraphs, passages
from eega_pyg.extraction.result import Alignment, PairProbabilities, Result
from eega_pyg.extraction.sight import Sight, is_looked_at
from eega_pyg.extraction.windows import Found, Window, read_windows
from eega_pyg.parsing import Parser
from eega_pyg.saving.saved_model import SavedModel
from eega_pyg.saving.scales import is_post
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.schema import Entity, SceneGraph, located, num_pieces
from eega_pyg.tagging import is_directed, merge_windows
from eega_pyg.transforms import Pair, PairTransform

# How many batches of items are parsed at once; their windows are then sorted by length.
_POOL = 16
_Tokens = Tuple[List[str], List[Tuple[int, int]]]


class Reader:
    r"""Reads items with a saved model.

    Args:
        saved (SavedModel): The model.
        parser (Parser): Cuts texts into words and parses them.
        sight (Sight): Says what is seen in the images.
        transform (PairTransform): Makes graphs.
        grounding (GroundingHead, optional): Says which object an entity is; without it
            the plan of the alignment does.
    """
    def __init__(self, saved: SavedModel, parser: Parser, sight: Sight,
                 transform: PairTransform,
                 grounding: Optional[GroundingHead] = None) -> None:
        self.saved = saved
        self.parser = parser
        self.sight = sight
        self.transform = transform
        self.grounding = grounding
        # Neither spaCy nor an image parser says that several threads may call it.
        self._lock = RLock()

    def read(self, items: Sequence[Item], batch_size: int, passage_words: int,
             align: bool, pairs: bool,
             thresholds: Thresholds) -> Iterator[Tuple[int, Result]]:
        r"""Yields the position and the result of each item as soon as the last of its
        windows is read; the arguments are those of
        :class:`~eega_pyg.extraction.extractor.Extractor`."""
        with self._lock, self.parser.memory_zone():
            tokens, graphs, windows = self._prepared(items, passage_words)
        missing = [0] * len(items)
        for window in windows:
            missing[window.item] += 1
        windows.sort(key=lambda w: num_pieces(w.data))
        found: Dict[int, List[Found]] = {}
        for first in range(0, len(windows), batch_size):
            chunk = windows[first:first + batch_size]
            parts = read_windows(
                self.saved, chunk, align or self.grounding is None
                and any(_has_boxes(graphs[w.item]) for w in chunk), pairs)
            for window, part in zip(chunk, parts):
                i = window.item
                found.setdefault(i, []).append(part)
                if len(found[i]) == missing[i]:
                    whole = sorted(found.pop(i), key=lambda p: p.places)
                    yield i, self._result(items[i], tokens[i][1], graphs[i], whole,
                                          align, thresholds)

    def _prepared(
            self, items: Sequence[Item],
            passage_words: int) -> Tuple[List[_Tokens], List[SceneGraph], List[Window]]:
        r"""The words of each item, what is seen, and what the model reads of it."""
        data = self.saved.data
        tokens = [self.tokenize(item) for item in items]
        graphs = [graph.top(data.max_objects) for graph in self.sight(items)]
        parts = [(i, part) for i, item in enumerate(items)
                 for part in paragraphs(item, *tokens[i])]
        parses = self.parser.parse([part.words for _, part in parts])
        windows = []
        for (i, part), parse in zip(parts, parses):
            pair = Pair(words=part.words, parse=parse, scene_graph=graphs[i],
                        text=items[i].text, image_id=items[i].image_id)
            for passage in passages(pair, part, passage_words,
                                    self.parser.has_end_mark):
                for window in passage.windows(data.max_words):
                    span = window.offset, window.offset + len(window.words)
                    windows.append(
                        Window(i, part.places[slice(*span)], part.borders(*span),
                               self.transform(window)))
        return tokens, graphs, windows

    def tokenize(self, item: Item) -> _Tokens:
        r"""The words of the text, and the characters of each.

        Raises:
            ValueError: If there are more than :obj:`MAX_WORDS`.
        """
        if item.words is None:
            with self._lock:
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
        return words, offsets

    def _result(self, item: Item, offsets: List[Tuple[int,
                                                      int]], scene_graph: SceneGraph,
                parts: List[Found], align: bool, thresholds: Thresholds) -> Result:
        tags = self.saved.model.tag_set
        extraction = parts[0].extraction
        if len(parts) > 1:
            extraction = merge_windows([(0, p.extraction) for p in parts])
        post = is_post(item.text, item.words is not None)
        extraction = thresholds.keep(self.saved.scales.apply(extraction, post))
        alignments = [(p.places, p.alignment) for p in parts if p.alignment is not None]
        alignment = Alignment.merge(alignments, len(offsets)) if alignments else None
        tables = [(p.places, p.pairs) for p in parts if p.pairs is not None]
        return Result(
            text=item.text,
            offsets=tuple(offsets),
            extraction=extraction,
            scene_graph=scene_graph,
            image_id=item.image_id,
            image=item.image,
            undirected=frozenset(
                q for q in extraction.quintuples
                if not is_directed(q, self.saved.model.table, self.saved.signatures)),
            alignment=alignment if align else None,
            pairs=PairProbabilities(tags, tables) if tables else None,
            metadata=item.metadata,
            groundings=self._grounded(extraction.entities, scene_graph, alignment,
                                      [item.text[a:b] for a, b in offsets]),
        )

    def _grounded(self, entities: Sequence[Entity], graph: SceneGraph,
                  alignment: Optional[Alignment],
                  words: Sequence[str]) -> Mapping[Entity, Grounding]:
        if self.grounding is not None:
            return self.grounding.ground(entities, graph.objects, words)
        return {} if alignment is None else by_plan(entities, graph, alignment)


def _has_boxes(graph: SceneGraph) -> bool:
    return any(o.box is not None for o in graph.objects)


def checked(items: Iterable[Union[Item, str]]) -> Iterator[Item]:
    r"""The items of a stream, those of strings as well.

    Raises:
        TypeError: If something is neither an item nor a string, naming its position.
        ValueError: If a text is empty, naming its position.
    """
    if isinstance(items, str):
        raise TypeError(f"Expected several texts (got the string {items[:60]!r}): put "
                        f"it in a list")
    for i, item in enumerate(items):
        with located(f'items[{i}]'):
            item = Item(item) if isinstance(item, str) else item
        if not isinstance(item, Item):
            raise TypeError(f"items[{i}]: expected an Item or a string (got a "
                            f"{type(item).__name__})")
        yield item


def pools(items: Iterable[Union[Item, str]], batch_size: int) -> Iterator[List[Item]]:
    r"""Cuts a stream of items into lists that are parsed at once, of at most
    :obj:`batch_size` images that the model looks at.

    Raises:
        TypeError, ValueError: As :func:`checked`.
    """
    pool: List[Item] = []
    seen = 0
    for item in checked(items):
        pool.append(item)
        seen += is_looked_at(item)
        if len(pool) == batch_size * _POOL or seen == batch_size:
            yield pool
            pool, seen = [], 0
    if pool:
        yield pool
