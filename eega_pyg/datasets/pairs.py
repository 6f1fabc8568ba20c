r"""Reads raw files as parsed pairs."""
from pathlib import Path
from typing import List, Union

from eega_pyg.schema import SceneGraph, TagSet
from eega_pyg.transforms import Pair

from .cached import cached_parser
from .mnre import read_mnre
from .visual_sources import VisualSources


def read_pairs(path: Union[str, Path], visual: VisualSources, tags: TagSet,
               version: str, spacy_model: str, max_words: int,
               word_vectors: bool = False, progress: bool = False) -> List[Pair]:
    r"""Reads and parses a split: a pair for each sentence, or for each window of a
    long one.

    Args:
        path (str or Path): The file with the lines of MNRE.
        visual (VisualSources): The scene graphs of the images. A sentence whose image
            is in none of them has no objects.
        tags (TagSet): The known types and relations.
        version (str): See :func:`~eega_pyg.datasets.read_mnre`.
        spacy_model (str): The spaCy pipeline.
        max_words (int): See :meth:`~eega_pyg.transforms.Pair.windows`.
        word_vectors (bool, optional): See :class:`~eega_pyg.parsing.Parser`.
            (default: :obj:`False`)
        progress (bool, optional): Shows progress bars. (default: :obj:`False`)
    """
    parser = cached_parser(spacy_model, word_vectors)
    records = read_mnre(path, tags, version)
    parses = parser.parse([r.words for r in records], progress)
    graphs = visual.read([r.image_id for r in records], progress)
    return [
        window for i, (record, parse) in enumerate(zip(records, parses))
        for window in Pair(record.words, parse, graphs.get(
            record.image_id, SceneGraph()), record.quintuples, record.text,
                           record.image_id, sentence=i).windows(max_words)
    ]
