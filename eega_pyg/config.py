r"""The configuration of a run: presets, files of one's own and single overrides."""
import dataclasses
import math
import sys
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Tuple,
    get_args,
    get_origin,
    get_type_hints,
)

import yaml

from eega_pyg.schema import JMERE_TAGS, TagSet


@dataclass(frozen=True)
class TagsConfig:
    r"""Types and relations."""
    types: Tuple[str, ...] = JMERE_TAGS.types
    relations: Tuple[str, ...] = JMERE_TAGS.relations

    def tag_set(self) -> TagSet:
        return TagSet(self.types, self.relations)


@dataclass(frozen=True)
class DataConfig:
    r"""What the graphs are built from; see :class:`~eega_pyg.datasets.JMERE`."""
    version: str = 'v1'
    encoder: str = 'sentence-transformers/all-MiniLM-L6-v2'
    spacy_model: str = 'en_core_web_sm'
    word_vectors: bool = False
    table: str = 'directed'
    captions: bool = True
    visual: Tuple[str, ...] = ()
    feature_size: int = 0
    max_words: int = 70
    max_objects: int = 10

    def arguments(self) -> Dict[str, Any]:
        r"""The arguments of :class:`~eega_pyg.datasets.JMERE` that they stand for."""
        arguments = dataclasses.asdict(self)
        arguments['captions'] = None if self.captions else ()
        arguments['visual'] = self.visual or None
        return arguments


@dataclass(frozen=True)
class ModelConfig:
    r"""Options of :class:`~eega_pyg.nn.models.EEGA`."""
    heads: int = 12
    num_layers: int = 1
    edge_dim: int = 100
    channels: Tuple[str, ...] = ('pos', 'sd', 'co')
    channel_dim: int = 100
    pair_features: bool = False
    token_features: bool = False
    visual: bool = True
    alpha: float = 0.4
    lambda_graph: float = 0.6
    contrast: float = 0.0
    reduction: str = 'mean'
    epsilon: float = 0.1
    num_iters: int = 20
    outer_iters: int = 5
    gw_loss: str = 'absolute'
    normalize: bool = False
    self_loops: bool = False
    dropout: float = 0.1
    image_dropout: float = 0.0
    freeze_embeddings: bool = True
    freeze_layers: int = 0


@dataclass(frozen=True)
class TrainConfig:
    r"""The optimiser and the loop. ``schedule`` is ``'linear'`` (down to zero over
    ``epochs``) or ``'halving'`` (the paper's decay: times 0.5 every 30 epochs), both
    after a linear warm-up over the share ``warmup`` of all steps. ``precision`` is
    ``'bf16'`` (matrix products of the training steps in bfloat16, weights and all else
    in float32), ``'float32'``, or ``'auto'``: bfloat16 where the processor multiplies
    it faster. Before all else, the text encoder and what describes words beside it are
    trained for ``pretrain_epochs`` on all entities and pairs of the training file, see
    :func:`~eega_pyg.training.pretraining.pretrain_words`. Where there are ``teachers``
    (saved models), ``distillation`` is their share of what is learned, see
    :class:`~eega_pyg.training.distillation.TaughtPairs`; with ``unlabelled``, what they
    say of
    the texts of which no line states a relation is learned as well."""
    epochs: int = 15
    patience: int = 5
    batch_size: int = 16
    lr: float = 1e-3
    lr_encoder: float = 5e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    schedule: str = 'linear'
    clip: float = 1.0
    signatures: bool = True
    pretrain_epochs: int = 0
    teachers: Tuple[str, ...] = ()
    distillation: float = 0.7
    unlabelled: bool = False
    precision: str = 'auto'
    seed: int = 0


#: The least and the largest value of numbers.
_BOUNDS: Dict[str, Tuple[float, float]] = {
    'data.feature_size': (0, math.inf),
    'data.max_words': (2, math.inf),
    'data.max_objects': (1, math.inf),
    'model.heads': (1, math.inf),
    'model.num_layers': (0, math.inf),
    'model.edge_dim': (0, math.inf),
    'model.channel_dim': (1, math.inf),
    'model.alpha': (0, 1),
    'model.lambda_graph': (0, math.inf),
    'model.contrast': (0, math.inf),
    'model.epsilon': (sys.float_info.min, math.inf),
    'model.num_iters': (1, math.inf),
    'model.outer_iters': (1, math.inf),
    'model.dropout': (0, 1),
    'model.image_dropout': (0, 1),
    'model.freeze_layers': (0, math.inf),
    'train.epochs': (1, math.inf),
    'train.patience': (1, math.inf),
    'train.batch_size': (1, math.inf),
    'train.lr': (0, math.inf),
    'train.lr_encoder': (0, math.inf),
    'train.weight_decay': (0, math.inf),
    'train.warmup': (0, 1),
    'train.clip': (0, math.inf),
    'train.pretrain_epochs': (0, math.inf),
    'train.distillation': (0, 1),
    'train.seed': (0, 2**32 - 1),
}


