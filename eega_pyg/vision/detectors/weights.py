r"""Weights of torchvision's detectors: downloaded, from a file, or random."""
import os
import pickle
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

import torch
from torch import Tensor, nn

from eega_pyg.files import short_reason

State = Dict[str, Tensor]


def coco_labels(kind: Any) -> List[str]:
    r"""The labels of COCO's classes, the background first.

    Args:
        kind (type): An enumeration of torchvision's weights.
    """
    return list(kind.DEFAULT.meta['categories'])


def load_weights(weights: Union[str, Path, None], kind: Any) -> Optional[State]:
    r"""Finds weights; nothing is unpickled.

    Args:
        weights (str or Path, optional): A member of :obj:`kind` by name, a file, or
            :obj:`None` for no weights.
        kind (type): An enumeration of torchvision's weights.

    Raises:
        OSError: If the file cannot be read or the download fails, telling what to do.
    """
    if weights is None:
        return None
    if str(weights) in kind.__members__:
        return _download(kind[str(weights)])
    path = os.fspath(weights)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"'{path}' is neither a file nor one of torchvision's "
                                f"weights ({', '.join(kind.__members__)})")
    try:
        if path.endswith('.safetensors'):
            from safetensors.torch import load_file
            state = load_file(path)
        else:
            state = torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError:
        raise OSError(f"'{path}' holds more than tensors and was not read: it may run "
                      f"code") from None
    except Exception as e:  # Each library has its own errors for a damaged file.
        raise OSError(
            f"'{path}' is no file of weights: {short_reason(e, 200)}") from None
    if not isinstance(state, dict) or not all(
            isinstance(v, Tensor) for v in state.values()):
        raise OSError(f"'{path}' is no file of weights: expected named tensors")
    return state


def fill(model: nn.Module, state: State, weights: Union[str, Path]) -> None:
    r"""Loads a state into a model; a :class:`ValueError` in one line if it is that of
    another network."""
    try:
        model.load_state_dict(state)
    except RuntimeError as e:
        raise ValueError(
            f"'{weights}' holds the weights of another network than "
            f"{model.__class__.__name__}: {short_reason(e, 200)}") from None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    r"""Random numbers from a seed inside the block, and as before after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _download(weights: Any) -> State:
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, HTTPException, RuntimeError, pickle.UnpicklingError) as e:
        file = os.path.join(torch.hub.get_dir(), 'checkpoints',
                            os.path.basename(weights.url))
        raise OSError(
            f"The detector's weights cannot be downloaded from "
            f"{weights.url} ({short_reason(e, 200)}): connect to the internet once, "
            f"save the file as '{file}' by other means, give a file of weights, "
            f"or describe the image by a caption or scene graph instead") from None
