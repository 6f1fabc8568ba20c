r"""Cuts a text into the passages that are read one by one."""
import re
from typing import Callable, FrozenSet, Iterator, List, NamedTuple, Sequence, Tuple

from eega_pyg.extraction.item import Item
from eega_pyg.parsing import word_shape
from eega_pyg.saving.scales import is_post
from eega_pyg.transforms import Pair

_Asked = Callable[[str], bool]
# Begins a post when a handle follows.
_RETWEET = 'RT'
_BLANK_LINE = re.compile(r'\n\s*\n')
# Read behind a paragraph that ends in a letter or a digit.
_END = '.'
_LINE = re.compile(r'[\n\r\u2028\u2029]')
_CHUNK = re.compile(r'\S+')
# The fewest characters of the longest line of a text that was wrapped at some width.
_WRAPPED = 30
# The most characters of a post whose lines go on about one thing. A longer text may
# name an account or hold a link as well.
_MOST = 280


class Paragraph(NamedTuple):
    r"""A part of a text that is parsed at once, without its links.

    Args:
        places (tuple of int): Where its words stand in the text.
        words (tuple of str): These and, where the text was cut into words and a
            paragraph ends in a letter or a digit, a full stop.
        posts (frozenset of int): Those of its words with which a post begins, but for
            the first.
        lines (frozenset of int): Those with which a line begins, but for the first and
            for lines that go on where the one before was full.
    """
    places: Tuple[int, ...]
    words: Tuple[str, ...]
    posts: FrozenSet[int] = frozenset()
    lines: FrozenSet[int] = frozenset()

    def borders(self, start: int, stop: int) -> FrozenSet[int]:
        r"""Those of some of its words, counted from the first of them, before which a
        line ends or a link was left out, and the full stop that is not of the text."""
        end = len(self.places)
        return frozenset(k - start for k in range(start + 1, stop)
                         if k in self.lines or k == end
                         or k < end and self.places[k] != self.places[k - 1] + 1)


def paragraphs(item: Item, words: Sequence[str],
               offsets: Sequence[Tuple[int, int]]) -> Iterator[Paragraph]:
    r"""Yields the parts of a text that blank lines are between. A short post is one
    part, and so are given words. Links are left out, since models have learned from
    texts without any, but where there is nothing else.

    Args:
        item (Item): The text.
        words (sequence of str): Its words.
        offsets (sequence of tuple): The characters of each.
    """
    whole = item.words is not None or (len(item.text) <= _MOST and is_post(item.text))
    cuts = [] if whole else [
        i for i in range(1, len(words))
        if _BLANK_LINE.search(item.text, offsets[i - 1][1], offsets[i][0])
    ]
    links = [word_shape(word) == 'url' for word in words]
    lines = [0] * len(words) if item.words is not None else _lines(item.text, offsets)
    for start, stop in zip([0, *cuts], [*cuts, len(words)]):
        part = range(start, stop)
        places = tuple(i for i in part if not links[i]) or tuple(part)
        own = tuple(words[i] for i in places)
        posts = frozenset(k for k, i in enumerate(places)
                          if k > 0 and _is_post_at(i, words, links))
        end = (_END, ) if item.words is None and own[-1][-1].isalnum() else ()
        new = frozenset(k for k in range(1, len(places))
                        if lines[places[k]] != lines[places[k - 1]])
        yield Paragraph(places, own + end, posts, new)


def passages(pair: Pair, paragraph: Paragraph, max_words: int,
             has_end_mark: _Asked) -> List[Pair]:
    r"""Splits a text between its sentences. Successive sentences make a passage of at
    most :obj:`max_words` words; a longer sentence is a passage of its own. None goes
    over the end of a post.

    A sentence begins with a tree of the parse, behind a word with an end mark of its
    own where a capital letter follows, with a line, and with a post.

    Args:
        pair (Pair): The text.
        paragraph (Paragraph): Where its posts and lines begin.
        max_words (int): The most words of a passage.
        has_end_mark (callable): Whether a word has one, see
            :meth:`~eega_pyg.parsing.Parser.has_end_mark`.
    """
    words, posts = pair.words, paragraph.posts
    starts = posts | paragraph.lines | set(pair.sentences()) | {
        i
        for i in range(1, len(words))
        if words[i][0].isupper() and has_end_mark(words[i - 1])
    }
    order = sorted(starts)
    cuts = [0]
    for start, end in zip(order, [*order[1:], len(words)]):
        if start in posts or start > 0 and end - cuts[-1] > max_words:
            cuts.append(start)
    return [pair.cut(*span) for span in zip(cuts, [*cuts[1:], len(words)])]


def _lines(text: str, offsets: Sequence[Tuple[int, int]]) -> List[int]:
    r"""The number of the line that each word stands in. A line that has no room for
    what follows, in a text that was wrapped at some width, goes on in the next one."""
    gaps = [(0, offsets[0][0]), *((a[1], b[0]) for a, b in zip(offsets, offsets[1:]))]
    breaks = [[m.end() for m in _LINE.finditer(text, *gap)] for gap in gaps]
    starts = [0, *(i for i in range(1, len(offsets)) if breaks[i])]
    stops = [*starts[1:], len(offsets)]
    lengths = [
        offsets[b - 1][1] - (breaks[a] or [0])[-1] for a, b in zip(starts, stops)
    ]
    width = max(lengths)
    out: List[int] = []
    number = 0
    for k, (start, stop) in enumerate(zip(starts, stops)):
        if k > 0:
            follows = _CHUNK.match(text, offsets[start][0])
            needed = lengths[k - 1] + 1 + len(follows[0] if follows else '')
            number += (width < _WRAPPED or needed <= width
                       or bool(_BLANK_LINE.search(text, *gaps[start])))
        out += [number] * (stop - start)
    return out


def _is_post_at(i: int, words: Sequence[str], links: Sequence[bool]) -> bool:
    r"""Whether a post begins with a word. Most end with links or, where they are
    repeated, begin with a mark; what follows a link in lower case goes on."""
    word = words[i]
    if word == _RETWEET:
        return i + 1 < len(words) and words[i + 1].startswith('@')
    return (links[i - 1] and not links[i] and not word[0].islower()
            and any(map(str.isalnum, word)))
