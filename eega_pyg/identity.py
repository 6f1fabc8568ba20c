r"""What tells one input, file or network from another, the same in every process."""
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Union

if TYPE_CHECKING:
    from torch import Tensor


def sha256(content: Union[str, bytes]) -> str:
    r"""The SHA-256 of a text (as UTF-8) or of bytes."""
    if isinstance(content, str):
        content = content.encode('utf-8', 'surrogatepass')
    return hashlib.sha256(content).hexdigest()


def digest(value: Any) -> str:
    r"""A short SHA-256 of anything that JSON can hold."""
    return sha256(json.dumps(value, sort_keys=True))[:12]


def file_sha256(path: Union[str, Path]) -> str:
    r"""The SHA-256 of a file's content."""
    with open(path, 'rb') as f:
        total = hashlib.sha256()
        while block := f.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def tensors_sha256(tensors: Mapping[str, 'Tensor']) -> str:
    r"""A SHA-256 of names, types, shapes and values of tensors, *e.g.*, of a network's
    state; their order does not matter."""
    import torch
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f'{name} {tensor.dtype} {list(tensor.shape)}\n'.encode())
        # As bytes: not every type has one in NumPy.
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
