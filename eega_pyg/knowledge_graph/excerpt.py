r"""What of a long text is around a place."""
from typing import NamedTuple

#: A text of at most so many characters is given whole.
WHOLE = 1000
#: Of a longer one, so many characters on both sides.
AROUND = 300


class Excerpt(NamedTuple):
    r"""A part of a text.

    Args:
        text (str): The part.
        offset (int): Where it begins in the text, in characters.
    """
    text: str
    offset: int


def excerpt(text: str, start: int, end: int) -> Excerpt:
    r"""The text, or, if it is long, what is around the characters from :obj:`start` to
    :obj:`end`, cut at blanks if there are any: each place of a document with the whole
    document would take the square of its length."""
    if len(text) <= WHOLE:
        return Excerpt(text, 0)
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    if first > 0:
        first = text.find(' ', first, start) + 1 or first
    if last < len(text) and (blank := text.rfind(' ', end, last)) >= 0:
        last = blank
    return Excerpt(text[first:last], first)
