r"""Models on the disk; :func:`~eega_pyg.saving.shrink.shrink` makes them smaller."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.saving.folder import copy_model, find_folder
    from eega_pyg.saving.saved_model import SavedModel, load_model, save_model
    from eega_pyg.saving.scales import Scale, Scales
    from eega_pyg.saving.thresholds import Thresholds

__all__ = [
    'SavedModel',
    'Scale',
    'Scales',
    'Thresholds',
    'copy_model',
    'find_folder',
    'load_model',
    'save_model',
]

__getattr__, __dir__ = attach(
    __name__, {
        'SavedModel': 'saved_model',
        'Scale': 'scales',
        'Scales': 'scales',
        'Thresholds': 'thresholds',
        'copy_model': 'folder',
        'find_folder': 'folder',
        'load_model': 'saved_model',
        'save_model': 'saved_model',
    })
