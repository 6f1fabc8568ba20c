r"""The command line ``eega``."""
import os
import sys
from typing import List

import typer

from .console import command, show_warnings, tell, use_utf8
from .convert import convert
from .data import build
from .extract import explain, extract
from .graph import graph
from .model import calibrate, evaluate, shrink, train
from .scene import scene
from .serve import serve

#: Options that had another name up to version 0.1, by the commands that had them.
_OLD = {
    ('train', '--out'): '--output',
    ('explain', '--out'): '--output',
    ('graph', '--out'): '--output',
    ('scene', '--out'): '--output',
    ('shrink', '--out'): '--output',
    ('evaluate', '--json'): '--output',
}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode='rich',
    help='Quintuples (entity, type, entity, type, relation) from text with pictures.',
)
for function in (build, convert, train, evaluate, calibrate, extract, explain, graph,
                 scene, serve, shrink):
    app.command()(command(function))


def _version(wanted: bool) -> None:
    if wanted:
        from eega_pyg import __version__
        typer.echo(f'eega_pyg {__version__}')
        raise typer.Exit()


@app.callback()
def _options(version: bool = typer.Option(False, '--version', callback=_version,
                                          is_eager=True,
                                          help='Print the version and exit.')) -> None:
    pass


def main() -> None:
    r"""Runs the command line; an error is one line and a non-zero exit."""
    use_utf8()
    show_warnings()
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
    try:
        app(_with_new_names(sys.argv[1:]))
    except (ValueError, OSError, ImportError) as e:
        tell(_said(e), '[red]error:[/red]')
        sys.exit(1)


def _said(error: Exception) -> str:
    r"""An error's message; that of the system without its number."""
    if isinstance(error, OSError) and error.strerror:
        # Of two files, the second is the one that is written.
        name = error.filename2 or error.filename or 'cannot go on'
        return f'{name}: {error.strerror}'
    return str(error)


def _with_new_names(args: List[str]) -> List[str]:
    r"""Replaces old names of options, and says so."""
    given = list(args)
    for i, arg in enumerate(args[1:], 1):
        if arg == '--':
            break
        name, sign, value = arg.partition('=')
        new = _OLD.get((args[0], name))
        if new is not None:
            tell(f"'{name}' is now '{new}', and goes with the next release",
                 '[yellow]warning:[/yellow]')
            given[i] = f'{new}{sign}{value}'
    return given
