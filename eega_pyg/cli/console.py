r"""Where commands print: results to the standard output, all else to the standard
error."""
import warnings
from typing import Any, Union

from rich.console import Console

out = Console()
err = Console(stderr=True)


def tell(message: Any, kind: str = '') -> None:
    r"""Prints a message to the standard error; brackets in it are no markup."""
    if kind:
        err.print(kind, end=' ')
    err.print(str(message), markup=False, highlight=False, soft_wrap=True)


def show_warnings() -> None:
    r"""Shows the warnings of this library only."""
    warnings.filterwarnings('ignore')
    warnings.filterwarnings('default', module=r'eega_pyg\.(datasets|training)')
    warnings.showwarning = _show


def _show(message: Union[Warning, str], *args: Any, **kwargs: Any) -> None:
    tell(' '.join(str(message).split()), '[yellow]warning:[/yellow]')
