r"""Reading the JSON of others, with errors that name the file and the field."""
import json
import math
import os
from pathlib import Path
from typing import Any, List, Union


def read_json(path: Union[str, Path]) -> Any:
    r"""Reads a JSON file.

    Raises:
        OSError: If it cannot be opened.
        ValueError: Naming the file, if it is not JSON.
    """
    with open(path, 'rb') as f:
        content = f.read()
    try:
        return json.loads(content.decode('utf-8-sig'))
    except UnicodeDecodeError:
        raise ValueError(f"{os.fspath(path)}: not UTF-8") from None
    except (ValueError, RecursionError) as e:
        raise ValueError(f"{os.fspath(path)}: not valid JSON: {e}") from None


def expect_dict(where: str, value: Any, *keys: str) -> dict:
    r"""The value itself, if it is an object that has the keys."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object (got {short(value)})")
    for key in keys:
        if key not in value:
            raise ValueError(f"{where}: missing '{key}'")
    return value


def expect_list(where: str, value: Any) -> list:
    r"""The value itself, if it is a list."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list (got {short(value)})")
    return value


def expect_text(where: str, value: Any) -> str:
    r"""The value itself, if it is a string that holds anything."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: expected a non-empty string (got {short(value)})")
    try:  # An escape can make half of a character, which no encoder takes.
        value.encode('utf-8')
    except UnicodeEncodeError:
        raise ValueError(f"{where}: not valid Unicode (got {short(value)})") from None
    return value


def expect_index(where: str, value: Any, size: int) -> int:
    r"""The value itself, if it is an index into :obj:`size` items."""
    if type(value) is not int or not 0 <= value < size:
        raise ValueError(f"{where}: expected an index below {size} "
                         f"(got {short(value)})")
    return value


def expect_numbers(where: str, value: Any, size: int) -> List[float]:
    r"""The value itself, if it is a list of :obj:`size` finite numbers."""
    numbers = expect_list(where, value)
    if len(numbers) != size:
        raise ValueError(f"{where}: expected {size} numbers (got {len(numbers)})")
    return [expect_number(f'{where}[{i}]', n) for i, n in enumerate(numbers)]


def expect_number(where: str, value: Any) -> float:
    r"""The value as a float, if it is a finite number."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if math.isfinite(number := float(value)):
                return number
    except OverflowError:
        pass
    raise ValueError(f"{where}: expected a finite number (got {short(value)})")


def expect_score(where: str, value: Any) -> float:
    r"""The value as a float, if it is within ``[0, 1]``."""
    score = expect_number(where, value)
    if not 0 <= score <= 1:
        raise ValueError(f"{where}: expected a number in [0, 1] (got {short(value)})")
    return score


def short(value: Any) -> str:
    r"""A value for an error message, never longer than a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # An integer with too many digits.
        text = f'a huge {type(value).__name__}'
    return text if len(text) <= 60 else f'{text[:57]}...'
