r"""Writes and reads collated graphs as tensors, strings and lists."""
import os
import pickle
from typing import Any, Dict, Sequence, Tuple

import torch
from torch_geometric.data import HeteroData, InMemoryDataset

from eega_pyg.files import atomic

#: Part of the name of every processed file. A change of the stores increases it.
SCHEMA_VERSION = 3


def save_graphs(data_list: Sequence[HeteroData], path: str) -> None:
    r"""Collates graphs and writes them into a file in one step."""
    data, slices = InMemoryDataset.collate(data_list)
    with atomic(path) as temporary:
        torch.save({
            'schema': SCHEMA_VERSION,
            'data': data.to_dict(),
            'slices': slices
        }, temporary)


def load_graphs(path: str) -> Tuple[HeteroData, Any]:
    r"""Reads what :func:`save_graphs` wrote. Objects of any class are never unpickled.

    Returns:
        The collated graphs and their slices.

    Raises:
        ValueError: If the file holds an object of any class, is damaged, or is of
            another schema. The file stays as it is, so that it can be examined.
    """
    advice = 'Delete it, or build the data set anew with force_reload=True'
    try:
        content: Dict[str, Any] = torch.load(path, weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(f"'{path}' holds more than tensors, strings and lists and was "
                         f"not read: it may run code. {advice}") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as e:
        if not os.path.isfile(path):
            raise
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ValueError(f"'{path}' is damaged: {reason}. {advice}") from None
    if (not isinstance(content, dict) or set(content) != {'schema', 'data', 'slices'}
            or content['schema'] != SCHEMA_VERSION
            or not isinstance(content['data'], dict)):
        raise ValueError(f"'{path}' is not a data set of schema {SCHEMA_VERSION}. "
                         f"{advice}")
    return HeteroData.from_dict(content['data']), content['slices']
