r"""Inputs that are almost right: bytes and JSON values with a few things changed."""
import ast
import copy
import json
import random
from typing import Any, Callable, List, Tuple

# What a field may hold that nobody expected. Its strings have broken readers before:
# half of a surrogate pair, control and invisible characters, brackets, paths.
ODD: List[Any] = [
    None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**400, -0.0, 0.5, 1e308,
    float('nan'),
    float('inf'), '', ' ', 'a', '\ud800', '\x00', '\u200b', '\u202e', '[/x]', '{0}',
    '%s', '../x', 'x' * 5000, 'a\nb', '1', 'none', [], {}, [[]], [None], {
        '': None
    }, {
        'a': 1
    }, [1, 2], [0] * 50, ['a', 'b']
]


def value(start: Any, rng: random.Random) -> Any:
    r"""A JSON value with one to three of its parts changed."""
    start = copy.deepcopy(start)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        start = _changed(start, rng)
    return start


def _changed(start: Any, rng: random.Random) -> Any:
    places = _places(start)
    if not places or rng.random() < 0.02:
        return _odd(start, rng)
    holder, key = rng.choice(places)
    what = rng.random()
    if what < 0.15:
        del holder[key]
    elif what < 0.25 and isinstance(holder, list):
        holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
    elif what < 0.25:
        holder[rng.choice(('x', '', '\ud800', str(key) + 's'))] = holder.pop(key)
    elif what < 0.35:  # The value of another place.
        other, name = rng.choice(places)
        holder[key] = copy.deepcopy(other[name])
    else:
        holder[key] = _odd(holder[key], rng)
    return start


def _places(start: Any, limit: int = 300) -> List[Tuple[Any, Any]]:
    # As many of the outer as of the inner ones, in files of thousands of numbers too.
    found, level = [], [start] if isinstance(start, (dict, list)) else []
    while level and len(found) < limit:
        below = []
        for holder in level:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            for key in list(keys)[:40]:
                found.append((holder, key))
                if isinstance(holder[key], (dict, list)):
                    below.append(holder[key])
        level = below
    return found


def _odd(start: Any, rng: random.Random) -> Any:
    near: List[Any] = []
    if isinstance(start, bool):
        near = [not start, int(start)]
    elif isinstance(start, (int, float)):
        near = [start + 1, -start, start * 1000, start - 1]
    elif isinstance(start, str):
        near = [
            start + ' ', start[:-1],
            start.upper(), start * 3, [start], start + '\x00'
        ]
    elif isinstance(start, list):
        near = [start[:-1], start * 2, start[::-1], [start], dict(enumerate(start[:5]))]
    elif isinstance(start, dict):
        near = [list(start.items())[:5], [start], {**start, 'x': 1}]
    return rng.choice(near) if near and rng.random() < 0.4 else copy.deepcopy(
        rng.choice(ODD))


def raw(content: bytes, rng: random.Random) -> bytes:
    r"""Bytes of which a few were changed, removed, repeated or cut off."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        what, at = rng.randrange(7), rng.randrange(len(content) + 1)
        if what == 0:
            content[at:at + 1] = bytes([rng.randrange(256)])
        elif what == 1:
            del content[at:at + rng.choice((1, 2, 10, 1000))]
        elif what == 2:
            content[at:at] = content[at:at + rng.choice((1, 10, 100))]
        elif what == 3:
            del content[at:]
        elif what == 4:
            content[at:at] = rng.choice(
                (b'\x00', b'\xff', b'\xed\xa0\x80', b'"', b'{', b'}', b'[' * 2000,
                 b'\n', b'\r', b'\\ud800', b'9' * 5000, b'1e999', b'NaN',
                 b'\xef\xbb\xbf'))
        elif what == 5:
            content[:] = content[at:] + content[:at]
        else:
            content[:] = rng.choice((b'', b'\x00', b'null', b'[]', b'{}', b'""', b'0'))
    return bytes(content)


def _lines(parse: Callable[[str], Any], dump: Callable[[Any], str]) -> Any:
    def change(content: bytes, rng: random.Random) -> bytes:
        lines = content.decode().splitlines()
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(lines))
            try:
                lines[at] = dump(value(parse(lines[at]), rng))
            except (ValueError, SyntaxError):
                pass  # A line that was changed before and cannot be read any more.
        return '\n'.join(lines).encode(errors='surrogatepass')

    return change


json_lines = _lines(json.loads, json.dumps)
literal_lines = _lines(ast.literal_eval, repr)


def json_file(content: bytes, rng: random.Random) -> bytes:
    return json.dumps(value(json.loads(content), rng)).encode()


def either(structural: Callable[[bytes, random.Random], bytes]) -> Any:
    r"""Changes of the structure two times of three, of the bytes else."""
    def change(content: bytes, rng: random.Random) -> bytes:
        return raw(content, rng) if rng.random() < 1 / 3 else structural(content, rng)

    return change
