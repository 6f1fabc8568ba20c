r"""The checkpoints of a run: written so that the last one is never lost, and read with
their checksums."""
import io
import os
import warnings
from pathlib import Path
from typing import Any, Dict, Optional, Set, Union

import torch
from lightning.pytorch.plugins.io import CheckpointIO

from eega_pyg.files import atomic, check_zip, short_reason

#: The file of the last epoch, that of the one before, and that of the best one.
LAST, BEFORE, BEST = 'last.ckpt', 'last.before.ckpt', 'best.ckpt'
_WEIGHTS = {'state_dict', 'epoch'}
_WHOLE = {*_WEIGHTS, 'callbacks', 'loops', 'lr_schedulers', 'optimizer_states', 'rng'}


class SafeCheckpointIO(CheckpointIO):
    r"""Writes checkpoints beside their place and moves them there when they are on the
    disk, so that neither a full disk nor a kill destroys the one that is there.
    Lightning writes into the temporary folder and copies from there where that is on
    another file system. Of :obj:`LAST`, the one before is kept as :obj:`BEFORE`."""
    def save_checkpoint(self, checkpoint: Dict[str, Any], path: Union[str, Path],
                        storage_options: Optional[Any] = None) -> None:
        write_checkpoint(checkpoint, Path(path), keep=Path(path).name == LAST)

    def load_checkpoint(self, path: Union[str, Path], map_location: Any = None,
                        weights_only: Optional[bool] = None) -> Dict[str, Any]:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Union[str, Path]) -> None:
        Path(path).unlink(missing_ok=True)


def write_checkpoint(checkpoint: Dict[str, Any], path: Path,
                     keep: bool = False) -> None:
    r"""Writes a checkpoint in one step.

    Args:
        checkpoint (dict): Its content.
        path (Path): The file.
        keep (bool, optional): If set to :obj:`True`, the file that was there becomes
            :obj:`BEFORE`. (default: :obj:`False`)

    Raises:
        OSError: Naming the file, if it cannot be written.
    """
    content = io.BytesIO()
    torch.save(checkpoint, content)
    try:
        with atomic(path) as temporary:
            with open(temporary, 'wb') as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())  # Before the one that is kept is moved.
            if keep and path.is_file():
                os.replace(path, path.with_name(BEFORE))
    except OSError as e:
        before = ('the checkpoint before it stays, and the run can be resumed from '
                  'there'
                  if path.with_name(LAST).is_file() else 'there is no checkpoint yet')
        raise OSError(f"'{path}' cannot be written ({e.strerror or e}): "
                      f"{before}") from None


def read_checkpoint(path: Path, whole: bool = True) -> Dict[str, Any]:
    r"""Reads a checkpoint. Objects of any class are never unpickled.

    Args:
        path (Path): The file.
        whole (bool, optional): If set to :obj:`False`, its weights are enough.
            (default: :obj:`True`)

    Raises:
        ValueError: Naming the file, if it is missing, damaged, or something else.
    """
    try:
        check_zip(path)
        checkpoint = torch.load(path, weights_only=True, map_location='cpu')
    except MemoryError:
        raise
    except Exception as e:  # A damaged file may raise nearly anything.
        raise ValueError(f"'{path}' is not a checkpoint of a run, or it is damaged: "
                         f"{short_reason(e)}") from None
    keys: Set[str] = _WHOLE if whole else _WEIGHTS
    missing = keys - set(checkpoint) if isinstance(checkpoint, dict) else keys
    if missing:
        raise ValueError(f"'{path}' is not a checkpoint of a run: it lacks "
                         f"'{min(missing)}'")
    return checkpoint


def find_last(folder: Path) -> Optional[Path]:
    r"""The checkpoint that a run goes on with; :obj:`None` if there is none. If
    :obj:`LAST` is damaged or missing, :obj:`BEFORE` takes its place, with a warning.

    Raises:
        ValueError: Naming both, if there are some and none of them is whole.
    """
    last, before = folder / LAST, folder / BEFORE
    wrong = f"There is no '{last}'"
    if last.exists():
        try:
            read_checkpoint(last)
            return last
        except ValueError as e:
            wrong = str(e)
    elif not before.exists():
        return None
    try:
        read_checkpoint(before)
    except ValueError:
        raise ValueError(f"{wrong}. There is no whole '{before}' either: remove "
                         f"'{folder}' to begin anew") from None
    if last.exists():
        warnings.warn(f"{wrong}. The run goes on with the epoch before it")
    os.replace(before, last)
    return last


def finish(folder: Path) -> None:
    r"""Removes what only a stopped run needs when a run has ended: the state of the
    optimiser, the epoch before the last, and pretrained weights. The weights of the
    last and of the best epoch remain, so that the run can go on to more epochs."""
    last = folder / LAST
    checkpoint = read_checkpoint(last)
    states = checkpoint['optimizer_states']
    if any(state['state'] for state in states):
        checkpoint['optimizer_states'] = [{**state, 'state': {}} for state in states]
        write_checkpoint(checkpoint, last)
    for name in (BEFORE, 'encoder.safetensors'):
        (folder / name).unlink(missing_ok=True)
