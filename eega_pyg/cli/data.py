r"""The command ``eega build``."""
from pathlib import Path
from typing import List

import typer
from rich.table import Table
from rich.text import Text

from .console import out, tell
from .options import Preset, Quiet, Root, Set, Split, check_root


def build(
    root: Path = Root,
    split: List[Split] = typer.Option([Split.train, Split.val], '--split',
                                      help='Split to build; may be repeated.'),
    preset: str = Preset,
    overrides: List[str] = Set,
    download: bool = typer.Option(
        False, '--download', help='Fetch the text of MNRE '
        'where the folder does not hold it.'),
    quiet: bool = Quiet,
) -> None:
    r"""Turns the raw files into graphs and prints what they hold."""
    from eega_pyg.config import Config
    from eega_pyg.datasets import JMERE
    config = Config.load(preset, overrides)
    arguments = config.data.arguments()
    if download:  # Then the validation file is among what is fetched.
        arguments['validation'] = 0.0
    else:
        check_root(root)
    table = Table('', title=Text(f'{root} ({config.data.version})'))
    columns = []
    for name in split:
        table.add_column(name.value, justify='right')
        dataset = JMERE(str(root), split=name.value, tags=config.tags.tag_set(),
                        **arguments)
        columns.append(dataset.statistics())
    for row in columns[0]:
        table.add_row(row, *(_number(column[row]) for column in columns))
    out.print(table)
    for name, column in zip(split, columns):
        if column['left out']:
            tell(
                f"{column['left out']:,} of {column['quintuples']:,} quintuples of the "
                f"{name.value} split have no place in a table: their spans overlap "
                f"others, their entities have another relation already, or they are in "
                f"no common window")


def _number(value: float) -> str:
    return f'{value:,}' if isinstance(value, int) else f'{value:,.2f}'
