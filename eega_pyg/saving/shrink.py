r"""Saved models without what the public text encoder has too."""
import json
from pathlib import Path
from typing import Any, Dict, Optional, Union

import safetensors.torch
import torch
from torch import Tensor

from eega_pyg.files import atomic, write_text
from eega_pyg.identity import tensors_sha256
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.saving.folder import (
    PIPELINE,
    WEIGHTS,
    copy_model,
    find_folder,
    read_pipeline,
)
from eega_pyg.saving.saved_model import load_model
from eega_pyg.saving.weights import DTYPES, cast, public_state, quantized


def shrink(source: Union[str, Path], target: Union[str, Path], dtype: str = 'float16',
           conv: Optional[OwnConv] = None, fusion: Optional[OwnFusion] = None) -> int:
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
        conv, fusion (torch.nn.Module or callable, optional): The graph layer and the
            fusion, if the model has one of your own, see :func:`load_model`.
            (default: :obj:`None`)

    Returns:
        The size of the new folder in bytes.

    Raises:
        ValueError: If the folders are the same, the dtype is unknown, a weight is out
            of its range, or the source is shrunk already.
        OSError: If the public text encoder cannot be had.
    """
    source, target = find_folder(source), Path(target)
    if dtype not in DTYPES:
        raise ValueError(f"Expected a dtype of {', '.join(DTYPES)} (got '{dtype}')")
    if target.exists() and source.resolve() == target.resolve():
        raise ValueError(f"'{target}' is the model itself: choose another folder")
    model = load_model(source, conv=conv, fusion=fusion).model
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
        kept = quantized(changed, based)
    else:
        kept = {k: cast(k, v, getattr(torch, dtype)) for k, v in changed.items()}
    pipeline['weights'] = {
        'dtype': dtype,
        'encoder': encoder,
        'omitted': list(omitted),
        'based': list(based),
        'sha256': tensors_sha256({
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


def _note(weights: Dict[str, Any]) -> str:
    return (f"\nThe weights are stored in {weights['dtype']}. "
            f"{len(weights['omitted'])} tensors that are those of "
            f"`{weights['encoder']}` are left out and taken from there on loading.\n")
