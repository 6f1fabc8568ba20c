r"""Texts with labels of one's own, as JSON lines."""
import os.path as osp
import warnings
from collections import Counter
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Literal, NamedTuple, Optional, Union

from eega_pyg.formats import AnnotatedText, in_words, read_texts, word_spans
from eega_pyg.formats.words import Tokenizer
from eega_pyg.schema import (
    UNKNOWN,
    UNSTATED,
    Annotation,
    Block,
    Entity,
    Quintuple,
    TagSet,
    located,
    short,
)

from .pair_dataset import check_choice
from .record import Record, Seen

#: What a data set says of its entities.
ENTITIES = ('auto', 'all', 'related')


class Survey(NamedTuple):
    r"""What a file of JSON lines holds.

    Args:
        tags (TagSet): Its types and relations, each in the order of its name.
        entities (str): ``'all'`` if any entity is in no relation, else ``'related'``.
        types (dict): How many entities have each type.
        relations (dict): How many pairs of entities have each relation.
        texts (int): The number of texts.
        alone (int): The number of entities in no relation.
    """
    tags: TagSet
    entities: Literal['all', 'related']
    types: Dict[str, int]
    relations: Dict[str, int]
    texts: int
    alone: int


def survey(path: Union[str, Path]) -> Survey:
    r"""Reads off a file of JSON lines which types and relations it holds.

    Raises:
        ValueError: Naming the file and the line that is wrong; or if there is no
            entity, or a type is called like a relation.
        OSError: If the file cannot be read.
    """
    types: 'Counter[str]' = Counter()
    relations: 'Counter[str]' = Counter()
    number = alone = 0
    for text in _texts(path):
        number += 1
        types.update(e.type for e in text.entities)
        relations.update(r.type for r in text.relations)
        alone += len(text.entities) - len(_related(text))
    with located(path):
        if not types:
            raise ValueError(f"holds no entity in {number:,} texts, and so no types")
        tags = TagSet(tuple(sorted(types)), tuple(sorted(relations)))
    return Survey(tags, 'all' if alone else 'related', dict(sorted(types.items())),
                  dict(sorted(relations.items())), number, alone)


def read_jsonl(path: Union[str, Path], tags: Optional[TagSet], tokenize: Tokenizer,
               entities: str = 'auto', widen: bool = False,
               partial: bool = False) -> List[Record]:
    r"""Reads texts with their entities and relations from JSON lines, see
    :func:`~eega_pyg.formats.read_texts`. Texts without an entity are kept, and those
    without a word left out with a warning.

    All relations are annotated: between two entities without one there is none. Of a
    relation without a direction, the head is the entity that the file calls so.

    Args:
        path (str or Path): The file.
        tags (TagSet): The known types and relations.
        tokenize (callable): Splits the texts without words into words.
        entities (str, optional): ``'all'``: all entities are annotated, and each is
            learned. ``'related'``: those in a relation are the only ones that count,
            as in JMERE; of others the file may name some, and whether these words are
            entities is left open. ``'auto'``: ``'all'`` if the file has an entity in no
            relation, else ``'related'``. (default: :obj:`"auto"`)
        widen (bool, optional): If set to :obj:`True`, an entity that cuts a word gets
            all of it. (default: :obj:`False`)
        partial (bool, optional): If set to :obj:`True`, types and relations that occur
            nowhere in the file count as not annotated. (default: :obj:`False`)

    Raises:
        ValueError: Naming file and line, if a text is wrong, has a type or relation
            that is not known, or an entity that cuts a word or overlaps another one; or
            if there is no text.
        OSError: If the file cannot be read.
    """
    check_choice('value of data.entities', entities, ENTITIES)
    found, without_words = [], 0
    for text in _texts(path, tags):
        with located(text.place):
            cut = in_words(text, tokenize, widen)
            if cut is None:
                without_words += 1
                continue
            _check_overlap(cut)
        found.append(cut)
    if not found:
        raise ValueError(f"{path}: holds no text")
    if without_words:
        warnings.warn(f"Left out: {without_words:,} texts of '{path}' have no word")
    if entities == 'auto':
        alone = any(len(t.entities) > len(_related(t)) for t in found)
        entities = 'all' if alone else 'related'
    names = None
    if partial:
        names = frozenset(e.type for t in found for e in t.entities)
        names |= {r.type for t in found for r in t.relations}
    boxes = any(e.box is not None for t in found for e in t.entities)
    folder = osp.dirname(path)
    return [_record(t, entities, names, boxes, folder) for t in found]


def _texts(path: Union[str, Path],
           tags: Optional[TagSet] = None) -> Iterator[AnnotatedText]:
    for text in read_texts(path, 'jsonl', tags, overlapping=True):
        with located(text.place):
            _check_overlap(text)
        yield text


def _check_overlap(text: AnnotatedText) -> None:
    if pair := text.overlapping():
        one, other = (f'{short(text.text[e.start:e.end])} [{e.start}, {e.end})'
                      for e in pair)
        raise ValueError(f"the entities {one} and {other} overlap, and a model "
                         f"learns one of two at most: keep one")


def _related(text: AnnotatedText) -> FrozenSet[int]:
    return frozenset(i for r in text.relations for i in (r.head, r.tail))


def _record(text: AnnotatedText, entities: str, names: Optional[FrozenSet[str]],
            boxes: bool, folder: str) -> Record:
    words = text.words or ()
    spans = word_spans(text)
    own = [Entity(*span, e.type) for span, e in zip(spans, text.entities)]
    quintuples = (Quintuple(own[r.head], own[r.tail], r.type) for r in text.relations)
    related = _related(text)
    if entities == 'all':
        annotation = Annotation(tuple(own))
    else:
        alone = [s for i, s in enumerate(spans) if i not in related]
        annotation = Annotation(blocks=tuple(Block(s, s, UNKNOWN) for s in alone))
    if names is not None:
        annotation = annotation._replace(rest=UNSTATED, tags=names)
    graph = text.scene_graph
    caption = (text.caption or '').strip()
    seen = Seen(graph if graph is not None and graph.objects else None, caption,
                osp.join(folder, text.image) if text.image else '')
    image_id = text.image_id or osp.basename(text.image)
    if not image_id and (seen.scene_graph or caption):
        image_id = osp.basename(text.place)  # So that images are told apart.
    return Record(
        words, image_id, tuple(dict.fromkeys(quintuples)), ' '.join(words), annotation,
        boxes=tuple((s, box) for s, e in zip(spans, text.entities)
                    for box in e.boxes) if boxes else None, seen=seen)
