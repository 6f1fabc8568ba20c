r"""What tells the weights of a network from others."""
import hashlib

import torch


def state_digest(model: torch.nn.Module) -> str:
    r"""A SHA-256 of names, types, shapes and values of a network's state."""
    out = hashlib.sha256()
    for name, value in model.state_dict().items():
        out.update(f'{name} {value.dtype} {list(value.shape)}'.encode())
        # As bytes: not every type has one in NumPy.
        out.update(value.detach().cpu().contiguous().reshape(-1).view(
            torch.uint8).numpy())
    return out.hexdigest()
