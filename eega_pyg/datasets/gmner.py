r"""Tweets with their entities: Twitter-15, Twitter-17 and GMNER."""
import os
import os.path as osp
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from eega_pyg.formats import conll, word_spans
from eega_pyg.formats.conll import SPLIT_FILES
from eega_pyg.identity import digest, file_sha256
from eega_pyg.schema import UNSTATED, Annotation, BoxOfSpan, Entity, Span, TagSet, short

from .pair_dataset import SPLITS, PairDataset, check_choice
from .pascal_voc import read_boxes
from .record import Record

#: The types of the three, and their names in JMERE.
TYPES = {'PER': 'per', 'LOC': 'loc', 'ORG': 'org', 'OTHER': 'misc', 'MISC': 'misc'}
#: What they are annotated with.
TWEET_TAGS = TagSet(('per', 'org', 'loc', 'misc'), ())


def read_gmner(path: Union[str, Path], tags: TagSet,
               boxes: Optional[Union[str, Path]] = None) -> List[Record]:
    r"""Reads tweets of `"Grounded Multimodal Named Entity Recognition on Social Media"
    <https://aclanthology.org/2023.acl-long.508>`_: for each a line ``IMGID:...``, a
    line for each word with its tag (``O``, ``B-PER``, ``I-PER``) after a tab, and a
    blank line. Twitter-15 and Twitter-17 are written so too.

    All entities are annotated, and no relation: where one holds is left open.

    Args:
        path (str or Path): The file.
        tags (TagSet): Types and relations. The types must contain the names that
            :obj:`TYPES` gives.
        boxes (str or Path, optional): The folder of Pascal VOC's files,
            ``{image}.xml``, whose objects are named by the text of the entity that is
            seen there. An image without a file shows none. (default: :obj:`None`)

    Raises:
        ValueError: Naming the file and the line that is wrong, or the type that is
            missing in :obj:`tags`; or if there is no tweet, or a box is of no entity.
        OSError: If a file cannot be read.
    """
    if missing := sorted(set(TYPES.values()) - set(tags.types)):
        raise ValueError(f"{path}: is annotated with '{missing[0]}', which is not "
                         f"among the types")
    names = frozenset(TYPES.values())
    records = []
    for text in conll.read(Path(path), types=tuple(TYPES)):
        entities = tuple(
            Entity(*span, TYPES[e.type])
            for span, e in zip(word_spans(text), text.entities))
        words = text.words or ()
        records.append(
            Record(
                words, text.image_id, (), text.text,
                Annotation(entities, rest=UNSTATED, tags=names),
                boxes=None if boxes is None else _boxes(
                    osp.join(boxes, f'{text.image_id}.xml'), words, entities)))
    if not records:
        raise ValueError(f'{path}: holds no tweet')
    return records


def _boxes(path: str, words: Sequence[str],
           entities: Sequence[Entity]) -> Tuple[BoxOfSpan, ...]:
    if not osp.isfile(path):
        return ()
    spans: Dict[str, List[Span]] = {}
    for e in entities:
        spans.setdefault(' '.join(words[e.start:e.end]), []).append(e.span)
    found = []
    for name, box in read_boxes(path):
        if name not in spans:
            raise ValueError(f"{path}: {short(name)} is no entity of the tweet "
                             f"{short(' '.join(words))}")
        found += [(span, box) for span in spans[name]]
    return tuple(found)


@dataclass(frozen=True)
class _Tweets:
    folder: str
    tags: TagSet
    boxes: Optional[str]
    version: str = 'tweets'

    def file(self, split: str) -> str:
        for name in SPLIT_FILES[split]:
            if osp.isfile(path := osp.join(self.folder, name)):
                return path
        raise FileNotFoundError(f"There is no {' or '.join(SPLIT_FILES[split])} in "
                                f"'{self.folder}'")

    def records(self, split: str) -> List[Record]:
        return read_gmner(self.file(split), self.tags, self.boxes)

    def related(self, split: str) -> Dict[Tuple[str, ...], bool]:
        return {r.words: False for r in self.records(split)}

    def images(self, split: str) -> List[str]:
        return []

    def identity(self) -> List[Any]:
        if self.boxes is None:
            return []
        return [
            digest({
                name: file_sha256(osp.join(self.boxes, name))
                for name in sorted(os.listdir(self.boxes)) if name.endswith('.xml')
            })
        ]


class Twitter(PairDataset):
    r"""Tweets with all their entities and their images: Twitter-15 of `"Adaptive
    Co-attention Network for Named Entity Recognition in Tweets"
    <https://doi.org/10.1609/aaai.v32i1.11962>`_, Twitter-17 of `"Visual Attention Model
    for Name Tagging in Multimodal Social Media" <https://aclanthology.org/P18-1185>`_.

    ``root/raw`` holds ``train.txt``, ``valid.txt`` (or ``val.txt``, ``dev.txt``) and
    ``test.txt``, see :func:`~eega_pyg.datasets.read_gmner`. What the images show comes
    from visual sources.

    Args:
        root (str): Root directory where the data set is.
        split (str, optional): :obj:`"train"`, :obj:`"val"` or :obj:`"test"`.
            (default: :obj:`"train"`)
        tags (TagSet, optional): Types and relations. Where one of the relations holds
            is left open. (default: the four types of JMERE, and no relation)
        **kwargs (optional): Further arguments of
            :class:`~eega_pyg.datasets.PairDataset`.

    Raises:
        ValueError: Naming file and line, if one is wrong; or as
            :class:`~eega_pyg.datasets.PairDataset`.
        FileNotFoundError: If a file is missing.
    """
    #: The folder of boxes beside the texts, if there is one.
    boxes: Optional[str] = None

    def __init__(self, root: str, split: str = 'train', tags: TagSet = TWEET_TAGS,
                 **kwargs: Any) -> None:
        check_choice('split', split, SPLITS)
        folder = osp.join(str(root), 'raw')
        boxes = None
        if self.boxes is not None:
            boxes = osp.join(folder, self.boxes)
            if not osp.isdir(boxes):
                raise FileNotFoundError(f"There is no folder '{boxes}' of boxes")
        super().__init__(root, split, _Tweets(folder, tags, boxes), **kwargs)


class GMNER(Twitter):
    r"""Tweets with all their entities, and where these are seen in their images:
    `"Grounded Multimodal Named Entity Recognition on Social Media"
    <https://aclanthology.org/2023.acl-long.508>`_.

    As :class:`Twitter`, and ``root/raw/xml`` holds the boxes, see
    :func:`~eega_pyg.datasets.read_gmner`. They are the node type ``'box'`` of
    :class:`~eega_pyg.transforms.Entities`: an entity has an edge to each of its boxes,
    or none if it is not seen. The candidates of a grounding are the objects of the
    visual sources, node type ``'object'``, which have boxes as well.

    **STATISTICS:**

    .. csv-table::
        :header: split, #tweets, #entities, #entities with a box, #boxes

        train, "7,000", "11,779", "4,733", "5,652"
        val, "1,500", "2,450", 991, "1,164"
    """
    boxes = 'xml'
