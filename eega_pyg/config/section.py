r"""What the sections of a configuration have in common."""
import inspect
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator

from eega_pyg.schema import short


class Section(BaseModel):
    r"""A part of a configuration: a value that does not change, whose fields are as
    declared and whose docstring lists them."""
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False,
                              use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.__doc__ = f'{inspect.cleandoc(cls.__doc__ or "")}\n\nArgs:\n' + '\n'.join(
            f'    {name} ({_kind(info.annotation)}, optional): '
            f'{" ".join((info.description or "").split())} '
            f'(default: :obj:`{info.get_default(call_default_factory=True)!r}`)'
            for name, info in cls.model_fields.items())

    @model_validator(mode='before')
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in value:
                if name not in cls.model_fields:
                    raise ValueError(f"unknown field {short(name)} (known: "
                                     f"{', '.join(cls.model_fields)})")
        return value


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ' or '.join(map(repr, get_args(annotation)))
    if get_origin(annotation) is Union:  # With `None`.
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        return f'sequence of {_kind(get_args(annotation)[0])}'
    return annotation.__name__