@dataclass(frozen=True)
class Config:
    r"""A whole run."""
    tags: TagsConfig = field(default_factory=TagsConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    @classmethod
    def load(cls, preset: str = 'default', overrides: Iterable[str] = ()) -> 'Config':
        r"""A preset's name or a YAML file, with single fields replaced.

        Args:
            preset (str): ``'paper'``, ``'default'`` or the path of a YAML file.
            overrides (iterable of str): *E.g.*, ``'train.lr=3e-5'``.

        Raises:
            ValueError: Naming the field, if it is unknown or of a wrong type.
        """
        builtin = files('eega_pyg') / 'presets' / f'{preset}.yaml'
        path = builtin if builtin.is_file() else Path(preset)
        if not path.is_file():
            raise ValueError(f"There is no preset or file '{preset}' (presets: "
                             f"{', '.join(presets())})")
        try:
            value = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as e:
            raise ValueError(f"{path}: not valid YAML in UTF-8: {e}") from None
        for override in overrides:
            name, equals, text = override.partition('=')
            keys = name.strip().split('.')
            if not equals or len(keys) != 2:
                raise ValueError(f"Expected SECTION.FIELD=VALUE, e.g. train.lr=3e-5 "
                                 f"(got '{override}')")
            try:
                field_value = yaml.safe_load(text)
            except yaml.YAMLError:
                raise ValueError(f"--set {name}: cannot read the value "
                                 f"'{text}'") from None
            section = value.setdefault(keys[0], {}) if isinstance(value, dict) else None
            if isinstance(section, dict):  # Else from_dict says what is wrong.
                section[keys[1]] = field_value
        return cls.from_dict(value)

    @classmethod
    def from_dict(cls, value: Any) -> 'Config':
        r"""The inverse of :meth:`to_dict`; absent fields have their defaults."""
        config = _build(cls, value, '')
        config.tags.tag_set()  # Raises on repeated or empty names.
        _check_choice('data.table', config.data.table,
                      ('directed', 'symmetric', 'triangle'))
        _check_choice('data.version', config.data.version, ('v1', 'merged'))
        _check_choice('model.reduction', config.model.reduction, ('mean', 'sum'))
        _check_choice('model.gw_loss', config.model.gw_loss, ('absolute', 'square'))
        _check_choice('train.schedule', config.train.schedule, ('linear', 'halving'))
        _check_choice('train.precision', config.train.precision,
                      ('auto', 'bf16', 'float32'))
        for name, (low, high) in _BOUNDS.items():
            section, _, field_name = name.partition('.')
            number = getattr(getattr(config, section), field_name)
            if not (math.isfinite(number) and low <= number <= high):
                wanted = 'more than 0' if 0 < low < 1 else f'at least {low}'
                most = '' if high == math.inf else f' and at most {high}'
                raise ValueError(f"{name}: expected {wanted}{most} (got {number})")
        if config.train.unlabelled and not config.train.teachers:
            raise ValueError('train.unlabelled: there are no train.teachers to ask '
                             'about texts without tags')
        return config

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain dicts and lists."""
        value = dataclasses.asdict(self)
        return {
            section: {
                k: list(v) if isinstance(v, tuple) else v
                for k, v in fields.items()
            }
            for section, fields in value.items()
        }


def presets() -> List[str]:
    r"""The names of the presets that come with the package."""
    folder = files('eega_pyg') / 'presets'
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith('.yaml'))


def _check_choice(name: str, value: str, choices: Tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)} (got "
                         f"'{value}')")


def _build(cls: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'configuration'}: expected a mapping of fields "
                         f"(got {value!r})")
    hints = get_type_hints(cls)
    prefix = f'{where}.' if where else ''
    for name in value:
        if name not in hints:
            raise ValueError(f"Unknown field '{prefix}{name}' (known: "
                             f"{', '.join(hints)})")
    return cls(**{k: _convert(hints[k], v, prefix + k) for k, v in value.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where}: expected a list (got {value!r})")
        return tuple(_convert(get_args(hint)[0], v, where) for v in value)
    if type(value) is hint:
        return value
    if hint is float and type(value) in (int, str):  # YAML reads 3e-5 as a string.
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError(f"{where}: expected {hint.__name__} (got {value!r})")
