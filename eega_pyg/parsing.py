r"""Parses words with spaCy: dependency trees, parts of speech, entities, word shapes.

Sentences are lists of words and are parsed as they are. They are never joined to a
string and tokenized again, so word :math:`i` of a sentence is node :math:`i` of its
graph.
"""
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    cast,
)

import numpy as np

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

#: The classes of :func:`word_shape`, in the order of their ids.
SHAPES = ('other', 'lower', 'title', 'upper', 'mixed', 'digit', 'alnum', 'punct',
          'handle', 'hashtag', 'url')

_URL = re.compile(r'(?:https?://|www\.)\S+', re.IGNORECASE)
# The key under which a parsed text keeps the features of the named-entity recogniser.
_NER = 'eega_pyg.ner_features'
_ENDS = '.!?…'
# The time of spaCy's tokenizer grows with the square of such a run's length, or worse.
_RUN = 100
_LONG_RUN = re.compile(rf'\S{{{3 * _RUN},}}')
# A URL, wherever it begins, without the marks behind it; what closes the name of a link
# of Markdown; or a handle or a hash sign.
_MARK = re.compile(
    r'(?i:https?://|(?<![\w.])www\.)[^\s<>"]*[^\s<>"\'’”.,;:!?…*()\[\]{}]'
    r'|\]\((?=\w+://)|(?<![\w/])(?:@\w+|#(?=\w))')
# A hashtag, without its sign, that another one follows without a blank.
_NEXT_TAG = re.compile(r'\w+(?=#\w)')


@dataclass(frozen=True)
class Parse:
    r"""What spaCy says about the :math:`n` words of one sentence.

    Args:
        heads (tuple of int): The index of each word's head; a root points at itself.
        deps (tuple of str): The dependency label of each word, *e.g.*, ``'nsubj'``.
        upos (tuple of str): The universal part of speech, *e.g.*, ``'PROPN'``.
        ner (tuple of str): The label of the named entity that the word is in, *e.g.*,
            ``'PERSON'``; ``''`` outside of any.
        shape (tuple of str): The class of :func:`word_shape`.
        vectors (numpy.ndarray, optional): The pipeline's own features of the words, see
            :class:`Parser`. :math:`(n, D)`
    """
    heads: Tuple[int, ...]
    deps: Tuple[str, ...]
    upos: Tuple[str, ...]
    ner: Tuple[str, ...]
    shape: Tuple[str, ...]
    vectors: Optional[np.ndarray] = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.heads)


