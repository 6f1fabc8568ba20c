r"""Types of fields that are checked, and errors that say where a value is wrong."""
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Annotated, Any, Iterable, Iterator, List, Type, TypeVar

from pydantic import (
    AllowInfNan,
    ConfigDict,
    Field,
    Strict,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import dataclass_transform

Kind = TypeVar('Kind')

_NAME = r'[^\s\x1c-\x1f]'

#: Types of fields that pydantic checks. A string never holds half of a surrogate pair,
#: which JSON can write but no encoder takes; a :obj:`bool` is no number.
Text = Annotated[str, Strict(), Field(min_length=0)]
Name = Annotated[str, Strict(), Field(pattern=_NAME)]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Share = Annotated[Number, Field(ge=0, le=1)]
Index = Annotated[int, Strict(), Field(ge=0)]
Flag = Annotated[bool, Strict()]

# What pydantic expected, by the type of its error, where its own words are longer.
_EXPECTED = {
    'string_type': 'a string',
    'string_unicode': 'a string without half of a surrogate pair',
    'string_pattern_mismatch': 'a non-empty string',
    'string_too_short': 'a non-empty string',
    'int_type': 'a whole number',
    'float_type': 'a number',
    'bool_type': 'true or false',
    'greater_than': 'a number > {gt:.9g}',
    'greater_than_equal': 'a number >= {ge:.9g}',
    'less_than': 'a number < {lt:.9g}',
    'less_than_equal': 'a number <= {le:.9g}',
    'list_type': 'a list',
    'tuple_type': 'a list',
    'too_short': 'a length of at least {min_length}',
    'too_long': 'a length of at most {max_length}',
    'dict_type': 'an object',
    'model_type': 'an object',
    'dataclass_type': 'an object',
}


def first_error(error: ValidationError, where: str = '') -> ValueError:
    r"""The first thing that pydantic found wrong, in one line: ``objects[2].score:
    expected a number <= 1 (got 3)``.

    Args:
        error (pydantic.ValidationError): What was raised.
        where (str, optional): What stands in front, *e.g.*, a file and a line.
            (default: :obj:`''`)
    """
    errors = error.errors(include_url=False)
    first = errors[0]
    kind, value, context = first['type'], first['input'], first.get('ctx', {})
    place = list(first['loc'])
    if kind in ('missing', 'missing_argument'):
        name = place.pop()
        message = f"missing '{name}'"
        if isinstance(name, int):  # Of a list with a fixed length, with all after it.
            size = name + sum(e['loc'][:-1] == tuple(place) for e in errors)
            message = f"expected {size} values (got {short(value)})"
    elif kind in ('extra_forbidden', 'unexpected_keyword_argument'):
        message = f"unknown field {short(place.pop())}"
    elif kind == 'value_error':
        message = str(context['error'])
    elif context.get('pattern', _NAME) != _NAME:
        message = f"expected a match of {context['pattern']} (got {short(value)})"
    elif kind in _EXPECTED:
        message = f"expected {_EXPECTED[kind].format(**context)} (got {short(value)})"
    elif first['msg'].startswith('Input should be '):
        expected = first['msg'].removeprefix('Input should be ')
        message = f"expected {expected} (got {short(value)})"
    else:
        message = first['msg']
    path = ''.join(f'[{p}]' if isinstance(p, int) else f'.{short(p)[1:-1]}'
                   for p in place)
    return ValueError(': '.join(filter(None, (where, path.lstrip('.'), message))))


def short(value: Any) -> str:
    r"""A value for an error message: one line of 80 characters at most."""
    try:
        text = ' '.join(repr(value).split())
    except (ValueError, RecursionError):  # *E.g.*, an integer with too many digits.
        text = f'a huge {type(value).__name__}'
    return text if len(text) <= 80 else f'{text[:77]}...'


def listed(names: Iterable[str]) -> str:
    r"""Names for an error message: three hundred characters or so at most."""
    names = list(names)
    shown: List[str] = []
    while len(shown) < len(names) and sum(map(len, shown)) < 220:
        name = names[len(shown)]
        shown.append(name if len(name) <= 80 else f'{name[:77]}...')
    left = len(names) - len(shown)
    return ', '.join(shown) + (f' and {left} more' if left else '')


@contextmanager
def located(where: object = '') -> Iterator[None]:
    r"""Puts a place in front of the message of any :class:`ValueError` that the block
    raises. An error of pydantic is shortened by :func:`first_error`.

    Args:
        where (str or Path, optional): *E.g.*, a file, a line or a field. (default:
            :obj:`''`)
    """
    try:
        yield
    except ValidationError as e:
        raise first_error(e, str(where)) from None
    except ValueError as e:
        raise ValueError(f'{where}: {e}' if where else str(e)) from None


@dataclass_transform(frozen_default=True)
def record(kind: Type[Kind]) -> Type[Kind]:
    r"""Makes a class a frozen dataclass with checked fields.

    Its constructor raises a :class:`ValueError` of one line, see :func:`first_error`.
    Where pydantic reads it from an object of JSON, unknown fields are refused.
    """
    names = list(kind.__annotations__)

    def known(cls: Any, value: Any) -> Any:
        if isinstance(value, dict) and (unknown := value.keys() - set(names)):
            raise ValueError(f"unknown field {short(min(unknown, key=str))} (known: "
                             f"{', '.join(names)})")
        return value

    validator: Any = classmethod(known)
    setattr(kind, '_known', model_validator(mode='before')(validator))
    made: Any = pydantic_dataclass(kind, frozen=True, config=ConfigDict(extra='forbid'))
    construct = made.__init__

    @wraps(construct)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) <= len(names):  # By name, so that an error can give it.
            args, kwargs = (), dict(zip(names, args), **kwargs)
        try:
            construct(self, *args, **kwargs)
        except ValidationError as e:
            raise first_error(e) from None

    made.__init__ = checked
    return made


def validated(kind: Any, value: Any, where: object = '') -> Any:
    r"""Makes a value of some type from plain values, *e.g.*, those of JSON.

    Args:
        kind (type): A :func:`record`, another dataclass, a ``TypedDict`` or a type of
            :mod:`typing`.
        value (Any): The value.
        where (str or Path, optional): What stands in front of an error. (default:
            :obj:`''`)

    Raises:
        ValueError: In one line, see :func:`first_error`.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as e:
        raise first_error(e, str(where)) from None


@lru_cache(maxsize=None)
def _adapter(kind: Any) -> 'TypeAdapter[Any]':
    return TypeAdapter(kind)
