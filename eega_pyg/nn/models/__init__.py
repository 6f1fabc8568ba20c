from .eega import EEGA, EEGAOutput
from .predict import Prediction, predict
from .relation_classifier import RelationClassifier

__all__ = ['EEGA', 'EEGAOutput', 'Prediction', 'RelationClassifier', 'predict']
