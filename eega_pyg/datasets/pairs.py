r"""From the raw files of a split to parsed pairs of text and image."""
import os.path as osp
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from eega_pyg.formats.mnre_rows import read_rows
from eega_pyg.identity import file_sha256, sha256
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
    validation: float
    log: bool
    _sources: Dict[str, List[Any]] = field(default_factory=dict, repr=False)

    def text_file(self, split: str) -> str:
        r"""The file of a split's sentences."""
        return osp.join(self.raw_dir, f'mnre_{self.source(split)}.txt')

    def source(self, split: str) -> str:
        r"""The split whose files hold a split: ``'train'`` where ``'val'`` has no file
        of its own and is held out from that."""
        own = osp.join(self.raw_dir, f'mnre_{split}.txt')
        held_out = split == 'val' and self.validation > 0 and not osp.isfile(own)
        return 'train' if held_out else split

    def records(self, split: str, version: Optional[str] = None) -> List[Record]:
        r"""The sentences of a split, before they are parsed."""
        records = read_mnre(self.text_file(split), self.tags, version or self.version,
                            self.mask)
        if split == 'test':
            return records
        texts, held_out = self.held_out_texts(), self.source(split) != split
        return [r for r in records if (r.words in texts) == held_out]

    def held_out_texts(self) -> Set[Tuple[str, ...]]:
        r"""The words of the texts of the training file that are held out: a share of
        those that state a relation, and one of the others, at least one and not all.

        They are those with the lowest SHA-256 of their words, so that they are the same
        in whatever order they stand in the file.
        """
        if self.source('val') == 'val':
            return set()
        related: Dict[Tuple[str, ...], bool] = {}
        for row in read_rows(self.text_file('train'), self.tags):
            stated = row.quintuple is not None
            related[row.words] = related.get(row.words, False) or stated
        out: Set[Tuple[str, ...]] = set()
        for kind in (True, False):
            texts = sorted(
                (words for words, stated in related.items() if stated == kind),
                key=lambda words: sha256('\n'.join(words)))
            number = max(round(self.validation * len(texts)), 1)
            out.update(texts[:min(number, len(texts) - 1)])
        return out

    def pairs(self, split: str) -> List[Pair]:
        r"""The pairs of a split, long ones in windows."""
        records = self.records(split)
        if not records:
            raise ValueError(f"{self.text_file(split)}: of a single text none can be "
                             f"held out for validation")
        return self.parsed(records, split)

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
                # Of a split with a file of its own it changes nothing.
                *([] if split == 'test' or self.source('val') == 'val' else
                  [split, self.validation]),
            ]
        return self._sources[split]

    def _visual(self, split: str, nlp: Any = None) -> VisualSources:
        visual, split = self.visual, self.source(split)
        if visual is None:
            name = f'captions_{split}.jsonl'
            visual = [name] if osp.isfile(osp.join(self.raw_dir, name)) else []
        sources = [
            s if isinstance(s, Mapping) else osp.join(self.raw_dir,
                                                      str(s).replace('{split}', split))
            for s in visual
        ]
        return VisualSources(sources, nlp, self.max_objects, self.image_parser)
