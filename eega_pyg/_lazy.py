r"""Packages whose names are loaded when they are asked for."""
import sys
from importlib import import_module
from typing import Any, Callable, List, Mapping, Tuple


def attach(
        package: str,
        names: Mapping[str,
                       str]) -> Tuple[Callable[[str], Any], Callable[[], List[str]]]:
    r"""The functions ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package (str): Its name.
        names (dict): The module, *e.g.*, ``'extraction.item'`` below the package, that
            each name is loaded from.
    """
    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f'{package}.{names[name]}'), name)

    return load, lambda: sorted({*vars(sys.modules[package]), *names})
