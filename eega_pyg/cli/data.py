r"""The command ``eega build``."""
from pathlib import Path
from typing import TYPE_CHECKING, List

import typer
from rich.table import Table
from rich.text import Text

from .console import err, out, tell
from .options import Preset, Quiet, Root, Set, Split, check_root

if TYPE_CHECKING:
    from eega_pyg.config import Config


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
    from eega_pyg.datasets import open_dataset
    from eega_pyg.datasets.statistics import told_of_left_out
    config = Config.load(preset, overrides)
    arguments = config.data.arguments()
    if download:  # Then the validation file is among what is fetched.
        arguments['validation'] = 0.0
    else:
        check_root(root)
    config = with_tags(config, root, not quiet)
    columns = []
    for name in split:
        dataset = open_dataset(root, name.value, config.data, config.tags.tag_set(),
                               log=not quiet, download=download)
        columns.append(dataset.statistics())
    table = Table('', title=Text(f'{root} ({dataset.version})'))
    for name in split:
        table.add_column(name.value, justify='right')
    for row in columns[0]:
        table.add_row(row, *(_number(column[row]) for column in columns))
    out.print(table)
    for name, column in zip(split, columns):
        if sentence := told_of_left_out(column, name.value):
            tell(sentence)


def with_tags(config: 'Config', root: Path, show: bool) -> 'Config':
    r"""A configuration with the tags of a data set; shows what was read off it."""
    from eega_pyg.datasets.opening import resolved, survey_of
    found = survey_of(config, root)
    if found is not None and show:
        table = Table('tag', 'kind', title=Text(f'{root}, train split'))
        table.add_column('count', justify='right')
        for kind, counts in (('type', found.types), ('relation', found.relations)):
            for name, count in counts.items():
                table.add_row(Text(name), kind, f'{count:,}')
        err.print(table)
        tell(f"{found.texts:,} texts; {found.alone:,} of "
             f"{sum(found.types.values()):,} entities are in no relation "
             f"(data.entities: {resolved(config, root, found).data.entities})")
    return resolved(config, root, found)


def _number(value: float) -> str:
    return f'{value:,}' if isinstance(value, int) else f'{value:,.2f}'
