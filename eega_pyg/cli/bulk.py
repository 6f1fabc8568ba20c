r"""What ``eega extract`` does with ``--engine ray``."""
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer

from .console import note, shows_progress, tell


class Engine(str, Enum):
    none = 'none'
    ray = 'ray'


def only_ray(default: Any, text: str, **kwargs: Any) -> Any:
    r"""An option that means nothing without ``--engine ray``."""
    return typer.Option(default, show_default=False,
                        rich_help_panel='With --engine ray', help=text, **kwargs)


EngineOption = typer.Option(
    Engine.none, help='With "ray", files of JSON lines or Parquet are spread over '
    'processes and machines, and --output is a folder. The same command goes on where '
    'a stopped one has ended.')
Workers = only_ray(None, 'Processes, each with a model \\[default: 1].', min=1)
Cpus = only_ray(None, 'CPUs of each, which are its threads \\[default: 1].', min=0.0)
Gpus = only_ray(None, 'GPUs of each, e.g. 0.5 \\[default: 0].', min=0.0)
BlockSize = only_ray(None, 'Texts of a file of results \\[default: 1000].', min=1)
Key = only_ray(None, 'The field that tells texts apart \\[default: their file and '
               'line].')
RetryErrors = typer.Option(
    None, '--retry-errors', show_default=False, rich_help_panel='With --engine ray',
    help='Read blocks again of which an earlier run could not read some texts.')
Address = only_ray(
    None, 'The address of a Ray cluster, e.g. auto \\[default: Ray runs '
    'on this machine, for this command].')


def check_without_ray(options: Dict[str, Any]) -> None:
    r"""Raises a :class:`ValueError` if an option of Ray is given without it."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"--{name.replace('_', '-')} needs --engine ray")


def extract_in_bulk(sources: List[str], target: Optional[Path], form: Optional[str],
                    options: Dict[str, Any], **kwargs: Any) -> None:
    r"""Extracts from files with Ray, and says where the results are.

    Args:
        sources (list of str): Files, folders and patterns.
        target (Path, optional): The folder of the results.
        form (str, optional): Their form.
        options (dict): Options of Ray; those that are :obj:`None` are not given.
        **kwargs: Further arguments of :func:`eega_pyg.bulk.extract_files`.
    """
    from eega_pyg.bulk.job_folder import FORMS
    from eega_pyg.bulk.partitions import find_files
    if target is None:
        raise ValueError('--engine ray needs --output FOLDER')
    if form is not None and form not in FORMS:
        raise ValueError(f"--engine ray writes {' or '.join(FORMS)} (got {form})")
    if target.is_file():
        raise NotADirectoryError(f"'{target}' is a file: --engine ray writes a folder")
    if not sources:
        raise ValueError('Give files or folders of texts')
    paths = [path for source in sources for path in find_files(source)]
    from eega_pyg.bulk.ray_engine import extract_files
    given = {name: value for name, value in options.items() if value is not None}
    done = extract_files(paths, target, form=form or FORMS[0],
                         progress=shows_progress(), **given, **kwargs)
    kept = f', {done.kept} of which were there already' if done.kept else ''
    note(f"{done.items - done.errors} texts read; '{target}' holds {done.partitions} "
         f'files of results{kept}')
    wrong = done.errors + done.kept_errors
    if wrong:
        before = f' ({done.kept_errors} by an earlier run)' if done.kept_errors else ''
        tell(
            f"{wrong} texts could not be read{before}: '{target}/_errors' says why, "
            f'and --retry-errors reads their blocks again', '[yellow]warning:[/yellow]')
