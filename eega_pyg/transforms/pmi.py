r"""Pointwise mutual information of words in the training split."""
from collections import Counter
from typing import Any, Dict, FrozenSet, Iterable, List, Sequence, Tuple

import numpy as np

from eega_pyg.identity import sha256

#: The ids of the two buckets beside ``0 … maximum``, which is ``FIRST + value``.
UNSEEN, NEGATIVE, FIRST = 0, 1, 2


class PMI:
    r"""The rounded-up pointwise mutual information of two words: the ``Co`` channel of
    the `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper,

    .. math::
        \left\lceil \log_2 \frac{c(a, b) \cdot N}{c(a) \cdot c(b)} \right\rceil,

    where :math:`c` counts the windows of :obj:`window` neighbouring words that hold a
    word, or both words, and :math:`N` is the number of windows. A sentence that is not
    longer than a window is one window. Words are compared in lower case. A sentence
    that occurs twice is counted once. For a word and itself :math:`c(a, a) = c(a)`.

    Negative values share a bucket, and pairs that never shared a window have another.
    A sentence that was counted is looked up without its own windows. Otherwise all its
    neighbouring words would be known pairs, and most pairs of a new text are not.

    Bucket ids: 0 unseen, 1 negative, ``2 + value`` for values ``0 … maximum``.

    Args:
        words (sequence of str): The known words, sorted.
        keys (numpy.ndarray): ``first * len(words) + second`` of each counted pair with
            ``first <= second``, ascending.
        counts (numpy.ndarray): How many windows hold that pair.
        num_windows (int): Number of windows :math:`N`.
        sentences (iterable of str): Digests of the counted sentences.
        window (int): Words in a window.
        maximum (int): Higher values are clipped here.
    """
    def __init__(self, words: Sequence[str], keys: np.ndarray, counts: np.ndarray,
                 num_windows: int, sentences: Iterable[str], window: int,
                 maximum: int) -> None:
        self.words = list(words)
        self.keys = keys
        self.counts = counts
        self.num_windows = num_windows
        self.sentences: FrozenSet[str] = frozenset(sentences)
        self.window = window
        self.maximum = maximum
        self._ids: Dict[str, int] = {word: i for i, word in enumerate(self.words)}

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], window: int = 8,
            maximum: int = 12) -> 'PMI':
        r"""Counts the distinct sentences.

        Args:
            sentences (iterable of list of str): The words of each sentence.
            window (int, optional): Words in a window. (default: :obj:`8`)
            maximum (int, optional): Higher values are clipped here.
                (default: :obj:`12`)
        """
        distinct = sorted({_lower(words) for words in sentences})
        words = sorted({word for sentence in distinct for word in sentence})
        ids = {word: i for i, word in enumerate(words)}
        num_windows = 0
        keys: List[np.ndarray] = [np.empty(0, dtype=np.int64)]
        counts: List[np.ndarray] = [np.empty(0, dtype=np.int64)]
        for sentence in distinct:
            # Ascending, so that the upper triangle has first <= second.
            types, inverse = np.unique([ids[w] for w in sentence], return_inverse=True)
            shared, number = _windows(inverse, len(types), window)
            num_windows += number
            first, second = np.nonzero(np.triu(shared))
            keys.append(types[first] * len(words) + types[second])
            counts.append(shared[first, second])
        distinct_keys, position = np.unique(np.concatenate(keys), return_inverse=True)
        total = np.zeros(len(distinct_keys), dtype=np.int64)
        np.add.at(total, position, np.concatenate(counts))
        return cls(words, distinct_keys, total, num_windows, map(_digest, distinct),
                   window, maximum)

    def extended(self, sentences: Iterable[Sequence[str]]) -> 'PMI':
        r"""The counts of these sentences and of further ones together, as if all had
        been counted at once. Those that were counted already count once.

        Args:
            sentences (iterable of list of str): The words of each further sentence.
        """
        new = PMI.fit(
            (words
             for words in sentences if _digest(_lower(words)) not in self.sentences),
            self.window, self.maximum)
        words = sorted({*self.words, *new.words})
        ids = {word: i for i, word in enumerate(words)}
        keys = []
        for part in (self, new):
            place = np.array([ids[word] for word in part.words], dtype=np.int64)
            first, second = np.divmod(part.keys, max(len(part.words), 1))
            # Words keep their order, so that first <= second holds on.
            keys.append(place[first] * len(words) + place[second])
        distinct, position = np.unique(np.concatenate(keys), return_inverse=True)
        counts = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(counts, position, np.concatenate([self.counts, new.counts]))
        return PMI(words, distinct, counts, self.num_windows + new.num_windows,
                   self.sentences | new.sentences, self.window, self.maximum)

    @property
    def num_buckets(self) -> int:
        return FIRST + self.maximum + 1

    def __call__(self, words: Sequence[str]) -> np.ndarray:
        r"""The bucket ids of all ordered pairs of a sentence's words.

        Shapes:
            - **output:** :math:`(n, n)`, ``int8``, symmetric.
        """
        sentence = _lower(words)
        types = sorted(set(sentence))
        place = {word: i for i, word in enumerate(types)}
        inverse = np.array([place[word] for word in sentence])
        ids = np.array([self._ids.get(word, -1) for word in types])

        shared = self._lookup(ids)  # [t, t]
        num_windows = self.num_windows
        if _digest(sentence) in self.sentences:
            own, number = _windows(inverse, len(types), self.window)
            shared, num_windows = shared - own, num_windows - number

        count = np.diagonal(shared)
        with np.errstate(divide='ignore', invalid='ignore'):
            ratio = shared * float(num_windows) / (count[:, None] * count[None, :])
            value = np.ceil(np.log2(ratio))
        bucket = np.where(value < 0, NEGATIVE, FIRST + np.minimum(value, self.maximum))
        bucket = np.where(shared > 0, bucket, UNSEEN).astype(np.int8)
        return bucket[inverse[:, None], inverse[None, :]]

    def _lookup(self, ids: np.ndarray) -> np.ndarray:
        r"""The counts of all pairs of words, ``[t, t]``; 0 where an id is -1."""
        first = np.minimum(ids[:, None], ids[None, :])
        second = np.maximum(ids[:, None], ids[None, :])
        if len(self.keys) == 0:
            return np.zeros(first.shape, dtype=np.int64)
        key = first * len(self.words) + second
        place = np.searchsorted(self.keys, key).clip(max=len(self.keys) - 1)
        known = (first >= 0) & (self.keys[place] == key)
        return np.where(known, self.counts[place], 0)

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain values; the pairs are grouped by their first word."""
        size = max(len(self.words), 1)
        first, second = np.divmod(self.keys, size)
        return {
            'window': self.window,
            'maximum': self.maximum,
            'num_windows': self.num_windows,
            'words': self.words,
            'pairs_of_word': np.bincount(first, minlength=len(self.words)).tolist(),
            'second': second.tolist(),
            'counts': self.counts.tolist(),
            'sentences': sorted(self.sentences),
        }

    @classmethod
    def from_dict(cls, value: Any) -> 'PMI':
        r"""The inverse of :meth:`to_dict`; a :class:`ValueError` names the field."""
        value = _checked(value)
        words = value['words']
        of_word = value['pairs_of_word']
        # Compared before they are repeated, or a short file could ask for gigabytes.
        if not (sum(of_word) == len(value['second']) == len(value['counts'])
                and len(words) == len(of_word)):
            raise ValueError("'pairs_of_word', 'second' and 'counts' do not fit "
                             "together")
        first = np.repeat(np.arange(len(words)), np.array(of_word, dtype=np.int64))
        second = np.array(value['second'], dtype=np.int64)
        keys = first * len(words) + second
        if len(second) and (second.max() >= len(words) or (first > second).any() or
                            (np.diff(keys) <= 0).any()):
            raise ValueError("'second' does not hold ascending indices of words")
        return cls(words, keys, np.array(value['counts'],
                                         dtype=np.int64), value['num_windows'],
                   value['sentences'], value['window'], value['maximum'])

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({len(self.words)} words, '
                f'{len(self.keys)} pairs)')


def _lower(words: Sequence[str]) -> Tuple[str, ...]:
    return tuple(word.lower() for word in words)


def _digest(sentence: Sequence[str]) -> str:
    return sha256('\n'.join(sentence))[:16]


def _windows(word: np.ndarray, num_types: int, window: int) -> Tuple[np.ndarray, int]:
    r"""The number of windows of a sentence that hold both of each two distinct words,
    and the number of all its windows."""
    number = max(len(word) - window, 0) + 1
    start = np.arange(number)[:, None]
    inside = word[start + np.arange(min(window, len(word)))]  # [W, window]
    holds = np.zeros((number, num_types), dtype=np.int64)
    holds[start, inside] = 1
    return holds.T @ holds, number


def _checked(value: Any) -> Dict[str, Any]:
    fields = {
        'window': int,
        'maximum': int,
        'num_windows': int,
        'words': str,
        'pairs_of_word': int,
        'second': int,
        'counts': int,
        'sentences': str,
    }
    if not isinstance(value, dict):
        raise ValueError(f"expected an object (got {type(value).__name__})")
    for i, (name, kind) in enumerate(fields.items()):
        if name not in value:
            raise ValueError(f"missing '{name}'")
        items = value[name] if i >= 3 else [value[name]]
        if not isinstance(items, list) or Counter(map(type, items)).keys() - {kind}:
            what = 'an integer' if i < 3 else f'a list of {kind.__name__}'
            raise ValueError(f"'{name}': expected {what}")
        if kind is int and not all(0 <= item < 2**53 for item in items):
            raise ValueError(f"'{name}': expected numbers from 0 to 2^53")
    if len(set(value['words'])) < len(value['words']):
        raise ValueError("'words': expected each word once")
    if value['window'] < 1 or value['maximum'] > 100:
        raise ValueError("expected 'window' of at least 1 and 'maximum' of at most 100")
    return value
