from .eega import EEGA, EEGAOutput
from .predict import Prediction, predict

__all__ = ['EEGA', 'EEGAOutput', 'Prediction', 'predict']
