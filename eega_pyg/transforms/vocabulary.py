r"""Vocabularies of names, fitted on the training split."""
import json
import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Literal,
    Sequence,
    Set,
    Union,
)

import torch
from torch import Tensor
from typing_extensions import TypedDict

from eega_pyg.files import write_text
from eega_pyg.identity import sha256
from eega_pyg.json_yaml import read_json
from eega_pyg.schema import Signature, located, validated

from .pair import Pair
from .pmi import PMI
from .word_pairs import NUM_DISTANCES

UNKNOWN = '<unknown>'
#: The edge type of a self-loop.
SELF = '<self>'

_FILE = 'vocabularies.json'


class Vocabulary:
    r"""An ordered list of names; id 0 is that of any unknown name.

    Args:
        names (sequence of str): The known names, in the order of their ids from 1 on.

    Raises:
        ValueError: If a name is repeated or reserved.
    """
    def __init__(self, names: Sequence[str]) -> None:
        self.names = (UNKNOWN, *names)
        self._ids = {name: i for i, name in enumerate(self.names)}
        if len(self._ids) < len(self.names):
            repeated = [n for n, c in Counter(self.names).items() if c > 1]
            raise ValueError(f"Repeated names in a vocabulary: {repeated}")

    @classmethod
    def fit(cls, names: Iterable[str], min_count: int = 1,
            reserved: Sequence[str] = ()) -> 'Vocabulary':
        r"""The names seen at least :obj:`min_count` times, the most frequent first,
        after the :obj:`reserved` ones."""
        counts = Counter(names)
        for name in (UNKNOWN, *reserved):
            counts.pop(name, None)
        kept = sorted((n for n, c in counts.items() if c >= min_count), key=lambda n:
                      (-counts[n], n))
        return cls([*reserved, *kept])

    def extended(self, other: 'Vocabulary') -> 'Vocabulary':
        r"""The same names with the same ids, and after them those of another vocabulary
        that are new."""
        return Vocabulary(
            [*self.names[1:], *(n for n in other.names[1:] if n not in self._ids)])

    def __len__(self) -> int:
        return len(self.names)

    def id(self, name: str) -> int:
        return self._ids.get(name, 0)

    def ids(self, names: Iterable[str]) -> Tensor:
        return torch.tensor([self.id(name) for name in names], dtype=torch.long)

    def to_list(self) -> List[str]:
        return list(self.names)

    @classmethod
    def from_list(cls, names: Any) -> 'Vocabulary':
        r"""The inverse of :meth:`to_list`; a :class:`ValueError` says what is wrong."""
        names = validated(List[str], names)
        if names[:1] != [UNKNOWN]:
            raise ValueError(f"expected '{UNKNOWN}' as the first name")
        return cls(names[1:])

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({len(self)})'


class _Stored(TypedDict):
    format: Literal[1]
    dep: List[str]
    upos: List[str]
    ner: List[str]
    shape: List[str]
    predicate: List[str]
    pmi: Any
    signatures: List[Signature]


_NAMES = ('dep', 'upos', 'ner', 'shape', 'predicate')


