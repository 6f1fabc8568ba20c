from .eega import EEGA, EEGAOutput

__all__ = ['EEGA', 'EEGAOutput']
