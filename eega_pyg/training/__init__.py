r"""Trains, evaluates and calibrates models, and distils several into one."""
from typing import TYPE_CHECKING

from eega_pyg._lazy import attach

if TYPE_CHECKING:
    from eega_pyg.training.calibration import (
        Calibration,
        Fitted,
        calibrate,
        fit_scales,
        fit_temperature,
    )
    from eega_pyg.training.evaluation import evaluate
    from eega_pyg.training.pair_tagging import PairTagging
    from eega_pyg.training.prepare import build_model
    from eega_pyg.training.run import RunResult, fit

__all__ = [
    'Calibration',
    'Fitted',
    'PairTagging',
    'RunResult',
    'build_model',
    'calibrate',
    'evaluate',
    'fit',
    'fit_scales',
    'fit_temperature',
]

__getattr__, __dir__ = attach(
    __name__, {
        'Calibration': 'calibration',
        'Fitted': 'calibration',
        'PairTagging': 'pair_tagging',
        'RunResult': 'run',
        'build_model': 'prepare',
        'calibrate': 'calibration',
        'evaluate': 'evaluation',
        'fit': 'run',
        'fit_scales': 'calibration',
        'fit_temperature': 'calibration',
    })
