r"""Writes and reads collated graphs as tensors, strings and lists."""
import os
import pickle
import warnings
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Sequence, Tuple, Union

import torch
from filelock import FileLock, Timeout
from torch_geometric.data import Data, HeteroData, InMemoryDataset
from torch_geometric.data.separate import separate

from eega_pyg.files import atomic, check_zip, remove_leftovers, short_reason

#: Part of the name of every processed file. A change of the stores increases it.
SCHEMA_VERSION = 5

_CLASSES = {'Data': Data, 'HeteroData': HeteroData}
_PLAIN = (bool, int, float, str, torch.Tensor, torch.nn.Parameter, type(None))


@contextmanager
def building(folder: str) -> Iterator[None]:
    r"""Lets one process at a time write into a folder, and removes the temporary files
    that killed ones have left there."""
    os.makedirs(folder, exist_ok=True)
    lock = FileLock(os.path.join(folder, '.lock'))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(f"Another process builds in '{folder}': waiting for it")
        lock.acquire()
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()


def save_graphs(data_list: Sequence[Union[Data, HeteroData]], path: str) -> None:
    r"""Collates graphs and writes them into a file in one step.

    Raises:
        ValueError: If they are not all of the class
            :class:`~torch_geometric.data.HeteroData` or all
            :class:`~torch_geometric.data.Data`, have no common attributes, or hold what
            :func:`load_graphs` would not read. No file is written then.
    """
    found = {type(data) for data in data_list}
    kind = next(iter(found))
    if len(found) > 1 or kind not in _CLASSES.values():
        raise ValueError(f"Expected graphs that are all HeteroData, or all Data, from "
                         f"the 'pre_transform' (got "
                         f"{', '.join(sorted(c.__name__ for c in found))})")
    try:
        data, slices = InMemoryDataset.collate(data_list)
    except Exception as e:  # Whatever PyG's collation runs into.
        raise ValueError(f"The graphs cannot be stored together: each must have the "
                         f"same attributes, with tensors of one rank "
                         f"({type(e).__name__}: {short_reason(e)})") from None
    content = {
        'schema': SCHEMA_VERSION,
        'class': kind.__name__,
        'data': data.to_dict(),
        'slices': slices
    }
    with atomic(path) as temporary:
        try:
            torch.save(content, temporary)
            torch.load(temporary, weights_only=True, mmap=True)
        except (pickle.PickleError, AttributeError, TypeError) as e:
            what = next(_foreign(content['data'], ''), short_reason(e))
            raise ValueError(
                f"What is no tensor, string, number, list or dict cannot be stored: "
                f"{what} (torch.from_numpy makes a tensor of an array)") from None


def _foreign(value: Any, name: str) -> Iterator[str]:
    r"""Names what is not plain in nested dicts and lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _foreign(inner, f'{name}.{key}' if name else str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _foreign(inner, name)
    elif type(value) not in _PLAIN:
        kind = type(value)
        yield (f"'{name.removeprefix('_global_store.')}' holds a "
               f"{kind.__module__}.{kind.__qualname__}")


def load_graphs(path: str) -> Tuple[Union[Data, HeteroData], Any]:
    r"""Reads what :func:`save_graphs` wrote. Objects of any class are never unpickled.

    Returns:
        The collated graphs and their slices.

    Raises:
        ValueError: If the file holds an object of any class, is damaged, or is of
            another schema. The file stays as it is, so that it can be examined.
        OSError: If there is no such file.
    """
    advice = 'Delete it, or build the data set anew with force_reload=True'
    try:
        with open(path, 'rb') as file:
            legacy = file.read(2) == b'\x80\x02'  # A pickle alone has no checksums.
        if not legacy:
            check_zip(path)
        content: Dict[str, Any] = torch.load(path, weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(f"'{path}' holds more than tensors, strings and lists and was "
                         f"not read: it may run code. {advice}") from None
    except MemoryError:
        raise
    except Exception as e:
        if not os.path.isfile(path):
            raise
        raise ValueError(f"'{path}' is damaged: {short_reason(e)}. {advice}") from None
    if (not isinstance(content, dict)
            or set(content) != {'schema', 'class', 'data', 'slices'}
            or content['schema'] != SCHEMA_VERSION):
        raise ValueError(f"'{path}' is not a data set of schema {SCHEMA_VERSION}. "
                         f"{advice}")
    try:
        data = _CLASSES[content['class']].from_dict(content['data'])
        _check(data, content['slices'])
    except Exception as e:  # Whatever PyG runs into.
        raise ValueError(f"'{path}' holds no graphs: {type(e).__name__}: "
                         f"{short_reason(e)}. {advice}") from None
    return data, content['slices']


def _bounds(slices: Any) -> Iterator[Any]:
    r"""Where graphs begin and end in each attribute; lists and dicts have several."""
    if isinstance(slices, (dict, list)):
        for inner in slices.values() if isinstance(slices, dict) else slices:
            yield from _bounds(inner)
    else:
        yield slices


def _check(data: Union[Data, HeteroData], slices: Any) -> None:
    r"""Takes the first and the last graph out."""
    if slices is None:
        return
    sizes = {len(bound) for bound in _bounds(slices)}
    if len(sizes) != 1:
        raise ValueError('they are of different numbers')
    for i in (0, sizes.pop() - 2):
        separate(data.__class__, data, i, slices, decrement=False)
