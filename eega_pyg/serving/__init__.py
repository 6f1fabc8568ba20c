r"""A service that extracts over HTTP (needs the extra ``serve``)."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.serving.app import create_app
    from eega_pyg.serving.limits import Limits

__all__ = ['Limits', 'create_app']

__getattr__, __dir__ = attach(__name__, {'Limits': 'limits', 'create_app': 'app'})
