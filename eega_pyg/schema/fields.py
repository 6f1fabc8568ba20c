r"""The fields that a person gives of a text: those with a meaning, and all others."""
import warnings
from difflib import get_close_matches
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .checks import short

#: What JMERE and others call a field of a text.
OTHER_NAMES = {'img_id': 'image_id'}


def split_fields(
    value: Mapping[str, Any], names: Sequence[str], needed: Sequence[str] = ()
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    r"""The fields with a meaning, and all others as metadata. Those that are ``null``
    are absent; one whose name is nearly that of a field is warned of.

    Args:
        value (dict): All fields.
        names (sequence of str): The names of those with a meaning.
        needed (sequence of str, optional): Of these, one has to be there.
            (default: none)

    Raises:
        ValueError: Naming the first of :obj:`needed`, if none of them is there.
    """
    known: Dict[str, Any] = {}
    metadata: Dict[str, Any] = {}
    others: List[str] = []
    for name, content in value.items():
        name = OTHER_NAMES.get(name, name)
        if name == 'metadata' and isinstance(content, dict):
            metadata.update(content)
        elif name not in names:
            metadata[name] = content
            others.append(name)
        elif content is not None:
            known[name] = content
    if needed and not known.keys() & set(needed):
        fields = ', '.join(map(str, value)) or 'none'
        raise ValueError(f"missing '{needed[0]}' (fields: {short(fields)[1:-1]})")
    for name in others:
        if meant := get_close_matches(str(name).lower(), names, 1, 0.8):
            warnings.warn(f"The field {short(name)} is passed on as metadata: was "
                          f"'{meant[0]}' meant?")
    return known, metadata
