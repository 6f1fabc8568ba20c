r"""Libraries that only an extra brings."""
from importlib.util import find_spec


def require(module: str, extra: str) -> None:
    r"""Raises an :class:`ImportError` that says what to install if a library is
    missing."""
    if find_spec(module) is None:
        raise ImportError(f"This needs {module}, which is not installed: run "
                          f"'pip install \"eega_pyg[{extra}]\"'")
