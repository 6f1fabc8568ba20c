r"""From the raw files of a split to parsed pairs of text and image."""
import os.path as osp
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from eega_pyg.identity import file_sha256, sha256
from eega_pyg.parsing import tracked
from eega_pyg.schema import SceneGraph
from eega_pyg.transforms import Pair
from eega_pyg.vision.images import ImageParser

from .cached import ToolNotes, cached_parser
from .held_out import HeldOut
from .record import Record
from .visual_sources import Source, VisualSources

#: How many sentences are parsed at once.
_BLOCK = 512
#: For how many sentences what is seen is looked up at once, if they are not all held.
_PART = 32 * _BLOCK


@dataclass
class PairReader:
    r"""Reads the sentences of a split, parses them, and finds what their images show.

    Args:
        raw_dir (str): The folder of the raw files.
        notes (ToolNotes): Says which parser is installed.
        texts (HeldOut): The sentences.
        log (bool): If set to :obj:`False`, shows no progress bars.

    The other arguments are those of
    :class:`~eega_pyg.datasets.PairDataset`.
    """
    raw_dir: str
    notes: ToolNotes
    texts: HeldOut
    spacy_model: str
    word_vectors: bool
    visual: Optional[Sequence[Source]]
    image_parser: Optional[ImageParser]
    max_words: int
    max_objects: int
    log: bool
    _sources: Dict[str, List[Any]] = field(default_factory=dict, repr=False)
    _found: Dict[str, Dict[str,
                           Optional[SceneGraph]]] = field(default_factory=dict,
                                                          repr=False)

    def pairs(self, split: str) -> List[Pair]:
        r"""The pairs of a split, long ones in windows."""
        return list(self.parsed(self.texts.records(split), split))

    def streamed(self, split: str, first: int = 0) -> Iterator[Pair]:
        r"""As :meth:`pairs`, from a sentence on, without holding them."""
        records = self.texts.records(split)
        for start in range(first, len(records), _PART):
            yield from self.parsed(records[start:start + _PART], split, first=start)
            self._found.pop(split, None)

    def parsed(self, records: Sequence[Record], split: str, what: str = 'Parsing',
               first: int = 0, further: bool = False) -> Iterator[Pair]:
        r"""Looks for the images of sentences in the visual sources of a split, which
        need not know those of further sentences, and parses the sentences, some at a
        time: the features of all words of many long texts would take more memory than
        their graphs."""
        parser = cached_parser(self.spacy_model, self.word_vectors)
        graphs = self._seen(records, self._visual(split, parser.nlp),
                            self._found.setdefault(split, {}), not further)
        for i, r in enumerate(tracked(records, len(records), self.log, what)):
            if i % _BLOCK == 0:
                parses = parser.parse([r.words for r in records[i:i + _BLOCK]])
            pair = Pair(r.words, parses[i % _BLOCK], graphs[i], r.quintuples, r.text,
                        r.image_id, sentence=first + i, annotation=r.annotation,
                        parts=r.parts, boxes=r.boxes)
            yield from pair.windows(self.max_words)

    def _seen(self, records: Sequence[Record], sources: VisualSources,
              found: Dict[str,
                          Optional[SceneGraph]], expected: bool) -> List[SceneGraph]:
        captions = {
            i: r.seen.caption
            for i, r in enumerate(records)
            if r.seen.caption and r.seen.scene_graph is None
        }
        to_find = [
            r.image_id for i, r in enumerate(records) if r.seen.scene_graph is None
            and i not in captions and r.image_id not in found
        ]
        # Joined texts have the images of their sentences, and captions take long.
        by_name = {**found}
        if to_find or not found:
            by_name.update(sources.read(to_find, self.log, expected))
            found.update({image: by_name.get(image) for image in to_find})
        known = [r.seen.scene_graph or by_name.get(r.image_id) for r in records]
        pictures = {
            i: r.seen.image
            for i, r in enumerate(records)
            if r.seen.image and known[i] is None and i not in captions
        }
        of_caption = sources.of_captions(captions, self.log)
        of_picture = sources.of_images({path: path for path in pictures.values()})
        return [
            of_caption.get(i) or graph
            or of_picture.get(pictures.get(i, ''), SceneGraph())
            for i, graph in enumerate(known)
        ]

    def identity(self, split: str) -> List[Any]:
        r"""All that the pairs of a split depend on."""
        if split not in self._sources:
            visual = self._visual(split)
            self._sources[split] = [
                file_sha256(self.texts.file(split)),
                visual.identity(),
                visual.identity_of_images(self.texts.images(split)),
                self.notes.pipeline(self.spacy_model),
                self.word_vectors,
                self.texts.version,
                self.texts.identity(),
                self.texts.tags.to_dict(),
                self.max_words,
                self.max_objects,
            ]
        return self._sources[split]

    def identity_of(self, records: Sequence[Record], split: str) -> List[Any]:
        r"""All that the pairs of further sentences depend on beside what those of a
        split do."""
        images = [r.seen.image for r in records if r.seen.image]
        return [
            sha256('\n'.join(map(_stated, records))),
            self._visual(split).identity_of_images(images),
        ]

    def _visual(self, split: str, nlp: Any = None) -> VisualSources:
        visual, split = self.visual, self.texts.source(split)
        if visual is None:
            name = f'captions_{split}.jsonl'
            visual = [name] if osp.isfile(osp.join(self.raw_dir, name)) else []
        sources = [
            s if isinstance(s, Mapping) else osp.join(self.raw_dir,
                                                      str(s).replace('{split}', split))
            for s in visual
        ]
        return VisualSources(sources, nlp, self.max_objects, self.image_parser)


def _stated(record: Record) -> str:
    # A set is printed in another order by each process.
    tags = record.annotation.tags
    annotation = record.annotation._replace(tags=None)
    return f'{replace(record, annotation=annotation)} {tags and sorted(tags)}'
