r"""The configuration of a run: presets, files of one's own and single overrides."""
import os
import re
import warnings
from importlib.resources import files
from typing import Any, Dict, Iterable, List

from eega_pyg.config.options import DataConfig, ModelConfig, TagsConfig, TrainConfig
from eega_pyg.config.section import Section
from eega_pyg.json_yaml import parse_yaml, read_yaml
from eega_pyg.schema import located, short

#: Fields that only version 0.1 reads, and the value that every run has now.
_REMOVED: Dict[str, Dict[str, Any]] = {
    'data': {
        'captions': True
    },
    'train': {
        'schedule': 'linear'
    }
}


class Config(Section):
    r"""A whole run."""
    tags: TagsConfig = TagsConfig()
    r"""Types and relations."""
    data: DataConfig = DataConfig()
    r"""The data."""
    model: ModelConfig = ModelConfig()
    r"""The model."""
    train: TrainConfig = TrainConfig()
    r"""The training."""
    @classmethod
    def load(cls, preset: str = 'default', overrides: Iterable[str] = ()) -> 'Config':
        r"""A preset's name or a YAML file (see :func:`~eega_pyg.json_yaml.parse_yaml`),
        with single fields replaced.

        Args:
            preset (str): ``'paper'``, ``'default'``, ``'finetune'`` or the path of a
                YAML file.
            overrides (iterable of str): *E.g.*, ``'train.lr=3e-5'``.

        Raises:
            ValueError: Naming the field, if it is unknown or of a wrong type, and the
                file, if it stands there.
        """
        path = str(preset)
        if path in presets():
            path = str(files('eega_pyg') / 'presets' / f'{path}.yaml')
        if not os.path.isfile(path):
            raise ValueError(f"There is no preset or file {short(preset)} (presets: "
                             f"{', '.join(presets())})")
        value = read_yaml(path)
        value = {} if value is None else _without_removed(value)
        own = ''
        try:
            cls.from_dict(value)
        except ValueError as e:
            own = str(e)
        try:
            return cls._valid(_replaced(value, overrides))
        except ValueError as e:
            raise ValueError(f'{path}: {e}' if str(e) == own else str(e)) from None

    @classmethod
    def from_dict(cls, value: Any) -> 'Config':
        r"""The inverse of :meth:`to_dict`; absent fields have their defaults."""
        return cls._valid(_without_removed(value))

    @classmethod
    def _valid(cls, value: Any) -> 'Config':
        with located():
            return cls.model_validate(value)

    def to_dict(self) -> Dict[str, Any]:
        r"""Plain dicts and lists."""
        return self.model_dump(mode='json')


def presets() -> List[str]:
    r"""The names of the presets that come with the package."""
    folder = files('eega_pyg') / 'presets'
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith('.yaml'))


def _replaced(value: Any, overrides: Iterable[str]) -> Any:
    r"""A configuration with single fields replaced. A section that is not a mapping
    stays as it is, and the validation names it."""
    for override in overrides:
        parts = re.fullmatch(r'\s*(\w{1,40})\.(\w{1,40})\s*=(.*)', override, re.S)
        if parts is None:
            raise ValueError(f"Expected SECTION.FIELD=VALUE, e.g. train.lr=3e-5 "
                             f"(got {short(override)})")
        section, field, text = parts.groups()
        new = parse_yaml(text, f'--set {section}.{field}')
        if isinstance(value, dict) and isinstance(value.get(section, {}), dict):
            value = {**value, section: {**value.get(section, {}), field: new}}
    return value


def _without_removed(value: Any) -> Any:
    r"""A configuration without the fields that only version 0.1 reads."""
    if not isinstance(value, dict):
        return value
    out = dict(value)
    for section, removed in _REMOVED.items():
        if isinstance(out.get(section), dict):
            out[section] = {k: v for k, v in out[section].items() if k not in removed}
            for name in removed.keys() & value[section].keys():
                if value[section][name] != removed[name]:
                    warnings.warn(f"The option '{section}.{name}' was removed and is "
                                  f"ignored (got {short(value[section][name])})")
    return out