@dataclass(frozen=True)
class Vocabularies:
    r"""All vocabularies and statistics of a training split.

    Args:
        dep (Vocabulary): Dependency labels, with that of self-loops.
        upos (Vocabulary): Universal parts of speech.
        ner (Vocabulary): Labels of named entities.
        shape (Vocabulary): Word shapes.
        predicate (Vocabulary): Predicates of scene graphs, with that of self-loops.
        pmi (PMI): Co-occurrence of words.
        signatures (frozenset of tuple): The (head type, relation, tail type) seen.
    """
    dep: Vocabulary
    upos: Vocabulary
    ner: Vocabulary
    shape: Vocabulary
    predicate: Vocabulary
    pmi: PMI
    signatures: FrozenSet[Signature]

    @classmethod
    def fit(cls, pairs: Iterable[Pair], min_predicates: int = 3) -> 'Vocabularies':
        r"""Fits all of them.

        Args:
            pairs (iterable of Pair): The training split, which is gone through once.
            min_predicates (int, optional): Rarer predicates are unknown, because there
                is too little to train them on. (default: :obj:`3`)
        """
        return cls._fit(pairs, min_predicates, PMI.fit)

    @classmethod
    def _fit(cls, pairs: Iterable[Pair], min_predicates: int,
             fit_pmi: Callable[[Iterable[Sequence[str]]], PMI]) -> 'Vocabularies':
        names: Dict[str, Counter] = {
            name: Counter()
            for name in ('deps', 'upos', 'ner', 'shape')
        }
        predicates: Counter = Counter()
        signatures: Set[Signature] = set()

        def words() -> Iterator[Sequence[str]]:
            for p in pairs:
                for name, counts in names.items():
                    counts.update(getattr(p.parse, name))
                predicates.update(e.predicate for e in p.scene_graph.predicates)
                signatures.update(
                    (q.head.type, q.relation, q.tail.type) for q in p.quintuples)
                yield p.words

        pmi = fit_pmi(words())
        return cls(
            dep=Vocabulary.fit(names['deps'], reserved=[SELF]),
            upos=Vocabulary.fit(names['upos']),
            ner=Vocabulary.fit(names['ner']),
            shape=Vocabulary.fit(names['shape']),
            predicate=Vocabulary.fit(predicates, min_predicates, reserved=[SELF]),
            pmi=pmi,
            signatures=frozenset(signatures),
        )

    def extended(self, pairs: Iterable[Pair],
                 min_predicates: int = 3) -> 'Vocabularies':
        r"""These vocabularies for a model that is trained further, on another training
        split. All names keep their ids, and the split's new ones follow them.
        Co-occurrence is counted over all texts the model has then been trained on. The
        signatures are those of the split alone: the relations may be others.

        Args:
            pairs (iterable of Pair): The other training split.
            min_predicates (int, optional): As of :meth:`fit`. (default: :obj:`3`)
        """
        new = Vocabularies._fit(pairs, min_predicates, self.pmi.extended)
        names = {
            name: getattr(self, name).extended(getattr(new, name))
            for name in _NAMES
        }
        return Vocabularies(pmi=new.pmi, signatures=new.signatures, **names)

    @property
    def sizes(self) -> Dict[str, int]:
        r"""Number of ids of each feature, for the tables of a model."""
        return {
            'dep': len(self.dep),
            'upos': len(self.upos),
            'ner': len(self.ner),
            'shape': len(self.shape),
            'predicate': len(self.predicate),
            'pmi': self.pmi.num_buckets,
            'distance': NUM_DISTANCES,
        }

    @cached_property
    def fingerprint(self) -> str:
        r"""The SHA-256 of the content, by which vocabularies are told apart."""
        return sha256(_dump(self.to_dict()))

    def to_dict(self) -> Dict[str, Any]:
        return {
            'format': 1,
            **{
                name: getattr(self, name).to_list()
                for name in _NAMES
            },
            'signatures': [list(s) for s in sorted(self.signatures)],
            'pmi': self.pmi.to_dict(),
        }

    @classmethod
    def from_dict(cls, value: Any) -> 'Vocabularies':
        r"""The inverse of :meth:`to_dict`; a :class:`ValueError` names the field."""
        stored: _Stored = validated(_Stored, value)
        parts: Dict[str, Any] = {}
        for name in _NAMES:
            with located(name):
                parts[name] = Vocabulary.from_list(value[name])
                if name in ('dep', 'predicate') and parts[name].id(SELF) == 0:
                    raise ValueError(f"missing '{SELF}'")
        with located('pmi'):
            parts['pmi'] = PMI.from_dict(stored['pmi'])
        return cls(signatures=frozenset(stored['signatures']), **parts)

    def save(self, folder: Union[str, Path], name: str = _FILE) -> None:
        r"""Writes ``vocabularies.json`` into a folder in one step."""
        write_text(os.path.join(folder, name), _dump(self.to_dict()))

    @classmethod
    def load(cls, folder: Union[str, Path], name: str = _FILE) -> 'Vocabularies':
        r"""Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: Naming file and field, if it is not what :meth:`save` writes.
        """
        path = os.path.join(folder, name)
        with located(path):
            return cls.from_dict(read_json(path))


def _dump(value: Any) -> str:
    # In ASCII, so that any word can be written, even half of a surrogate pair.
    return json.dumps(value, sort_keys=True, separators=(',', ':'))
