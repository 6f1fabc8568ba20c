r"""The sizes of a model, as a file may give them."""
from typing import Any

from eega_pyg.schema import short

#: No table of a model has more rows.
MAX_SIZE = 2**24
_NAMES = ('dep', 'distance', 'ner', 'pmi', 'predicate', 'shape', 'upos')


def check_sizes(sizes: Any, feature_dim: Any, vector_dim: Any) -> None:
    r"""Refuses sizes that make no model.

    Raises:
        ValueError: Naming the field.
    """
    for name in _NAMES:
        size = sizes.get(name) if isinstance(sizes, dict) else None
        if type(size) is not int or not 1 <= size <= MAX_SIZE:
            raise ValueError(f"sizes.{name}: expected a whole number from 1 to "
                             f"{MAX_SIZE} (got {short(size)})")
    for name, dim in (('feature_dim', feature_dim), ('vector_dim', vector_dim)):
        if type(dim) is not int or not 0 <= dim <= MAX_SIZE:
            raise ValueError(f"{name}: expected a whole number from 0 to {MAX_SIZE} "
                             f"(got {short(dim)})")