class Parser:
    r"""Runs word lists through a spaCy pipeline in batches.

    Args:
        name (str): The pipeline, see :func:`~eega_pyg.resolve.load_spacy`.
            (default: :obj:`'en_core_web_sm'`)
        batch_size (int): The number of sentences parsed at once.
            (default: :obj:`256`)
        vectors (bool, optional): If set to :obj:`True`, parses carry the pipeline's own
            features of each word in its context: those that its tagger and parser read,
            and those that its named-entity recogniser reads (160 values in
            ``en_core_web_sm``). They reflect letter case, prefixes and suffixes, and
            were trained on a large corpus with named entities.
            (default: :obj:`False`)

    Raises:
        OSError: If the pipeline is not installed.
        ValueError: If it has no dependency parser, or no features of its own.
    """
    def __init__(self, name: str = 'en_core_web_sm', batch_size: int = 256,
                 vectors: bool = False) -> None:
        from eega_pyg.resolve import load_spacy
        if batch_size < 1:
            raise ValueError(f"Expected a batch size >= 1 (got {batch_size})")
        self._nlp = load_spacy(name)
        if 'parser' not in self._nlp.pipe_names:
            raise ValueError(
                f"The spaCy pipeline '{name}' has no dependency parser "
                f"(it has: {', '.join(self._nlp.pipe_names) or 'nothing'})")
        self.batch_size = batch_size
        self.vectors = vectors
        if vectors:
            if not _has_vectors(self._nlp):
                raise ValueError(f"The spaCy pipeline '{name}' has no word features of "
                                 f"its own: choose another (en_core_web_sm), or go "
                                 f"without (word_vectors=False)")
            _keep_features(self._nlp)
        self._lock = RLock()
        self._in_zone = False

    @contextmanager
    def memory_zone(self) -> Iterator[None]:
        r"""A block in which one thread parses, and at the end of which the words that
        the pipeline met for the first time are forgotten, which it would otherwise keep
        for ever. Blocks may be nested. Before version 3.8 spaCy cannot forget."""
        with self._lock:
            if self._in_zone or not hasattr(self._nlp, 'memory_zone'):
                yield
                return
            self._in_zone = True
            try:
                with self._nlp.memory_zone():
                    yield
            finally:
                self._in_zone = False

    @property
    def nlp(self) -> 'Language':
        r"""The spaCy pipeline."""
        return self._nlp

    @property
    def version(self) -> str:
        r"""Name and version of the pipeline, *e.g.*, ``'en_core_web_sm-3.8.0'``."""
        meta = self._nlp.meta
        return f"{meta['lang']}_{meta['name']}-{meta['version']}"

    def parse(self, sentences: Sequence[Sequence[str]],
              progress: bool = False) -> List[Parse]:
        r"""Parses sentences of given words; equal sentences are parsed once.

        Args:
            sentences (list of list of str): The words of each sentence.
            progress (bool): Shows a progress bar. (default: :obj:`False`)

        Raises:
            ValueError: Naming the sentence, if it is empty or a word is not a
                non-empty string.
        """
        keys = [_checked(i, words) for i, words in enumerate(sentences)]
        distinct = list(dict.fromkeys(keys))
        from spacy.tokens import Doc
        docs = (Doc(self._nlp.vocab, words=list(words)) for words in distinct)
        parsed = self._nlp.pipe(docs, batch_size=self.batch_size,
                                disable=['lemmatizer'])
        found: Dict[Tuple[str, ...], Parse] = {}
        with self.memory_zone():
            for words, doc in tracked(zip(distinct, parsed), len(distinct), progress):
                found[words] = _read(doc, self.vectors)
        return [found[words] for words in keys]

    def tokenize(self, text: str) -> Tuple[List[str], List[Tuple[int, int]]]:
        r"""Splits a text into words as the tweets of MNRE are split: spaCy's tokens,
        except that ``'@name'`` is one word and ``'#tag'`` is two, ``'#'`` and
        ``'tag'``, and a link is a word wherever it begins. White space is dropped. A
        run of 300 or more characters without white space is first split after every 100
        characters.

        Args:
            text (str): Any text.

        Returns:
            The words, and the half-open range of characters of each.
        """
        words: List[str] = []
        offsets: List[Tuple[int, int]] = []
        with self.memory_zone():
            for start, end, whole in _pieces(text):
                if whole:
                    words.append(text[start:end])
                    offsets.append((start, end))
                    continue
                for first, last in _short_runs(text, start, end):
                    for token in self._nlp.tokenizer(text[first:last]):
                        if not token.is_space:
                            begin = first + token.idx
                            words.append(token.text)
                            offsets.append((begin, begin + len(token.text)))
        return words, offsets

    def has_end_mark(self, word: str) -> bool:
        r"""Whether a word that was given as one ends in a mark that ends a sentence and
        that the pipeline would make a word of its own: ``'noon.'`` does, ``'Gov.'`` and
        ``'U.S.'`` do not."""
        if len(word) < 2 or word[-1] not in _ENDS or _URL.match(word):
            return False
        with self.memory_zone():
            return self._nlp.tokenizer(word)[-1].text[0] in _ENDS

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}('{self.version}')"


def word_shape(word: str) -> str:
    r"""The class of a word by its characters, one of :obj:`SHAPES`.

    ======= ====================================== =================================
    class   rule (the first that holds)            examples
    ======= ====================================== =================================
    url     starts like a web address              ``https://t.co/x``, ``www.a.org``
    handle  ``@`` and more                         ``@NASA``
    hashtag ``#`` and more                         ``#Brexit`` (a lone ``#``: punct)
    digit   has a digit and no letter              ``2018``, ``3-1``, ``$5``
    alnum   letters and digits                     ``Red100``, ``4th``
    lower   all its letters are lower case         ``don't``
    title   only the first letter is upper case    ``Paris``, ``A``
    upper   all its letters are upper case         ``NBA``, ``U.S.``
    mixed   upper and lower case otherwise         ``McLaren``, ``iPhone``
    punct   only ASCII characters, no letter       ``:``, ``...``, ``$``, ``#``
    other   all else                               emoji, scripts without case
    ======= ====================================== =================================
    """
    if _URL.match(word):
        return 'url'
    if len(word) > 1 and word[0] in '@#' and word[1].isalnum() | (word[1] == '_'):
        return 'handle' if word[0] == '@' else 'hashtag'
    letters = [c for c in word if c.isalpha()]
    if any(c.isdigit() for c in word):
        return 'alnum' if letters else 'digit'
    if not letters:
        return 'punct' if word.isascii() else 'other'
    if all(c.islower() for c in letters):
        return 'lower'
    if letters[0].isupper() and all(c.islower() for c in letters[1:]):
        return 'title'
    if all(c.isupper() for c in letters):
        return 'upper'
    if any(c.isupper() for c in letters) and any(c.islower() for c in letters):
        return 'mixed'
    return 'other'


