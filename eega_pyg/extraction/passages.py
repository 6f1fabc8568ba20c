r"""Cuts a text into the passages that are read one by one."""
from typing import Callable, Iterator, List, Sequence

from eega_pyg.transforms import Pair

_Asked = Callable[[str], bool]
# Begins a post when a handle follows.
_RETWEET = 'RT'


def passages(pair: Pair, max_words: int, has_end_mark: _Asked) -> List[Pair]:
    r"""Splits a text between its sentences. Successive sentences make a passage of at
    most :obj:`max_words` words; a longer sentence is a passage of its own. None goes
    over the end of a post.

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
    return [pair.cut(*cut) for cut in zip(cuts, [*cuts[1:], len(words)])]


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
