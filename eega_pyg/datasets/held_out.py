r"""Validation texts out of the training file, where they have no file of their own."""
import os.path as osp
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Protocol, Set, Tuple

from eega_pyg.identity import sha256
from eega_pyg.schema import TagSet

from .record import Record


class Texts(Protocol):
    r"""Where the sentences of a data set come from."""
    @property
    def version(self) -> str:
        r"""A name of the way in which they are read, part of the names of files."""

    @property
    def tags(self) -> TagSet:
        r"""Types and relations."""

    def file(self, split: str) -> str:
        r"""The file of a split's sentences."""

    def records(self, split: str) -> List[Record]:
        r"""The sentences of a split, before they are parsed."""

    def related(self, split: str) -> Dict[Tuple[str, ...], bool]:
        r"""The words of each text of a split's file, also of those that are no part of
        the split, and whether a relation is stated in it."""

    def images(self, split: str) -> List[str]:
        r"""The pictures whose paths stand in the file."""

    def identity(self) -> List[Any]:
        r"""All that the sentences depend on beside the file and the tags."""


@dataclass(frozen=True)
class HeldOut:
    r"""Sentences, of which a share of the training file is the validation split where
    that has no file.

    Args:
        texts (Texts): The sentences.
        share (float): The share; with :obj:`0` nothing is held out.
    """
    texts: Texts
    share: float

    @property
    def version(self) -> str:
        r"""A name of the way in which they are read."""
        return self.texts.version

    @property
    def tags(self) -> TagSet:
        r"""Types and relations."""
        return self.texts.tags

    def source(self, split: str) -> str:
        r"""The split whose file holds a split: ``'train'`` where ``'val'`` is held out
        from that."""
        return 'train' if split == 'val' and self._is_needed() else split

    def file(self, split: str) -> str:
        r"""The file of a split's sentences."""
        return self.texts.file(self.source(split))

    def records(self, split: str) -> List[Record]:
        r"""The sentences of a split, before they are parsed.

        Raises:
            ValueError: If there are none, because the file holds a single text.
        """
        records = self.kept(split, self.texts.records(self.source(split)))
        if not records and self._is_needed():
            raise ValueError(f"{self.file(split)}: of a single text none can be held "
                             f"out for validation")
        return records

    def kept(self, split: str, records: List[Record]) -> List[Record]:
        r"""Of the sentences of the file of a split, those of the split."""
        if split == 'test' or not self._is_needed():
            return records
        return [r for r in records if (r.words in self.chosen) == (split == 'val')]

    @cached_property
    def chosen(self) -> Set[Tuple[str, ...]]:
        r"""The words of the texts of the training file that are held out: a share of
        those that state a relation, and one of the others, at least one and not all.

        They are those with the lowest SHA-256 of their words, so that they are the same
        in whatever order they stand in the file.
        """
        out: Set[Tuple[str, ...]] = set()
        if not self._is_needed():
            return out
        related = self.texts.related('train')
        for kind in (True, False):
            texts = [words for words, stated in related.items() if stated == kind]
            texts.sort(key=lambda words: sha256('\n'.join(words)))
            number = max(round(self.share * len(texts)), 1)
            out.update(texts[:max(min(number, len(texts) - 1), 0)])
        return out

    def images(self, split: str) -> List[str]:
        r"""The pictures whose paths stand in the file."""
        return self.texts.images(self.source(split))

    def identity(self) -> List[Any]:
        r"""All that the sentences depend on beside the file and the tags."""
        # Where val has a file of its own, nothing is changed.
        held_out = ['held out', self.share] if self._is_needed() else []
        return [*self.texts.identity(), *held_out]

    def _is_needed(self) -> bool:
        if self.share <= 0:
            return False
        try:
            return not osp.isfile(self.texts.file('val'))
        except FileNotFoundError:
            return True
