r"""What a run that goes on must have in common with the run that was stopped."""
import json
from pathlib import Path
from typing import Any

from eega_pyg.config import Config
from eega_pyg.files import write_text
from eega_pyg.json_yaml import read_json, read_yaml
from eega_pyg.schema import listed


def goes_further(path: Path, config: Config) -> bool:
    r"""Whether a run goes on to more epochs than its configuration in a file says; a
    :class:`ValueError` if anything else is different but its devices and
    ``train.start_share``, which is used when it has ended."""
    earlier, asked = Config.from_dict(read_yaml(path)), config.train
    before = earlier.train
    larger = {
        name: max(getattr(before, name), getattr(asked, name))
        for name in ('epochs', 'patience')
    }
    others = {
        name: getattr(asked, name)
        for name in ('devices', 'nodes', 'strategy', 'num_workers', 'start_share')
    }
    train = before.model_copy(update={**larger, **others})
    expected = earlier.model_copy(update={'train': train})
    if expected != config:
        own, other = expected.to_dict(), config.to_dict()
        names = [
            f'{part}.{name}' for part, values in own.items() for name in values
            if values[name] != other[part][name]
        ]
        raise ValueError(
            f"The run in '{path.parent.parent}' has another configuration (see "
            f"'{path}', {listed(names)}): only train.epochs and train.patience may be "
            f"larger, and the devices and train.start_share may be others")
    return any(getattr(before, name) != value for name, value in larger.items())


def check_same(path: Path, value: Any, started: bool, what: str) -> None:
    r"""Notes in a file what a run depends on, or compares it with what was noted when
    the run was started.

    Raises:
        ValueError: Saying that the run was :obj:`what`, if it is not the same.
    """
    if not started:
        write_text(path, json.dumps(value) + '\n')
    elif path.is_file() and read_json(path) != value:
        raise ValueError(f"The run in '{path.parent.parent}' {what} (see '{path}'): "
                         f"give it the same, or choose another folder")
