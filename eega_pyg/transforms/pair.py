r"""A parsed sentence and the scene graph of its image."""
from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

import networkx as nx

from eega_pyg.parsing import Parse
from eega_pyg.schema import Annotation, BoxOfSpan, Quintuple, SceneGraph, Span


@dataclass(frozen=True)
class Pair:
    r"""A sentence, or a window of a long one, and its image, as the transforms take it.

    Args:
        words (tuple of str): The words of the window.
        parse (Parse): The parse of :obj:`words`.
        scene_graph (SceneGraph, optional): The scene graph of the image; empty without
            an image.
        quintuples (tuple of Quintuple, optional): All of the sentence, in the
            sentence's coordinates.
        text (str, optional): The whole sentence.
        image_id (str, optional): The image's name; empty without an image.
        sentence (int, optional): Which sentence of its source this is.
        offset (int, optional): The window's first word in the sentence.
        annotation (Annotation, optional): What is known of the sentence beside its
            quintuples, in the sentence's coordinates.
        parts (tuple of tuple, optional): The spans of the texts from which the sentence
            was joined, if it was.
        boxes (tuple of tuple, optional): Where its entities are seen, in the sentence's
            coordinates, see :class:`~eega_pyg.datasets.Record`.

    Raises:
        ValueError: If there is no word, or :obj:`parse` is of another length.
    """
    words: Tuple[str, ...]
    parse: Parse
    scene_graph: SceneGraph = SceneGraph()
    quintuples: Tuple[Quintuple, ...] = ()
    text: str = ''
    image_id: str = ''
    sentence: int = 0
    offset: int = 0
    annotation: Annotation = Annotation()
    parts: Tuple[Span, ...] = ()
    boxes: Optional[Tuple[BoxOfSpan, ...]] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'words', tuple(self.words))
        object.__setattr__(self, 'quintuples', tuple(self.quintuples))
        if not self.words:
            raise ValueError('Expected at least one word in a pair (the text is empty)')
        if len(self.parse.heads) != len(self.words):
            raise ValueError(f"Expected a parse of {len(self.words)} words (got "
                             f"{len(self.parse.heads)})")

    def windows(self, max_words: int) -> List['Pair']:
        r"""Splits a text of more than :obj:`max_words` words into windows that overlap
        by half or, where a window can begin with a sentence, by more, each with its
        part of the parse.

        A span of up to :obj:`max_words - max_words // 2` words lies wholly inside at
        least one window.
        """
        if max_words < 2:
            raise ValueError(f"Expected windows of at least 2 words (got {max_words})")
        num_words = len(self.words)
        if num_words <= max_words:
            return [self]
        starts, sentences = [0], self.sentences()
        while starts[-1] + max_words < num_words:
            latest = starts[-1] + max_words // 2
            whole = [s for s in sentences if starts[-1] < s <= latest]
            starts.append(whole[-1] if whole else latest)
        return [self.cut(s, min(s + max_words, num_words)) for s in starts]

    def sentences(self) -> List[int]:
        r"""The first word of each tree of the parse."""
        trees = nx.connected_components(nx.Graph(list(enumerate(self.parse.heads))))
        return sorted(map(min, trees))

    def cut(self, start: int, stop: int) -> 'Pair':
        r"""The words from :obj:`start` to before :obj:`stop`, with their part of the
        parse. A word whose head is outside becomes a root."""
        heads = tuple((head if start <= head < stop else word) - start
                      for word, head in enumerate(self.parse.heads[start:stop], start))
        parse = Parse(
            heads, self.parse.deps[start:stop], self.parse.upos[start:stop],
            self.parse.ner[start:stop], self.parse.shape[start:stop],
            None if self.parse.vectors is None else self.parse.vectors[start:stop])
        return replace(self, words=self.words[start:stop], parse=parse,
                       offset=self.offset + start)
