r"""Weights in less space: half precision, a byte a weight, or left out where the public
text encoder has them."""
from pathlib import Path
from typing import Any, Dict, Mapping

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from eega_pyg.files import short_reason
from eega_pyg.identity import tensors_sha256
from eega_pyg.nn.models import EEGA
from eega_pyg.resolve import load_encoder
from eega_pyg.saving.folder import PIPELINE

#: How weights may be stored. They are always computed with in single precision.
DTYPES = ('float32', 'float16', 'bfloat16', 'int8')

# The encoder's place in the model.
_PREFIX = 'text_encoder.encoder.'
# Beside each matrix of integers, what its rows are to be multiplied by.
_SCALE = '.scale'


def load_small(model: EEGA, path: Path, weights: Any) -> None:
    r"""Fills a model from a shrunk file and the public text encoder.

    Args:
        model (EEGA): The model, with any weights.
        path (Path): The file with the weights that were kept.
        weights (dict): What ``pipeline.json`` says about those that were not.

    Raises:
        ValueError: Naming the file, if something is missing or the public encoder's
            weights are not those that were left out.
        OSError: If the public text encoder cannot be had.
    """
    _check(path, weights)
    names = [*weights['omitted'], *weights['based']]
    public = public_state(weights['encoder']) if names else {}
    if missing := [name for name in names if name not in public]:
        raise ValueError(f"{path}: '{missing[0]}' is to be taken from the text encoder "
                         f"'{weights['encoder']}', which has no such weight")
    public = {name: public[name] for name in names}
    if tensors_sha256(public) != weights['sha256']:
        raise ValueError(f"{path}: the text encoder '{weights['encoder']}' found here "
                         f"is not the one this model was trained on (its checksum "
                         f"differs): install the version the model card names")
    try:
        state = _restored(safetensors.torch.load_file(path))
        for name in weights['based']:
            state[name] = public[name] + state[name]
        model.load_state_dict({**state, **{k: public[k] for k in weights['omitted']}})
    except (KeyError, RuntimeError, safetensors.SafetensorError) as e:
        raise ValueError(f"{path}: does not fit 'config.json': "
                         f"{short_reason(e, 200)}") from None


def public_state(encoder: str) -> Dict[str, Tensor]:
    r"""The weights of a public text encoder, by their names in the model."""
    return {
        _PREFIX + name: tensor
        for name, tensor in load_encoder(encoder).state_dict().items()
    }


def cast(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    # A copy, since safetensors writes no two tensors that share their memory.
    if not tensor.is_floating_point():
        return tensor.clone(memory_format=torch.contiguous_format)
    out = tensor.to(dtype, copy=True)
    if not out.isfinite().all():
        raise ValueError(f"'{name}' is out of the range of {dtype}: use bfloat16")
    return out.contiguous()


def quantized(state: Mapping[str, Tensor], based: Mapping[str,
                                                          Tensor]) -> Dict[str, Tensor]:
    out: Dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.dim() < 2 or not tensor.is_floating_point():
            out[name] = cast(name, tensor, torch.float16)
            continue
        rest = tensor - based[name] if name in based else tensor
        scale = rest.abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
        out[name] = (rest / scale).round().to(torch.int8)
        out[name + _SCALE] = scale
    return out


def _restored(stored: Dict[str, Tensor]) -> Dict[str, Tensor]:
    out = dict(stored)
    for name, tensor in stored.items():
        # A layer may have weights called "scale" of its own.
        if tensor.dtype == torch.int8 and name + _SCALE in out:
            out[name] = tensor * out.pop(name + _SCALE)
    return out


def _check(path: Path, weights: Any) -> None:
    fields = {
        'dtype': str,
        'encoder': str,
        'omitted': list,
        'based': list,
        'sha256': str
    }
    where = path.with_name(PIPELINE)
    if not isinstance(weights, dict) or not all(
            isinstance(weights.get(k), kind) for k, kind in fields.items()):
        raise ValueError(f"{where}: weights: expected the fields {sorted(fields)}")
    for field in ('omitted', 'based'):
        if not all(isinstance(name, str) for name in weights[field]):
            raise ValueError(f"{where}: weights.{field}: expected a list of names")
