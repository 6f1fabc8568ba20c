r"""From ranges of characters to ranges of words."""
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from eega_pyg.schema import Span, short

from .annotated import AnnotatedText
from .offsets import other_units

#: Splits a text into words, as :meth:`Parser.tokenize
#: <eega_pyg.parsing.Parser.tokenize>`.
Tokenizer = Callable[[str], Tuple[List[str], List[Span]]]


def word_spans(text: AnnotatedText) -> List[Span]:
    r"""The span of each entity, counted in words.

    Raises:
        ValueError: If the words of the text are not known.
    """
    if text.words is None:
        raise ValueError('the words of the text are not known')
    first = {start: i for i, (start, _) in enumerate(text.offsets)}
    last = {end: i for i, (_, end) in enumerate(text.offsets, 1)}
    return [(first[e.start], last[e.end]) for e in text.entities]


def in_words(text: AnnotatedText, tokenize: Tokenizer,
             widen: bool = False) -> Optional[AnnotatedText]:
    r"""The same text with its words; :obj:`None` if it has none. White space at the
    ends of entities is cut off.

    Args:
        text (AnnotatedText): The text. Where its words are known they are kept.
        tokenize (callable): Splits a text into words, *e.g.*, ``Parser().tokenize``.
        widen (bool, optional): If set to :obj:`True`, an entity that cuts a word gets
            all of it. (default: :obj:`False`)

    Raises:
        ValueError: Naming the text and the span, if an entity cuts a word.
    """
    if text.words is not None:
        return text
    words, offsets = tokenize(text.text)
    if not words:
        return None
    starts, ends = [a for a, _ in offsets], [z for _, z in offsets]
    entities = []
    for e in text.entities:
        first, last = bisect_right(ends, e.start), bisect_left(starts, e.end)
        start, end = starts[first], ends[last - 1]
        if not widen and (start < e.start or end > e.end):
            word = words[first] if start < e.start else words[last - 1]
            raise ValueError(
                f"{short(text.text)}: the span [{e.start}, {e.end}) "
                f"({short(text.text[e.start:e.end])}) cuts the word {short(word)}"
                f"{_hint(text)}")
        entities.append(replace(e, start=start, end=end))
    return replace(text, words=tuple(words), entities=tuple(entities))


def joined_by_blanks(text: AnnotatedText) -> AnnotatedText:
    r"""The same with its words joined by blanks as its text."""
    assert text.words is not None
    places = _places(text.words)
    entities = tuple(
        replace(e, start=places[a][0], end=places[z - 1][1])
        for e, (a, z) in zip(text.entities, word_spans(text)))
    return replace(text, text=' '.join(text.words), entities=entities)


def from_word_spans(words: Sequence[str], spans: Sequence[Span]) -> List[Span]:
    r"""Spans of words in the characters of the words joined by blanks.

    Raises:
        ValueError: If a span is empty or not inside of the words.
    """
    places = _places(words)
    found = []
    for start, end in spans:
        if not 0 <= start < end:
            raise ValueError(f"Expected 0 <= start < end in an entity span (got "
                             f"[{short(start)}, {short(end)}))")
        if end > len(words):
            raise ValueError(f"the span [{start}, {short(end)}) is not inside "
                             f"{len(words)} words")
        found.append((places[start][0], places[end - 1][1]))
    return found


def _places(words: Sequence[str]) -> List[Span]:
    places, start = [], 0
    for word in words:
        places.append((start, start + len(word)))
        start += len(word) + 1
    return places


_WIDEN = (': correct it, or widen all to whole words (--widen; of a data set, --set '
          'data.widen=true)')


def _hint(text: AnnotatedText) -> str:
    return other_units(text.text, [(e.start, e.end) for e in text.entities]) or _WIDEN


class Token(NamedTuple):
    r"""A piece of a text, as spaCy cuts it: a word, or white space.

    Args:
        start (int): Its first character.
        end (int): One past its last character.
        space (bool): Whether one blank follows that is no piece of its own.
        word (bool): Whether it is a word.
    """
    start: int
    end: int
    space: bool
    word: bool


def tokens_of(text: AnnotatedText) -> List[Token]:
    r"""The words of a text with all that stands between them."""
    found: List[Token] = []
    place = 0
    for start, end in (*text.offsets, (len(text.text), len(text.text))):
        if place < start and found and text.text[place] == ' ':
            found[-1] = found[-1]._replace(space=True)
            place += 1
        if place < start:
            found.append(Token(place, start, False, False))
        if start < end:
            found.append(Token(start, end, False, True))
        place = end
    return found


def token_spans(text: AnnotatedText, tokens: Sequence[Token]) -> List[Span]:
    r"""The first and the last token of each entity."""
    first = {t.start: i for i, t in enumerate(tokens) if t.word}
    last = {t.end: i for i, t in enumerate(tokens) if t.word}
    return [(first[e.start], last[e.end]) for e in text.entities]
