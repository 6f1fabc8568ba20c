r"""From the raw files of a split to parsed pairs of text and image."""
import os.path as osp
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from eega_pyg.identity import file_sha256
from eega_pyg.schema import SceneGraph, TagSet
from eega_pyg.transforms import Pair
from eega_pyg.vision.images import ImageParser

from .cached import ToolNotes, cached_parser
from .mnre import read_mnre
from .record import Record
from .visual_sources import Source, VisualSources


@dataclass
class PairReader:
    r"""Reads the sentences of a split, parses them, and finds what their images show.

    Args:
        raw_dir (str): The folder of the raw files.
        notes (ToolNotes): Says which parser is installed.
        log (bool): If set to :obj:`False`, shows no progress bars.

    The other arguments are those of :class:`~eega_pyg.datasets.JMERE`.
    """
    raw_dir: str
    notes: ToolNotes
    version: str
    tags: TagSet
    spacy_model: str
    word_vectors: bool
    visual: Optional[Sequence[Source]]
    image_parser: Optional[ImageParser]
    max_words: int
    max_objects: int
    mask: bool
    log: bool
    _sources: Dict[str, List[Any]] = field(default_factory=dict, repr=False)

    def text_file(self, split: str) -> str:
        r"""The file of a split's sentences."""
        return osp.join(self.raw_dir, f'mnre_{split}.txt')

    def records(self, split: str, version: Optional[str] = None) -> List[Record]:
        r"""The sentences of a split, before they are parsed."""
        return read_mnre(self.text_file(split), self.tags, version or self.version,
                         self.mask)

    def pairs(self, split: str) -> List[Pair]:
        r"""The pairs of a split, long ones in windows."""
        return self.parsed(self.records(split), split)

    def parsed(self, records: Sequence[Record], split: str) -> List[Pair]:
        r"""Parses sentences and looks for their images in the visual sources of a
        split."""
        parser = cached_parser(self.spacy_model, self.word_vectors)
        parses = parser.parse([r.words for r in records], self.log)
        graphs = self._visual(split, parser.nlp).read([r.image_id for r in records],
                                                      self.log)
        pairs: List[Pair] = []
        for i, (r, parse) in enumerate(zip(records, parses)):
            graph = graphs.get(r.image_id, SceneGraph())
            pair = Pair(r.words, parse, graph, r.quintuples, r.text, r.image_id,
                        sentence=i, annotation=r.annotation, parts=r.parts)
            pairs += pair.windows(self.max_words)
        return pairs

    def identity(self, split: str) -> List[Any]:
        r"""All that the pairs of a split depend on."""
        if split not in self._sources:
            self._sources[split] = [
                file_sha256(self.text_file(split)),
                self._visual(split).identity(),
                self.notes.pipeline(self.spacy_model),
                self.word_vectors,
                self.version,
                self.tags.to_dict(),
                self.max_words,
                self.max_objects,
                self.mask,
            ]
        return self._sources[split]

    def _visual(self, split: str, nlp: Any = None) -> VisualSources:
        visual = self.visual
        if visual is None:
            name = f'captions_{split}.jsonl'
            visual = [name] if osp.isfile(osp.join(self.raw_dir, name)) else []
        sources = [
            s if isinstance(s, Mapping) else osp.join(self.raw_dir,
                                                      str(s).replace('{split}', split))
            for s in visual
        ]
        return VisualSources(sources, nlp, self.max_objects, self.image_parser)
