r"""Small networks in a file each: weights and configuration, nothing that is run."""
import json
import os
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar, Union

import torch

from eega_pyg.files import atomic, short_reason

Network = TypeVar('Network', bound=torch.nn.Module)


def save_network(network: Any, path: Union[str, Path], form: str,
                 dtype: Optional[torch.dtype] = None) -> None:
    r"""Writes the weights of a network, and its attribute ``config``, to one
    safetensors file.

    Args:
        network (torch.nn.Module): The network.
        path (str or Path): The file.
        form (str): The name of the format, which the file carries.
        dtype (torch.dtype, optional): How weights are stored; by default as they are.
    """
    from safetensors.torch import save_file
    state = {
        k: v.to(dtype or v.dtype).contiguous()
        for k, v in network.state_dict().items()
    }
    with atomic(path) as temporary:
        save_file(state, temporary, {
            'format': form,
            'config': json.dumps(network.config)
        })


def load_network(make: Callable[..., Network], path: Union[str, Path], form: str,
                 what: str) -> Network:
    r"""Reads what :func:`save_network` has written.

    Args:
        make (callable): Makes the network from its configuration.
        path (str or Path): The file.
        form (str): The name of the format.
        what (str): What errors call it, *e.g.*, ``'predicate model'``.

    Raises:
        OSError: If the file is missing, damaged, or of another format.
    """
    from safetensors import SafetensorError, safe_open
    if not os.path.isfile(path):
        raise FileNotFoundError(f"'{path}': there is no such {what}")
    try:
        with safe_open(os.fspath(path), 'pt') as f:
            metadata = f.metadata() or {}
            state = {key: f.get_tensor(key) for key in f.keys()}
    except (SafetensorError, ValueError, OSError) as e:
        raise OSError(f"'{path}' is no safetensors file: {e}") from None
    if metadata.get('format') != form:
        raise OSError(f"'{path}' is no {what} of this library (format "
                      f"{metadata.get('format')!r}, expected '{form}')")
    try:
        network = make(**json.loads(metadata['config']))
        network.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as e:
        raise OSError(f"'{path}' is a damaged {what}: {short_reason(e, 200)}") from None
    return network.eval()