def tree_distance(heads: Sequence[int]) -> np.ndarray:
    r"""The number of hops between any two words on the dependency tree: the ``Sd``
    channel of `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced
    Graph Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_.

    Args:
        heads (list of int): The index of each word's head; a root points at itself.

    Shapes:
        - **output:** :math:`(n, n)`, ``int32``, symmetric; :obj:`-1` for two words of
          different trees.

    Raises:
        ValueError: If a head is out of range or the heads form a cycle.
    """
    n = len(heads)
    children: List[List[int]] = [[] for _ in range(n)]
    order: List[int] = []
    for word, head in enumerate(heads):
        if not 0 <= head < n:
            raise ValueError(f"Expected the head of word {word} in [0, {n}) "
                             f"(got {head})")
        (order if head == word else children[head]).append(word)

    distance = np.full((n, n), -1, dtype=np.int32)
    for word in order:  # Grows while it is read: every head comes before its words.
        order.extend(children[word])
        row = distance[heads[word]].copy()
        row[row >= 0] += 1
        row[word] = 0
        distance[word] = distance[:, word] = row
    if len(order) < n:
        raise ValueError(f"The heads form a cycle (got {list(heads)})")
    return distance


def tracked(items: Iterable, total: Optional[int], progress: bool,
            what: str = 'Parsing') -> Iterator:
    r"""Yields :obj:`items`, behind a progress bar on the standard error if asked."""
    if not progress:
        yield from items
        return
    from rich.console import Console
    from rich.progress import track
    yield from track(items, what, total, console=Console(stderr=True))


def _checked(index: int, words: Sequence[str]) -> Tuple[str, ...]:
    if isinstance(words, str):
        raise ValueError(f"Sentence {index}: expected a list of words (got the string "
                         f"{words!r}); cut it with Parser.tokenize first")
    if len(words) == 0:
        raise ValueError(f"Sentence {index} is empty: leave it out")
    for i, word in enumerate(words):
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"Sentence {index}, word {i}: expected a non-empty string "
                             f"(got {word!r}); drop the word and shift the spans")
    return tuple(words)


def _has_vectors(nlp: 'Language') -> bool:
    # The tagger and the parser must share one network and the named-entity recogniser
    # have another. A recogniser with a listener shares theirs, or a transformer.
    if not {'tok2vec', 'ner'} <= set(nlp.pipe_names):
        return False
    network = cast(Any, nlp.get_pipe('ner')).model.get_ref('tok2vec')
    return not any(layer.name.endswith('-listener') for layer in network.walk())


def _keep_features(nlp: 'Language') -> None:
    r"""Makes the named-entity recogniser leave its features of the words with the
    texts; the tagger's are there as ``doc.tensor``."""
    from thinc.api import Model
    network = cast(Any, nlp.get_pipe('ner')).model

    def forward(model: Model, docs: Sequence['Doc'], is_train: bool) -> Any:
        features, backprop = model.layers[0](docs, is_train)
        ends = np.cumsum([len(doc) for doc in docs])[:-1]
        for doc, rows in zip(docs, np.split(features, ends)):
            doc.user_data[_NER] = rows
        return features, backprop

    features = network.get_ref('tok2vec')
    place = network.layers.index(features)
    network.layers[place] = Model('keep_features', forward, layers=[features],
                                  dims={'nO': features.get_dim('nO')})
    network.set_ref('tok2vec', network.layers[place])


def _read(doc: 'Doc', vectors: bool) -> Parse:
    tokens = list(doc)  # A Doc makes its tokens anew on each iteration.
    return Parse(
        heads=tuple(token.head.i for token in tokens),
        deps=tuple(token.dep_ for token in tokens),
        upos=tuple(token.pos_ for token in tokens),
        ner=tuple(token.ent_type_ for token in tokens),
        shape=tuple(word_shape(token.text) for token in tokens),
        vectors=np.hstack([doc.tensor, doc.user_data[_NER]]) if vectors else None,
    )


def _pieces(text: str) -> Iterator[Tuple[int, int, bool]]:
    # Ranges of the text; the last value tells whether the range is one word.
    start = 0
    for match in _MARK.finditer(text):
        yield start, match.start(), False
        yield match.start(), match.end(), True
        start = match.end()
        while match[0] == '#' and (tag := _NEXT_TAG.match(text, start)):
            yield start, tag.end(), False
            start = tag.end() + 1
            yield tag.end(), start, True
    yield start, len(text), False


def _short_runs(text: str, start: int, end: int) -> Iterator[Tuple[int, int]]:
    # The range, split within long runs of characters without white space.
    for match in _LONG_RUN.finditer(text, start, end):
        for cut in range(match.start() + _RUN, match.end(), _RUN):
            yield start, cut
            start = cut
    yield start, end
