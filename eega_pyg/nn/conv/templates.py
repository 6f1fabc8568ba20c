r"""Removes the files of generated code that PyG leaves in the temporary folder."""
import importlib.util
import linecache
import os
import sys
import tempfile
from contextlib import suppress

_GENERATED = ('_propagate', '_edge_updater')


def remove_template_files() -> None:
    r"""Removes what :class:`~torch_geometric.nn.MessagePassing` has written for the
    layers of this process: PyG generates a module for each class of layers when it is
    first used, loads it from a file in the temporary folder, and never removes that.
    The source stays in :mod:`linecache`, for tracebacks and TorchScript."""
    folder = os.path.realpath(tempfile.gettempdir())
    for name, module in list(sys.modules.items()):
        if not name.endswith(_GENERATED):  # Thousands: each layer comes by here.
            continue
        path = getattr(module, '__file__', None)
        if not path or not os.path.isfile(path) or os.path.dirname(
                os.path.realpath(path)) != folder:
            continue
        lines = linecache.getlines(path)
        # Without a time of change the entry is not compared with the file.
        linecache.cache[path] = (sum(map(len, lines)), None, lines, path)
        for file in (path, importlib.util.cache_from_source(path)):
            with suppress(OSError):
                os.unlink(file)
    with suppress(OSError):  # If nothing else is in it.
        os.rmdir(os.path.join(folder, '__pycache__'))
