r"""The command line ``eega``."""
import os
import sys

import typer

from .console import show_warnings, tell
from .data import build
from .extract import explain, extract
from .graph import graph
from .model import calibrate, evaluate, shrink, train
from .scene import scene

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode='rich',
    help='Quintuples (entity, type, entity, type, relation) from text with pictures.',
)
for command in (build, train, evaluate, calibrate, extract, explain, graph, scene,
                shrink):
    app.command()(command)


def main() -> None:
    r"""Runs the command line; an error is one line and a non-zero exit."""
    show_warnings()
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
    try:
        app()
    except (ValueError, OSError, ImportError) as e:
        tell(' '.join(str(e).split()), '[red]error:[/red]')
        sys.exit(1)
