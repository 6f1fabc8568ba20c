r"""Saved models without what the public text encoder has too."""
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Mapping, Union

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from eega_pyg.atomic import atomic, write_text
from eega_pyg.nn.models import EEGA
from eega_pyg.saved_model import (
    PIPELINE,
    WEIGHTS,
    copy_model,
    load_model,
    read_pipeline,
)

#: How weights may be stored. They are always computed with in single precision.
DTYPES = ('float32', 'float16', 'bfloat16', 'int8')

# The encoder's place in the model.
_PREFIX = 'text_encoder.encoder.'
# Beside each matrix of integers, what its rows are to be multiplied by.
_SCALE = '.scale'


def shrink(source: Union[str, Path], target: Union[str, Path],
           dtype: str = 'float16') -> int:
    r"""Writes a saved model in less space.

    Weights that are, bit for bit, those of the public text encoder (its table of word
    pieces and whatever else was not trained) are left out; :func:`load_model` takes
    them from the public encoder again and makes sure that they are the same. All others
    are stored in :obj:`dtype`. With :obj:`"float32"` the loaded model is exactly the
    same. With :obj:`"int8"` a matrix is stored as integers and a scale a row, one of
    the encoder as its difference from the public one, which is small and so is known
    the better; vectors are stored in float16.

    Args:
        source (str or Path): A folder that ``eega train`` has written.
        target (str or Path): Another folder, created where it is not there.
        dtype (str, optional): One of :obj:`DTYPES`. (default: :obj:`"float16"`)

    Returns:
        The size of the new folder in bytes.

    Raises:
        ValueError: If the folders are the same, the dtype is unknown, a weight is out
            of its range, or the source is shrunk already.
        OSError: If the public text encoder cannot be had.
    """
    source, target = Path(source), Path(target)
    if dtype not in DTYPES:
        raise ValueError(f"Expected a dtype of {', '.join(DTYPES)} (got '{dtype}')")
    if target.exists() and source.resolve() == target.resolve():
        raise ValueError(f"'{target}' is the model itself: choose another folder")
    model = load_model(source).model
    pipeline = read_pipeline(source / PIPELINE)
    if 'weights' in pipeline:
        raise ValueError(f"'{source}' is shrunk already: use the model it was made of")

    encoder = pipeline['data']['encoder']
    state = model.state_dict()
    public = public_state(encoder)
    omitted = {
        name: public[name]
        for name in sorted(state)
        if name in public and torch.equal(public[name], state[name])
    }
    changed = {k: v for k, v in state.items() if k not in omitted}
    based: Dict[str, Tensor] = {}
    if dtype == 'int8':
        based = {
            k: public[k]
            for k, v in changed.items() if k in public and v.dim() > 1
        }
        kept = _quantized(changed, based)
    else:
        kept = {k: _cast(k, v, getattr(torch, dtype)) for k, v in changed.items()}
    pipeline['weights'] = {
        'dtype': dtype,
        'encoder': encoder,
        'omitted': list(omitted),
        'based': list(based),
        'sha256': _digest({
            **omitted,
            **based
        }),
    }
    copy_model(source, target)
    with atomic(target / WEIGHTS) as temporary:
        safetensors.torch.save_file(kept, temporary)
    write_text(target / PIPELINE, json.dumps(pipeline, indent=2) + '\n')
    card = target / 'README.md'
    if card.is_file():
        write_text(card, card.read_text(encoding='utf-8') + _note(pipeline['weights']))
    return sum(f.stat().st_size for f in target.iterdir() if f.is_file())


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
    if _digest(public) != weights['sha256']:
        raise ValueError(f"{path}: the text encoder '{weights['encoder']}' found here "
                         f"is not the one this model was trained on (its checksum "
                         f"differs): install the version the model card names")
    try:
        state = _restored(safetensors.torch.load_file(path))
        for name in weights['based']:
            state[name] = public[name] + state[name]
        model.load_state_dict({**state, **{k: public[k] for k in weights['omitted']}})
    except (KeyError, RuntimeError, safetensors.SafetensorError) as e:
        reason = ' '.join(str(e).split())[:200]
        raise ValueError(f"{path}: does not fit 'config.json': {reason}") from None


def public_state(encoder: str) -> Dict[str, Tensor]:
    r"""The weights of a public text encoder, by their names in the model."""
    from eega_pyg.resolve import load_encoder
    return {
        _PREFIX + name: tensor
        for name, tensor in load_encoder(encoder).state_dict().items()
    }


def _cast(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.contiguous()
    out = tensor.to(dtype)
    if not out.isfinite().all():
        raise ValueError(f"'{name}' is out of the range of {dtype}: use bfloat16")
    return out.contiguous()


def _quantized(state: Mapping[str, Tensor],
               based: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    out: Dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.dim() < 2 or not tensor.is_floating_point():
            out[name] = _cast(name, tensor, torch.float16)
            continue
        rest = tensor - based[name] if name in based else tensor
        scale = rest.abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
        out[name] = (rest / scale).round().to(torch.int8)
        out[name + _SCALE] = scale
    return out


def _restored(stored: Dict[str, Tensor]) -> Dict[str, Tensor]:
    return {
        name: tensor * stored[name + _SCALE] if name + _SCALE in stored else tensor
        for name, tensor in stored.items() if not name.endswith(_SCALE)
    }


def _digest(tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f'{name} {tensor.dtype} {list(tensor.shape)}\n'.encode())
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()


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


def _note(weights: Dict[str, Any]) -> str:
    return (f"\nThe weights are stored in {weights['dtype']}. "
            f"{len(weights['omitted'])} tensors that are those of "
            f"`{weights['encoder']}` are left out and taken from there on loading.\n")
