r"""Text and image in, entities and quintuples out."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import torch
from torch_geometric.data import Batch

from eega_pyg.evaluation import extract_batch
from eega_pyg.parsing import Parser
from eega_pyg.resolve import load_tokenizer
from eega_pyg.saved_model import SavedModel, load_model
from eega_pyg.schema import Entity, SceneGraph
from eega_pyg.tagging import Extraction, merge_windows
from eega_pyg.transforms import Pair, PairTransform, WordPieces
from eega_pyg.vision import CaptionParser


@dataclass(frozen=True)
class Item:
    r"""One text and what is seen in its image.

    Args:
        text (str): The text. Where :obj:`words` are given it is their join.
        words (tuple of str, optional): The text's words, taken as they are.
        caption (str, optional): A sentence that says what the image shows.
        scene_graph (SceneGraph, optional): What the image shows; at most one of the
            two.
        image_id (str, optional): A name to find the image by.

    Raises:
        ValueError: If the text is empty, or both a caption and a scene graph are given.
    """
    text: str = ''
    words: Optional[Tuple[str, ...]] = None
    caption: Optional[str] = None
    scene_graph: Optional[SceneGraph] = None
    image_id: str = ''

    def __post_init__(self) -> None:
        if self.words is not None:
            object.__setattr__(self, 'words', tuple(self.words))
            object.__setattr__(self, 'text', ' '.join(self.words))
        if not self.text.strip():
            raise ValueError("The text is empty: give at least one word")
        if self.caption is not None and self.scene_graph is not None:
            raise ValueError("Give a caption or a scene graph, not both")

    @classmethod
    def from_dict(cls, value: Any) -> 'Item':
        r"""Reads ``{"text" or "words", "caption" or "scene_graph", "image_id"}``; a
        :class:`ValueError` names the field."""
        if not isinstance(value, dict):
            raise ValueError(
                f"Expected an object with 'text' or 'words' (got {value!r})")
        known = {'text', 'words', 'caption', 'scene_graph', 'image_id'}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"Unknown field '{unknown[0]}' (known: "
                             f"{', '.join(sorted(known))})")
        for name in ('text', 'caption', 'image_id'):
            if name in value and not isinstance(value[name], str):
                raise ValueError(f"{name}: expected a string (got {value[name]!r})")
        words = value.get('words')
        if words is not None:
            if not isinstance(words, list) or not words or not all(
                    isinstance(w, str) and w.strip() for w in words):
                raise ValueError(f"words: expected a list of non-empty strings (got "
                                 f"{words!r})")
        scene_graph = value.get('scene_graph')
        return cls(
            text=value.get('text', ''),
            words=None if words is None else tuple(words),
            caption=value.get('caption'),
            scene_graph=None
            if scene_graph is None else SceneGraph.from_dict(scene_graph),
            image_id=value.get('image_id', ''),
        )


@dataclass(frozen=True)
class Result:
    r"""What was found in one text.

    Args:
        text (str): The text.
        offsets (tuple): First and one-past-last character of each word in the text.
        extraction (Extraction): Entities and quintuples, in words.
        scene_graph (SceneGraph): What was known of the image.
        image_id (str): The item's own.
    """
    text: str
    offsets: Tuple[Tuple[int, int], ...]
    extraction: Extraction
    scene_graph: SceneGraph
    image_id: str = ''

    def span(self, entity: Entity) -> Tuple[int, int]:
        r"""The entity's characters in the text (half-open)."""
        return self.offsets[entity.start][0], self.offsets[entity.end - 1][1]

    def _entity(self, entity: Entity) -> Dict[str, Any]:
        start, end = self.span(entity)
        return {
            'text': self.text[start:end],
            'type': entity.type,
            'start': start,
            'end': end,
            'probability': entity.probability,
        }

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain dicts and lists; ``start`` and ``end`` count characters."""
        return {
            'text':
            self.text,
            'image_id':
            self.image_id,
            'entities': [self._entity(e) for e in self.extraction.entities],
            'quintuples': [{
                'head': self._entity(q.head),
                'relation': q.relation,
                'tail': self._entity(q.tail),
                'probability': q.probability,
            } for q in self.extraction.quintuples],
            'scene_graph':
            self.scene_graph.to_dict(),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def quintuples(self) -> List[Tuple[str, str, str, str, str]]:
        r"""The quintuples as (entity, type, entity, type, relation)."""
        return [(q['head']['text'], q['head']['type'], q['tail']['text'],
                 q['tail']['type'], q['relation'])
                for q in self.to_dict()['quintuples']]


class Extractor:
    r"""Extracts quintuples from texts with images.

    .. code-block:: python

        extractor = Extractor.from_pretrained('runs/sample')
        result = extractor('Ana Lopez plays for United FC',
                           caption='a woman kicking a ball')
        print(result.quintuples())

    Args:
        saved (SavedModel): A model and all that belongs to it.
        device (torch.device or str, optional): Where the model runs; by default on the
            first accelerator, else the CPU.
    """
    def __init__(self, saved: SavedModel,
                 device: Optional[Union[str, torch.device]] = None) -> None:
        self.model, self.vocabularies, self.data, self.signatures = saved
        self.device = torch.device(device) if device is not None else _device()
        self.model.to(self.device).eval()
        self.parser = Parser(self.data.spacy_model)
        self.captions = CaptionParser(self.parser.nlp, self.data.max_objects)
        self.transform = PairTransform(self.vocabularies,
                                       WordPieces(load_tokenizer(self.data.encoder)),
                                       self.model.tag_set, self.model.table,
                                       self.data.max_objects, self.model.feature_dim)

    @classmethod
    def from_pretrained(
            cls, name: Union[str, Path],
            device: Optional[Union[str, torch.device]] = None) -> 'Extractor':
        r"""Reads a folder that ``eega train`` has written, or a model of the Hugging
        Face hub."""
        return cls(load_model(name), device)

    def __call__(self, text: Union[str, Sequence[str]], caption: Optional[str] = None,
                 scene_graph: Optional[SceneGraph] = None) -> Result:
        r"""Extracts from one text.

        Args:
            text (str or sequence of str): The text, or its words.
            caption (str, optional): A sentence that says what the image shows.
            scene_graph (SceneGraph, optional): What the image shows.
        """
        given = {'text': text} if isinstance(text, str) else {'words': tuple(text)}
        return self.batch([Item(**given, caption=caption, scene_graph=scene_graph)])[0]

    def batch(self, items: Sequence[Item], batch_size: int = 32) -> List[Result]:
        r"""Extracts from many texts; results are in the items' order."""
        results: List[Optional[Result]] = [None] * len(items)
        for index, result in self.stream(items, batch_size):
            results[index] = result
        return [r for r in results if r is not None]

    @torch.no_grad()
    def stream(self, items: Sequence[Item],
               batch_size: int = 32) -> Iterator[Tuple[int, Result]]:
        r"""Yields the position and the result of each item as batches are done, texts
        of similar length together."""
        tokens = [self._tokenize(item) for item in items]
        parses = self.parser.parse([words for words, _ in tokens])
        captions = iter(
            self.captions.parse([i.caption for i in items if i.caption is not None]))
        graphs = [
            next(captions) if item.caption is not None else
            (item.scene_graph or SceneGraph()) for item in items
        ]
        order = sorted(range(len(items)), key=lambda i: len(tokens[i][0]))
        for start in range(0, len(order), batch_size):
            chosen = order[start:start + batch_size]
            pairs = [
                window for i in chosen for window in Pair(
                    words=tuple(tokens[i][0]), parse=parses[i], scene_graph=graphs[i],
                    text=items[i].text, image_id=items[i].image_id, sentence=i).windows(
                        self.data.max_words)
            ]
            found: Dict[int, List[Tuple[int, Extraction]]] = {}
            for pair, extraction in self._extract(pairs, batch_size):
                found.setdefault(pair.sentence, []).append((pair.offset, extraction))
            for i in chosen:
                yield i, Result(items[i].text, tuple(tokens[i][1]),
                                merge_windows(found[i]), graphs[i], items[i].image_id)

    def _extract(self, pairs: Sequence[Pair],
                 batch_size: int) -> Iterable[Tuple[Pair, Extraction]]:
        for start in range(0, len(pairs), batch_size):
            chunk = pairs[start:start + batch_size]
            batch = Batch.from_data_list([self.transform(p) for p in chunk])
            yield from zip(
                chunk, extract_batch(self.model, batch.to(self.device),
                                     self.signatures))

    def _tokenize(self, item: Item) -> Tuple[List[str], List[Tuple[int, int]]]:
        if item.words is None:
            return self.parser.tokenize(item.text)
        offsets, start = [], 0
        for word in item.words:
            offsets.append((start, start + len(word)))
            start += len(word) + 1
        return list(item.words), offsets


def _device() -> torch.device:
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or torch.device('cpu')
    return torch.device('cpu')
