r"""Cuts a text into the passages that are read one by one."""
import re
from typing import Callable, Iterator, List, NamedTuple, Sequence, Tuple

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
# At the beginning of a line of Markdown, which is no hashtag.
_HEADING = re.compile(r'^#+ ', re.MULTILINE)
# The most characters of a post whose lines go on about one thing. A longer text may
# name an account or hold a link as well.
_MOST = 280


class Paragraph(NamedTuple):
    r"""A part of a text that is parsed at once, without links at its end.

    Args:
        start (int): Its first word in the text.
        num_words (int): How many words of the text it has.
        words (tuple of str): These and, where the text was cut into words and a
            paragraph ends in a letter or a digit, a full stop.
    """
    start: int
    num_words: int
    words: Tuple[str, ...]


def paragraphs(item: Item, words: Sequence[str],
               offsets: Sequence[Tuple[int, int]]) -> Iterator[Paragraph]:
    r"""Yields the parts of a text that blank lines are between. A short post is one
    part, and so are given words. Links at the end of a part are left out, since models
    have learned from texts without any.

    Args:
        item (Item): The text.
        words (sequence of str): Its words.
        offsets (sequence of tuple): The characters of each.
    """
    if item.words is not None:
        own = _without_links(words)
        yield Paragraph(0, len(own), own)
        return
    whole = len(item.text) <= _MOST and is_post(_HEADING.sub('', item.text))
    cuts = [] if whole else [
        i for i in range(1, len(words))
        if _BLANK_LINE.search(item.text, offsets[i - 1][1], offsets[i][0])
    ]
    for start, stop in zip([0, *cuts], [*cuts, len(words)]):
        own = _without_links(words[start:stop])
        end = (_END, ) if own[-1][-1].isalnum() else ()
        yield Paragraph(start, len(own), own + end)


def passages(pair: Pair, max_words: int, has_end_mark: _Asked) -> List[Pair]:
    r"""Splits a text between its sentences. Successive sentences make a passage of at
    most :obj:`max_words` words; a longer sentence is a passage of its own. None goes
    over the end of a post, whose links are left out.

    A sentence begins with a tree of the parse, behind a word with an end mark of its
    own where a capital letter follows, and with a post.

    Args:
        pair (Pair): The text.
        max_words (int): The most words of a passage.
        has_end_mark (callable): Whether a word has one, see
            :meth:`~eega_pyg.parsing.Parser.has_end_mark`.
    """
    words = pair.words
    posts = set(_posts(words, pair.parse.shape))
    starts = posts | set(pair.sentences()) | {
        i
        for i in range(1, len(words))
        if words[i][0].isupper() and has_end_mark(words[i - 1])
    }
    order = sorted(starts)
    cuts = [0]
    for start, end in zip(order, [*order[1:], len(words)]):
        if start in posts or start > 0 and end - cuts[-1] > max_words:
            cuts.append(start)
    return [
        pair.cut(start, start + len(_without_links(words[start:end])))
        for start, end in zip(cuts, [*cuts[1:], len(words)])
    ]


def _without_links(words: Sequence[str]) -> Tuple[str, ...]:
    r"""The words before the links at the end; all, if there are only links."""
    end = len(words)
    while end > 0 and word_shape(words[end - 1]) == 'url':
        end -= 1
    return tuple(words[:end or None])


def _posts(words: Sequence[str], shapes: Sequence[str]) -> Iterator[int]:
    r"""The first word of each post but the first. Most posts end with links or, where
    they are repeated, begin with a mark; what follows a link in lower case goes on."""
    for i in range(1, len(words)):
        word = words[i]
        if word == _RETWEET:
            if i + 1 < len(words) and words[i + 1].startswith('@'):
                yield i
        elif (shapes[i - 1] == 'url' != shapes[i] and not word[0].islower()
              and any(map(str.isalnum, word))):
            yield i
