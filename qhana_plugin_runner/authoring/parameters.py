"""The parameters of a function, and the schema of the form that asks for them."""

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma

from ..forms.schemas import FrontendFormBaseSchema, camelcase
from ..util.docstrings import Texts
from .annotations import Field, Kind
from .errors import DeclarationError
from .fields import TYPES, element_of, make_field, unpack
from .task import Task


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        name: its name.
        kind: how its value is made of what the form has sent; ``None``: as it is.
        field: the field of the form; ``None`` for the task.
    """

    name: str
    kind: Kind | None
    field: ma.fields.Field[Any] | None

    @property
    def key(self) -> str:
        """Its name in forms, metadata and URLs."""
        return camelcase(self.name)

    @property
    def is_required(self) -> bool:
        """Whether forms have to send it."""
        return self.field is not None and self.field.required

    @property
    def element(self) -> ma.fields.Field[Any] | None:
        """The field, or that of its elements when it is a list."""
        return self.field.inner if isinstance(self.field, ma.fields.List) else self.field


def read_parameters(function: Callable[..., Any], texts: Texts) -> list[Parameter]:
    """Read the parameters of a function.

    Raises:
        DeclarationError: one of them cannot be a field of a form.
    """
    parameters = []
    keys: dict[str, str] = {}
    for parameter in inspect.signature(function).parameters.values():
        try:
            read = _read(function, parameter, texts.parameters.get(parameter.name, ""))
            if (other := keys.setdefault(read.key, read.name)) != read.name:
                raise DeclarationError(
                    f"is named {read.key!r} in the form, like {other!r}: rename one of them"
                )
        except DeclarationError as error:
            raise DeclarationError(
                f"{function.__name__}: the parameter {parameter.name!r} {error}"
            ) from None
        parameters.append(read)
    return parameters


def make_schema(
    name: str, module: str, parameters: Sequence[Parameter]
) -> type[FrontendFormBaseSchema]:
    """Make the class of the form's schema."""
    fields = {each.name: each.field for each in parameters if each.field is not None}
    schema = FrontendFormBaseSchema.from_dict(fields, name=f"{name}Schema")
    schema.__module__ = module
    return typing.cast(type[FrontendFormBaseSchema], schema)


def _read(
    function: Callable[..., Any], parameter: inspect.Parameter, described: str
) -> Parameter:
    _require_usable(parameter)
    wanted = unpack(evaluated(function, parameter.annotation))
    if wanted.type is Task:
        return Parameter(parameter.name, None, None)
    field = make_field(wanted, parameter.default, described)
    element = element_of(wanted.type)
    kind = (element or wanted).type
    return Parameter(parameter.name, kind if isinstance(kind, Kind) else None, field)


def _require_usable(parameter: inspect.Parameter) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise DeclarationError(
            "takes any number of arguments, but a form has a fixed number of fields: name "
            "each parameter"
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise DeclarationError("is positional-only: remove the `/` after it")
    if parameter.annotation is parameter.empty:
        raise DeclarationError(f"has no annotation: add its type, {TYPES}")
    if isinstance(parameter.default, Field):
        raise DeclarationError(
            f"has a Field as its default: write `{parameter.name}: Annotated[TYPE, Field(...)] "
            "= DEFAULT`"
        )
    if isinstance(parameter.default, (list, dict, set)):
        raise DeclarationError(
            "has a mutable default, which all calls would share: write "
            f"`{parameter.name}: Sequence[TYPE] = (...)`, or `list[TYPE] | None = None`"
        )


def evaluated(function: Callable[..., Any], annotation: Any) -> Any:
    """Return an annotation, which is a text with ``from __future__ import annotations``."""

    def only() -> None: ...

    only.__annotations__ = {"it": annotation}
    # Another decorator may come from another module.
    module: dict[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(only, module, include_extras=True)["it"]
    except Exception as error:  # foreign code
        raise DeclarationError(
            f"has an annotation that cannot be read ({error}): import what it names, outside of "
            "`if TYPE_CHECKING:`"
        ) from error
