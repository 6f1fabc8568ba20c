r"""Fields of results and of knowledge graphs that were read from files; each function
raises a :class:`ValueError` that names the field."""
from sys import float_info
from typing import Any, Mapping, Optional, Tuple

_KINDS = {
    str: 'a string',
    int: 'a whole number',
    bool: 'true or false',
    list: 'a list',
    Mapping: 'an object',
}


def field(value: Any, where: str, name: str, kind: Any) -> Any:
    r"""A field of a type.

    Args:
        value (dict): What has the field.
        where (str): What comes before the field's name in an error.
        name (str): The field.
        kind (type): :obj:`str`, :obj:`int`, :obj:`bool`, :obj:`list` or
            :class:`~typing.Mapping`; a :obj:`bool` is no :obj:`int`.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{where.rstrip('.') or 'a result'}: expected an object (got "
                         f"{value!r})")
    if name not in value:
        raise ValueError(f"{where}{name}: is missing")
    found = value[name]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise ValueError(f"{where}{name}: expected {_KINDS[kind]} (got {found!r})")
    return found


def share(value: Any, where: str, name: str) -> float:
    r"""A number from zero to one."""
    found = value.get(name)
    if (not isinstance(found, (int, float)) or isinstance(found, bool)
            or not 0 <= found <= 1):
        raise ValueError(f"{where}{name}: expected a number in [0, 1] (got {found!r})")
    return float(found)


def characters(start: Any, end: Any, where: str, size: int) -> Tuple[int, int]:
    r"""First and one-past-last character in a text of some size."""
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= size:
        raise ValueError(f"{where}: expected 0 <= start < end <= {size} (got {start}, "
                         f"{end})")
    return start, end


def box(value: Any, where: str) -> Optional[Tuple[float, float, float, float]]:
    r"""Four numbers, or none."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 4 or not all(
            isinstance(v, (int, float)) and abs(v) <= float_info.max for v in value):
        raise ValueError(f"{where}box: expected four numbers (got {value!r})")
    x1, y1, x2, y2 = map(float, value)
    return x1, y1, x2, y2
