r"""The architecture of a text encoder, as a file may give it."""
import math
from typing import Any, Mapping

from eega_pyg.schema import short

# Sizes of which there has to be one at least, in any kind that has them.
_SIZES = ('dim', 'embedding_size', 'hidden_dim', 'hidden_size', 'intermediate_size',
          'max_position_embeddings', 'n_heads', 'n_layers', 'num_attention_heads',
          'num_hidden_layers', 'vocab_size')
# Kinds that add the embedding of a type, the first one, to every piece.
_WITH_TYPES = ('albert', 'bert', 'camembert', 'electra', 'roberta', 'xlm-roberta')
#: Entries of the largest matrix that an encoder may have.
_LARGEST = 2**32


def check_architecture(kind: str, config: Mapping[str, Any]) -> None:
    r"""Refuses a configuration of an encoder that would fail when it reads a text, or
    build what no memory holds.

    Args:
        kind (str): The ``model_type``.
        config (dict): The configuration, as in ``config.json``.

    Raises:
        ValueError: Naming the field.
    """
    def refuse(name: str, expected: str) -> None:
        raise ValueError(f"encoder.{name}: expected {expected} (got "
                         f"{short(config[name])})")

    for name, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            refuse(name, 'a finite number')
        if name.endswith('_eps') and not (type(value) in (int, float) and value > 0):
            refuse(name, 'a number above 0')
        if name == 'is_decoder' and not isinstance(value, bool):
            refuse(name, 'true or false')
        if (name.endswith('_prob') or 'dropout' in name) and value is not None:
            if (isinstance(value, bool) or not isinstance(value, (int, float))
                    or not 0 <= value <= 1):
                refuse(name, 'a number from 0 to 1')
    sizes = [name for name in _SIZES if name in config]
    if kind in _WITH_TYPES and 'type_vocab_size' in config:
        sizes.append('type_vocab_size')
    for name in sizes:
        if type(config[name]) is not int or config[name] < 1:
            refuse(name, 'a whole number above 0')
    width = max((config[name] for name in ('dim', 'hidden_size') if name in config),
                default=1)
    for name in sizes:
        if config[name] * width > _LARGEST:
            refuse(name, f'at most {_LARGEST // width}')
    pad = config.get('pad_token_id')
    vocab_size = config.get('vocab_size')
    if pad is not None and vocab_size is not None:
        if type(pad) is not int or not 0 <= pad < vocab_size:
            refuse('pad_token_id', f"a piece of the {vocab_size} in 'vocab_size'")
