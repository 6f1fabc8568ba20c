r"""Raw files to parsed pairs."""
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Sequence, Union

from eega_pyg.parsing import Parser
from eega_pyg.schema import SceneGraph, TagSet
from eega_pyg.transforms import Pair

from .mnre import read_mnre


def read_pairs(path: Union[str, Path], caption_files: Sequence[str], tags: TagSet,
               version: str, spacy_model: str, max_words: int, max_objects: int,
               progress: bool = False) -> List[Pair]:
    r"""Reads and parses a split: a pair for each sentence, or for each window of a
    long one.

    Args:
        path (str or Path): The file with the lines of MNRE.
        caption_files (sequence of str): Files with captions. A sentence whose image
            has none is left without objects.
        tags (TagSet): The known types and relations.
        version (str): See :func:`~eega_pyg.datasets.read_mnre`.
        spacy_model (str): The spaCy pipeline.
        max_words (int): See :meth:`~eega_pyg.transforms.Pair.windows`.
        max_objects (int): Objects kept of a caption.
        progress (bool, optional): Shows progress bars. (default: :obj:`False`)
    """
    parser = cached_parser(spacy_model)
    records = read_mnre(path, tags, version)
    parses = parser.parse([r.words for r in records], progress)
    graphs: Dict[str, SceneGraph] = {}
    if caption_files:
        from eega_pyg.vision import CaptionParser, read_captions
        captions = read_captions(caption_files)
        used = [i for i in dict.fromkeys(r.image_id for r in records) if i in captions]
        seen = CaptionParser(parser.nlp, max_objects)
        graphs = dict(zip(used, seen.parse([captions[i] for i in used], progress)))
    return [
        window for i, (record, parse) in enumerate(zip(records, parses))
        for window in Pair(record.words, parse, graphs.get(
            record.image_id, SceneGraph()), record.quintuples, record.text,
                           record.image_id, sentence=i).windows(max_words)
    ]


@lru_cache(maxsize=2)
def cached_parser(name: str) -> Parser:
    r"""A parser that is loaded once, however many splits are opened."""
    return Parser(name)
