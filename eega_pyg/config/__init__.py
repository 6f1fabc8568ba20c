r"""The configuration of a run."""
from .config import Config, presets
from .options import (
    ConvName,
    DataConfig,
    FusionName,
    ModelConfig,
    Table,
    TagsConfig,
    TrainConfig,
)

__all__ = [
    'Config',
    'ConvName',
    'DataConfig',
    'FusionName',
    'ModelConfig',
    'Table',
    'TagsConfig',
    'TrainConfig',
    'presets',
]
