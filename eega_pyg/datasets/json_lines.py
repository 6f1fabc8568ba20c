r"""The data set of texts with labels of one's own."""
import os.path as osp
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from eega_pyg.formats import read_texts
from eega_pyg.schema import Span, TagSet

from .cached import cached_parser
from .jsonl import ENTITIES, read_jsonl, survey
from .pair_dataset import SPLITS, PairDataset, check_choice
from .record import Record


@dataclass(frozen=True)
class JSONTexts:
    r"""The texts of a folder of JSON lines.

    Args:
        folder (str): The folder.
        spacy_model, word_vectors: See
            :class:`~eega_pyg.datasets.PairDataset`.
        tags, entities, widen: See :func:`~eega_pyg.datasets.read_jsonl`.
    """
    folder: str
    tags: TagSet
    entities: str
    widen: bool
    spacy_model: str
    word_vectors: bool
    version: str = 'jsonl'

    def file(self, split: str) -> str:
        return json_file(self.folder, split)

    def records(self, split: str) -> List[Record]:
        return read_jsonl(self.file(split), self.tags, self._tokenize, self.entities,
                          self.widen)

    def related(self, split: str) -> Dict[Tuple[str, ...], bool]:
        return {r.words: bool(r.quintuples) for r in self.records(split)}

    def images(self, split: str) -> List[str]:
        with open(self.file(split), 'rb') as file:
            if not any(b'"image"' in line for line in file):
                return []
        return [
            osp.join(self.folder, text.image)
            for text in read_texts(self.file(split), 'jsonl', overlapping=True)
            if text.image
        ]

    def identity(self) -> List[Any]:
        return [self.entities, self.widen]

    def _tokenize(self, text: str) -> Tuple[List[str], List[Span]]:
        return cached_parser(self.spacy_model, self.word_vectors).tokenize(text)


class JSONLines(PairDataset):
    r"""Texts with labels of one's own, in the format of this package.

    ``root/raw`` holds ``train.jsonl``, ``val.jsonl`` and, if it is asked for,
    ``test.jsonl``, each with a text a line, see :func:`~eega_pyg.formats.read_texts`.
    What an image shows stands in the line itself (``scene_graph``, ``caption``, or a
    picture as ``image``, a path relative to the file), or is found by its ``image_id``
    in ``captions_{split}.jsonl`` or in another visual source.

    Args:
        root (str): Root directory where the data set is.
        split (str, optional): :obj:`"train"`, :obj:`"val"` or :obj:`"test"`.
            (default: :obj:`"train"`)
        tags (TagSet, optional): Types and relations. By default those of the train
            split, each in the order of its name. A type or relation of another split
            that is not among them is an error.
        entities (str, optional): Whether all entities are annotated (:obj:`"all"`) or
            only those in a relation count (:obj:`"related"`), see
            :func:`~eega_pyg.datasets.read_jsonl`. With :obj:`"auto"`, it is
            :obj:`"all"` if the train split has an entity in no relation.
            (default: :obj:`"auto"`)
        widen (bool, optional): If set to :obj:`True`, an entity that cuts a word gets
            all of it; otherwise that is an error. (default: :obj:`False`)
        spacy_model, word_vectors: See :class:`~eega_pyg.datasets.PairDataset`.
        **kwargs (optional): Further arguments of
            :class:`~eega_pyg.datasets.PairDataset`.

    Raises:
        ValueError: Naming file and line, if a text is wrong; or as
            :class:`~eega_pyg.datasets.PairDataset`.
        FileNotFoundError: If the file of the split is missing, or that of train if
            anything is fitted there.
    """
    def __init__(self, root: str, split: str = 'train', tags: Optional[TagSet] = None,
                 entities: str = 'auto', widen: bool = False,
                 spacy_model: str = 'en_core_web_sm', word_vectors: bool = False,
                 **kwargs: Any) -> None:
        check_choice('split', split, SPLITS)
        check_choice('value of data.entities', entities, ENTITIES)
        folder = osp.join(str(root), 'raw')
        held_out = kwargs.get('validation', 0.0) > 0
        if held_out or tags is None or kwargs.get('vocabularies') is None:
            check_there(folder, 'train')
        if not (held_out and split == 'val'):
            check_there(folder, split)
        if tags is None or entities == 'auto':
            train = json_file(folder, 'train')
            found = survey(train if osp.isfile(train) else json_file(folder, split))
            tags = found.tags if tags is None else tags
            entities = found.entities if entities == 'auto' else entities
        self.entities = entities
        texts = JSONTexts(folder, tags, entities, widen, spacy_model, word_vectors)
        super().__init__(root, split, texts, spacy_model=spacy_model,
                         word_vectors=word_vectors, **kwargs)


_HINTS = {
    'train': ': put the texts to learn from there, one a line',
    'val': ': move about a tenth of the texts of train.jsonl there, by which the best '
    'epoch is chosen',
    'test': ''
}


def json_file(folder: str, split: str) -> str:
    r"""The file of a split."""
    return osp.join(folder, f'{split}.jsonl')


def check_there(folder: str, split: str) -> None:
    r"""Raises a :class:`FileNotFoundError` that says what belongs into a file of JSON
    lines if there is none."""
    path = json_file(folder, split)
    if not osp.isfile(path):
        raise FileNotFoundError(f"There is no '{path}'{_HINTS[split]}")
