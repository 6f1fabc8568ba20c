r"""Which names are the same entity."""
import csv
import re
import unicodedata
from pathlib import Path
from typing import Callable, Dict, Optional, Set, Tuple, Union

from eega_pyg.schema import short

#: Gives the id of the entity that a mention means. It is called with the mention's
#: name, its type and its sentence, and returns :obj:`None` if it knows no id. An id of
#: Wikidata (``'Q90'``) is recognised as such.
Linker = Callable[[str, str, str], Optional[str]]

_WIKIDATA = re.compile(r'Q[1-9][0-9]*')
_POSSESSIVE = re.compile(r"'s$")
_ARTICLE = re.compile(r'^the (?=.)')

# One apostrophe and one quotation mark for all of their kinds, some of which the
# compatibility form would turn into a blank and an accent.
_SAME = str.maketrans({
    **dict.fromkeys("‘’‚‛ʹʻʼʽˈ′‵`´΄᾽᾿՚ꞌ＇｀", "'"),
    **dict.fromkeys('“”„‟″‶〝〞〟＂«»', '"'),
    '−': '-',
    # Of which the compatibility form makes letters.
    **dict.fromkeys('™℠', None)
})
# Characters that Unicode gives the property Default_Ignorable_Code_Point, and that are
# not of the category Cf: joiners, fillers and variation selectors.
_IGNORED = re.compile('[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164'
                      '\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]')
# More marks on one character are no writing, and to put them in order takes the square
# of their number (Unicode Standard Annex 15, stream-safe text).
_MAX_MARKS = 30


def normalized_name(name: str) -> str:
    r"""The form in which names are compared: Unicode's compatibility form without
    case, invisible characters, marks of tweets (``#``, ``@``), a possessive ``'s``, a
    leading "the", punctuation around it, and doubled blanks. A ``+`` or ``#`` at the
    end stays (``C++``, ``C#``), and apostrophes, quotation marks and hyphens are of one
    kind. If nothing would be left of a name, only its case is removed."""
    text = name.translate(_SAME) if len(name) <= _MAX_MARKS else _stream_safe(
        name.translate(_SAME))
    visible = ''.join(c for c in _IGNORED.sub('', text)
                      if unicodedata.category(c) != 'Cf')
    # Without case, characters may have another compatibility form (Unicode Standard,
    # section 3.13, compatibility caseless matching).
    folded = unicodedata.normalize('NFD', visible).casefold()
    folded = unicodedata.normalize('NFKC', folded).casefold()
    folded = unicodedata.normalize('NFKC', folded).translate(_SAME)
    dashes = ('-' if unicodedata.category(c) == 'Pd' else c for c in folded)
    text, before = ' '.join(''.join(dashes).split()) or name, ''
    while text != before:  # What is within marks may have a "the" and marks again.
        text, before = _bare(text), text
    return text


def _bare(text: str) -> str:
    r"""A name without a possessive, then marks around it, then "the"; whole, if nothing
    were left."""
    short = _POSSESSIVE.sub('', text)
    start, end = 0, len(short)
    while start < end and (short[start] == ' ' or _is_mark(short[start])
                           and not _is_amount(short[start:start + 3])):
        start += 1
    opened = short.find('(', start)
    while start < end and (short[end - 1] == ' ' or _is_mark(short[end - 1])
                           and not _belongs(short[max(start, end - 3):end])
                           and not (short[end - 1] == ')' and 0 <= opened < end)):
        end -= 1
    return _ARTICLE.sub('', short[start:end]) or text


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] in 'PS'


def _is_amount(name: str) -> bool:
    r"""Whether the mark at the beginning of a name is that of a number, as in
    ``'$100'`` and ``'-5%'``."""
    if unicodedata.category(name[0]) == 'Sc':
        return name[1:].lstrip()[:1].isdigit()
    return name[0] in '+-±' and name[1:2].isdigit()


def _belongs(name: str) -> bool:
    r"""Whether the mark at the end of a name is a part of it, as in ``'C++'``, ``'5%'``
    and ``'100 €'``."""
    last = name[-1]
    if last in '%‰' or unicodedata.category(last) == 'Sc':
        return name[:-1].rstrip()[-1:].isdigit()
    return last in '+#'


def _stream_safe(text: str) -> str:
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return ''.join(kept)


def wikidata_id(link: str) -> Optional[str]:
    r"""The link itself if it is an id of Wikidata."""
    return link if _WIKIDATA.fullmatch(link) else None


class TableLinker:
    r"""Links names by a table of one's own: by a name as it is written, or else as
    :func:`normalized_name` has it, unless that is several names with different ids.

    Args:
        links (dict): The id of each (name, type). An empty type matches any type.
    """
    def __init__(self, links: Dict[Tuple[str, str], str]) -> None:
        self.links = {(_spaced(n), t): link for (n, t), link in links.items()}
        meant: Dict[Tuple[str, str], Set[str]] = {}
        for (name, kind), link in links.items():
            meant.setdefault((normalized_name(name), kind), set()).add(link)
        self._normalized = {
            key: ids.pop()
            for key, ids in meant.items() if len(ids) == 1
        }

    @classmethod
    def from_csv(cls, path: Union[str, Path]) -> 'TableLinker':
        r"""Reads a CSV file with the columns ``name``, ``type`` and ``id``.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: Naming the file, and the line if a column or a value is missing,
                or a name of one type has several ids.
        """
        try:
            return cls(_read_links(path))
        except (csv.Error, UnicodeDecodeError) as e:
            raise ValueError(f"{path}: not CSV in UTF-8: {e}") from None

    def __call__(self, name: str, type: str, text: str) -> Optional[str]:
        for links, key in ((self.links, _spaced(name)), (self._normalized,
                                                         normalized_name(name))):
            for kind in (type, ''):
                if (key, kind) in links:
                    return links[key, kind]
        return None

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({len(self.links)})'


def _spaced(name: str) -> str:
    return ' '.join(name.split())


def _read_links(path: Union[str, Path]) -> Dict[Tuple[str, str], str]:
    links: Dict[Tuple[str, str], str] = {}
    with open(path, encoding='utf-8-sig', newline='') as f:
        rows = csv.DictReader(f)
        if not {'name', 'type', 'id'} <= set(rows.fieldnames or ()):
            found = ', '.join(rows.fieldnames or ())
            raise ValueError(f"{path}:1: expected the columns name, type, id (got "
                             f"{short(found)})")
        for row in rows:
            if not row['name'] or not row['id'] or row['type'] is None:
                raise ValueError(f"{path}:{rows.line_num}: expected a name and an id")
            key = _spaced(row['name']), row['type']
            if links.setdefault(key, row['id']) != row['id']:
                raise ValueError(f"{path}:{rows.line_num}: {short(key[0])} has the id "
                                 f"{short(links[key])} in a line before")
    return links
