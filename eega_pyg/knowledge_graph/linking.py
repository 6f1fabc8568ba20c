r"""Which names are the same entity."""
import csv
import re
import unicodedata
from pathlib import Path
from typing import Callable, Dict, Optional, Tuple, Union

from eega_pyg.schema import short

#: Gives the id of the entity that a mention means. It is called with the mention's
#: name, its type and its sentence, and returns :obj:`None` if it knows no id. An id of
#: Wikidata (``'Q90'``) is recognised as such.
Linker = Callable[[str, str, str], Optional[str]]

_WIKIDATA = re.compile(r'Q[1-9][0-9]*')
_POSSESSIVE = re.compile(r"'s$")
_ARTICLE = re.compile(r'^the (?=.)')

# One apostrophe and one hyphen for all of their kinds.
_SAME = str.maketrans({
    **dict.fromkeys("‘’‛ʼʹ′`´", "'"),
    **dict.fromkeys('‐‑‒–—―−', '-')
})


def normalized_name(name: str) -> str:
    r"""The form in which names are compared: Unicode's compatibility form without
    case, invisible characters, marks of tweets (``#``, ``@``), a possessive ``'s``, a
    leading "the", punctuation around it, and doubled blanks. A ``+`` or ``#`` at the
    end stays (``C++``, ``C#``), and apostrophes and hyphens are of one kind. If nothing
    would be left of a name, only its case is removed."""
    text = unicodedata.normalize('NFKC', name).translate(_SAME).casefold()
    visible = (c for c in text if unicodedata.category(c) != 'Cf')
    text = ' '.join(''.join(visible).split()) or name
    short = _POSSESSIVE.sub('', text)
    while short and unicodedata.category(short[0])[0] in 'PS':
        short = short[1:].lstrip()
    while short and unicodedata.category(short[-1])[0] in 'PS' and (short[-1]
                                                                    not in ')+#'):
        short = short[:-1].rstrip()
    return _ARTICLE.sub('', short) or text


def wikidata_id(link: str) -> Optional[str]:
    r"""The link itself if it is an id of Wikidata."""
    return link if _WIKIDATA.fullmatch(link) else None


class TableLinker:
    r"""Links names by a table of one's own.

    Args:
        links (dict): The id of each (name, type). An empty type matches any type.
    """
    def __init__(self, links: Dict[Tuple[str, str], str]) -> None:
        self.links = {(normalized_name(n), t): link for (n, t), link in links.items()}

    @classmethod
    def from_csv(cls, path: Union[str, Path]) -> 'TableLinker':
        r"""Reads a CSV file with the columns ``name``, ``type`` and ``id``.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: Naming the file, and the line if a column or a value is missing.
        """
        try:
            return cls(_read_links(path))
        except (csv.Error, UnicodeDecodeError) as e:
            raise ValueError(f"{path}: not CSV in UTF-8: {e}") from None

    def __call__(self, name: str, type: str, text: str) -> Optional[str]:
        name = normalized_name(name)
        return self.links.get((name, type)) or self.links.get((name, ''))

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({len(self.links)})'


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
            links[row['name'], row['type']] = row['id']
    return links
