r"""The fields that a person gives of a text: those with a meaning, and all others."""
import warnings
from difflib import get_close_matches
from typing import Any, Dict, Mapping, Sequence, Tuple

from .checks import short

#: What JMERE and others call a field of a text.
OTHER_NAMES = {'img_id': 'image_id'}


def split_fields(value: Mapping[str, Any],
                 names: Sequence[str]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    r"""The fields with a meaning, and all others as metadata. Those that are ``null``
    are absent; one whose name is nearly that of a field is warned of."""
    known: Dict[str, Any] = {}
    metadata: Dict[str, Any] = {}
    for name, content in value.items():
        name = OTHER_NAMES.get(name, name)
        if name == 'metadata' and isinstance(content, dict):
            metadata.update(content)
        elif name not in names:
            metadata[name] = content
            if meant := get_close_matches(str(name).lower(), names, 1, 0.8):
                warnings.warn(f"The field {short(name)} is metadata: was '{meant[0]}' "
                              f"meant?")
        elif content is not None:
            known[name] = content
    return known, metadata
