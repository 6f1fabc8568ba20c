r"""Offsets that count something else than characters."""
from typing import Callable, List, Optional, Sequence, Tuple

from eega_pyg.schema import Span, short

_UNITS: Tuple[Tuple[str, Callable[[str], int]], ...] = (
    ('bytes of UTF-8', lambda text: len(text.encode('utf-8'))),
    ('units of UTF-16, as JavaScript and Java count',
     lambda text: len(text.encode('utf-16-le')) // 2),
)


def _in_characters(text: str, length: Callable[[str], int],
                   spans: Sequence[Span]) -> Optional[List[Span]]:
    r"""Spans of other units in characters; :obj:`None` if one of them ends within a
    character or outside of the text."""
    places, total = {0: 0}, 0
    for i, character in enumerate(text, 1):
        total += length(character)
        places[total] = i
    try:
        return [(places[a], places[z]) for a, z in spans]
    except KeyError:
        return None


def other_units(text: str, spans: Sequence[Span],
                names: Optional[Sequence[str]] = None) -> str:
    r"""What some spans seem to count, for the end of an error message: empty if it is
    characters, or if nothing shows it.

    Args:
        text (str): The text.
        spans (sequence of tuple): The spans.
        names (sequence of str, optional): What is to stand there. Without it, whether
            the spans begin and end where words do is asked. (default: :obj:`None`)
    """
    if text.isascii():
        return ''
    for unit, length in _UNITS:
        found = _in_characters(text, length, spans)
        if found is None or found == list(spans):
            continue
        if all(text[a:z] == name
               for (a, z), name in zip(found, names)) if names else (all(
                   _whole(text, *span) for span in found)):
            return (f": the offsets seem to count {unit}; count characters (code "
                    f"points)")
    return ''


def check_names(text: str, spans: Sequence[Span],
                names: Sequence[Optional[str]]) -> None:
    r"""Compares what stands at some spans with what a file says that stands there.

    Raises:
        ValueError: Naming the first span that differs, and what the offsets seem to
            count.
    """
    said = [(i, span, name) for i, (span, name) in enumerate(zip(spans, names))
            if name is not None]
    for i, (start, end), name in said:
        if text[start:end] != name:
            hint = other_units(text, [s for _, s, _ in said], [n for *_, n in said])
            raise ValueError(f"entities[{i}]: at [{start}, {end}) stands "
                             f"{short(text[start:end])}, not {short(name)}{hint}")


def _whole(text: str, start: int, end: int) -> bool:
    return (text[start:end].strip() == text[start:end] != ''
            and not (start > 0 and text[start - 1].isalnum() and text[start].isalnum())
            and
            not (end < len(text) and text[end - 1].isalnum() and text[end].isalnum()))
