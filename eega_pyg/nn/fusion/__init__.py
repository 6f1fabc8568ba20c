from .adapcoatt import AdapCoAtt
from .agban import AGBAN
from .contract import FusionInput, FusionOutput
from .degree_sequences import degree_sequences
from .maf import MAF
from .mega import MEGA
from .ocsga import OCSGA
from .parts import all_pairs
from .umgf import UMGF

__all__ = [
    'AGBAN',
    'AdapCoAtt',
    'FusionInput',
    'FusionOutput',
    'MAF',
    'MEGA',
    'OCSGA',
    'UMGF',
    'all_pairs',
    'degree_sequences',
]
