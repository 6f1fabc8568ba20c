r"""Some relations of JMERE as the data of a user, under other names, and the rest as
what a model has learned from before."""
import ast
import random
import shutil
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Tuple

from eega_pyg.files import write_text
from eega_pyg.formats.mnre_rows import read_rows
from eega_pyg.schema import JMERE_TAGS

#: The held-out relations, by the names that the user gives them.
HELD_OUT = {
    'seen_at': 'present_in',
    'based_in': 'locate_at',
    'lives_in': 'place_of_residence',
    'takes_place_in': 'held_on',
    'owned_by': 'subsidiary',
    'partner_of': 'couple',
}
TYPES = {'person': 'per', 'organisation': 'org', 'place': 'loc', 'other': 'misc'}
_NEW = {old: new for names in (HELD_OUT, TYPES) for new, old in names.items()}
OTHERS = [name for name in JMERE_TAGS.relations if name not in HELD_OUT.values()]


class Part(NamedTuple):
    r"""Some lines of a file of MNRE, and the words of each."""
    lines: List[str]
    words: List[Tuple[str, ...]]


def divide(path: Path) -> Tuple[Part, Part]:
    r"""The lines about the held-out relations alone, under their new names, and those
    of the texts that state none of them."""
    with open(path, encoding='utf-8') as file:
        lines = [line.strip() for line in file if line.strip()]
    rows = list(read_rows(path, JMERE_TAGS))
    stated: Dict[Tuple[str, ...], set] = {}
    for row in rows:
        if row.quintuple is not None:
            stated.setdefault(row.words, set()).add(row.quintuple.relation)
    held_out, others = Part([], []), Part([], [])
    for line, row in zip(lines, rows):
        relations = stated.get(row.words, set())
        if relations.isdisjoint(HELD_OUT.values()):
            others.lines.append(line)
            others.words.append(row.words)
        elif relations <= set(HELD_OUT.values()) and row.quintuple is not None:
            held_out.lines.append(renamed(line))
            held_out.words.append(row.words)
    return held_out, others


def renamed(line: str) -> str:
    r"""A line with the user's types and relations."""
    value = ast.literal_eval(line)
    names = value['relation'].strip('/').split('/')
    return repr({**value, 'relation': '/' + '/'.join(_NEW[name] for name in names)})


def drawn(part: Part, size: int, draw: int) -> List[str]:
    r"""The lines of so many texts, drawn at random. A smaller draw is a part of a
    larger one with the same number."""
    texts = sorted(set(part.words))
    random.Random(draw).shuffle(texts)
    if len(texts) < size:
        raise ValueError(f"There are {len(texts)} texts, and {size} are to be drawn")
    chosen = set(texts[:size])
    return [line for line, words in zip(part.lines, part.words) if words in chosen]


def write(folder: Path, raw: Path, **splits: Iterable[str]) -> Path:
    r"""A data set of some lines, with the captions of their images."""
    (folder / 'raw').mkdir(parents=True, exist_ok=True)
    for split, lines in splits.items():
        write_text(folder / 'raw' / f'mnre_{split}.txt', '\n'.join(lines) + '\n')
        captions = f'captions_{split}.jsonl'
        if (raw / captions).is_file():
            shutil.copyfile(raw / captions, folder / 'raw' / captions)
    return folder
