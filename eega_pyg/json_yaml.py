r"""JSON and YAML, read with errors that name the place, and written as a line."""
import json
import math
import re
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple, Union

import yaml

from eega_pyg.files import short_reason

#: The most bytes that a YAML text may have, and how deep it may be nested.
MAX_YAML, MAX_YAML_DEPTH = 2**16, 8


def parse_json(content: Union[str, bytes], where: object = '') -> Any:
    r"""The value of a JSON text; a :class:`ValueError` says where it is broken."""
    place = f'{where}: ' if where else ''
    try:
        if isinstance(content, bytes):
            content = content.decode('utf-8-sig')
        return json.loads(content)
    except UnicodeDecodeError as e:
        raise ValueError(f'{place}not UTF-8: {e}') from None
    except (ValueError, RecursionError) as e:
        raise ValueError(f'{place}not valid JSON: {e}') from None


def read_json(path: Union[str, Path]) -> Any:
    r"""The value of a JSON file; a :class:`ValueError` names the file."""
    return parse_json(Path(path).read_bytes(), path)


def read_lines(path: Union[str, Path]) -> Iterator[Tuple[int, Any]]:
    r"""Yields the number and the value of each line of a file of JSON lines, without
    blank ones; a :class:`ValueError` names file and line."""
    with open(path, 'rb') as f:  # In bytes, where nothing but b'\n' ends a line.
        for number, line in enumerate(f, 1):
            if line.strip() == b'[':
                raise ValueError(f"{path}:{number}: begins a list over several lines: "
                                 f"put one object into each line ('eega convert' makes "
                                 f"such a file)")
            if line.strip():
                yield number, parse_json(line, f'{path}:{number}')


def json_text(value: Any, sort_keys: bool = False) -> str:
    r"""The JSON of a value in one line. What JSON does not know becomes a string, and a
    number that is none or infinite, which readers of JSON refuse, becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str,
                          sort_keys=sort_keys)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False,
                          default=str, sort_keys=sort_keys)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _YAMLLoader(yaml.SafeLoader):
    # What an unquoted scalar may be; everything else is a string.
    yaml_implicit_resolvers: Dict[str, Any] = {}
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        wrong = (
            'an alias' if isinstance(event, yaml.AliasEvent) else
            'a tag' if getattr(event, 'tag', None) is not None else
            f'more than {MAX_YAML_DEPTH} levels' if self.depth > MAX_YAML_DEPTH else '')
        if wrong:
            raise yaml.MarkedYAMLError(problem=f'{wrong}, which is not read',
                                       problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise yaml.MarkedYAMLError(problem='expected names, each of them once',
                                           problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ('null', r'~|null|Null|NULL|', ['~', 'n', 'N', '']),
    ('bool', 'yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|'
     'OFF', 'yYnNtTfFoO'),
    ('int', r'[-+]?(0|[1-9][0-9]{0,17})', '-+0123456789'),
    ('float', r'[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan',
     '-+.0123456789'),
):
    _YAMLLoader.add_implicit_resolver(f'tag:yaml.org,2002:{_tag}',
                                      re.compile(f'(?:{_pattern})$'), list(_first))


def parse_yaml(text: Union[str, bytes], where: str) -> Any:
    r"""Reads a small YAML document of names, lists, strings, numbers, booleans and
    nothing. Aliases, tags, dates and numbers in other bases have no meaning here, so
    that a short text cannot stand for a large value.

    Args:
        text (str or bytes): The document.
        where (str): What an error names, *e.g.*, the file.

    Raises:
        ValueError: In one line, if it is not YAML in UTF-8, larger than
            :obj:`MAX_YAML` bytes, nested deeper than :obj:`MAX_YAML_DEPTH`, or holds
            what is not read.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode('utf-8-sig')
        if len(text) > MAX_YAML:
            raise ValueError(f'longer than {MAX_YAML:,} bytes')
        value = yaml.load(text, _YAMLLoader)
        json.dumps(value, ensure_ascii=False).encode('utf-8')  # No half of a character.
        return value
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        line = '' if mark is None else f'line {mark.line + 1}: '
        raise ValueError(f'{where}: not valid YAML: {line}{e.problem}') from None
    except (yaml.YAMLError, ValueError, OverflowError) as e:
        raise ValueError(
            f'{where}: not valid YAML in UTF-8: {short_reason(e)}') from None


def read_yaml(path: Union[str, Path]) -> Any:
    r"""The value of a YAML file, as of :func:`parse_yaml`."""
    with open(path, 'rb') as file:
        return parse_yaml(file.read(MAX_YAML + 1), str(path))
