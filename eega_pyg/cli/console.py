r"""Where commands print: results to the standard output, all else to the standard
error."""
import sys
import warnings
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from typing import Any, Callable, Iterator, TextIO, Union

from rich.console import Console

out = Console()
err = Console(stderr=True)

#: The most characters of a message. Names of files fit, what a broken file holds does
#: not have to.
MOST = 600
_quiet = False


def tell(message: Any, kind: str = '') -> None:
    r"""Prints a message to the standard error as one line; brackets in it are no
    markup."""
    line = ''.join(c if c.isprintable() else '\ufffd'
                   for c in ' '.join(str(message).split()))
    if len(line) > MOST:
        line = f'{line[:MOST // 2]} … {line[-MOST // 2:]}'
    if kind:
        err.print(kind, end=' ')
    err.print(line, markup=False, highlight=False, soft_wrap=True)


def note(message: Any) -> None:
    r"""Prints a message that ``--quiet`` leaves out."""
    if not _quiet:
        tell(message)


def be_quiet(quiet: bool) -> bool:
    r"""The callback of the option ``--quiet``."""
    global _quiet
    _quiet = quiet
    return quiet


def shows_progress() -> bool:
    r"""Whether progress bars are shown."""
    return not _quiet


def results() -> TextIO:
    r"""The standard output, where nothing but results goes."""
    return out.file  # type: ignore[return-value]


def command(function: Callable[..., None]) -> Callable[..., None]:
    r"""A command whose standard output has its results only: what libraries print
    there (that they download something) goes to the standard error."""
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        with _results_only():
            function(*args, **kwargs)

    return run


@contextmanager
def _results_only() -> Iterator[None]:
    out.file = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        out.file = None  # type: ignore[assignment]


def use_utf8() -> None:
    r"""Makes what is written to files and pipes UTF-8, whatever the locale. A terminal
    keeps its encoding, and shows a question mark for what it does not know."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            if stream.isatty():
                stream.reconfigure(errors='replace')
            else:
                stream.reconfigure(encoding='utf-8', errors='replace')


def show_warnings() -> None:
    r"""Shows the warnings of this library only."""
    warnings.filterwarnings('ignore')
    shown = r'eega_pyg\.(bulk|datasets|extraction|formats|schema|training|visualize)'
    warnings.filterwarnings('default', module=shown)
    warnings.showwarning = _show


def _show(message: Union[Warning, str], *args: Any, **kwargs: Any) -> None:
    tell(message, '[yellow]warning:[/yellow]')
