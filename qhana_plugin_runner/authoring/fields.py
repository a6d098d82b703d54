"""The field of a form for a type, with what ``Field`` says about it."""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import marshmallow as ma
from marshmallow.validate import Length, OneOf, Range, Regexp

from ..forms.checks import simple_pattern
from ..forms.fields import EmptyIsNone, EnumField, FileUrl, PluginUrl, SecretField
from ..forms.values import messages
from ..util.content_types import CSV, JSON, JSON_LINES
from .annotations import Field, Kind
from .errors import DeclarationError

TYPES = (
    "int, float, bool, str, date, datetime, an Enum, Literal, list[...], File, Entities, "
    "PluginUrl, Secret, or one of them with `| None`"
)


class OptionalText(EmptyIsNone, ma.fields.String):
    """A text that is ``None`` when it was left empty."""


class OptionalNumber(EmptyIsNone, ma.fields.Integer):
    """A choice among whole numbers that is ``None`` when none was made."""


@dataclass(frozen=True)
class Wanted:
    """What an annotation asks for.

    Attributes:
        type: a Python type, or the kind of a parameter.
        options: what ``Field`` says.
        optional: whether ``None`` is among the values.
    """

    type: Any
    options: Field
    optional: bool


def unpack(annotation: Any) -> Wanted:
    """Take an annotation apart: what it is about is inside of ``Annotated`` and unions."""
    options: Field | None = None
    kind: Any = None
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            for extra in extras:
                if isinstance(extra, Kind):
                    kind = extra
                elif isinstance(extra, Field):
                    if options is not None:
                        raise DeclarationError("has two Field(...): keep one")
                    options = extra
                elif extra is Field:
                    raise DeclarationError(
                        "has `Field` without brackets: write `Field()`"
                    )
        elif get_origin(annotation) in (Union, types.UnionType):
            others = [each for each in get_args(annotation) if each is not type(None)]
            if len(others) != 1 or len(others) == len(get_args(annotation)):
                raise DeclarationError(f"has a union of types: use one of {TYPES}")
            optional, annotation = True, others[0]
        elif get_origin(annotation) is Literal and None in get_args(annotation):
            values = tuple(each for each in get_args(annotation) if each is not None)
            optional, annotation = True, Literal[values]
        else:
            if annotation == Literal[True, False]:
                annotation = bool
            return Wanted(kind or annotation, options or Field(), optional)


def element_of(wanted: Any) -> Wanted | None:
    """Return what the elements of a list are."""
    if get_origin(wanted) not in (list, Sequence):
        return None
    element = unpack(get_args(wanted)[0])
    if element.optional or element.type is Kind.SECRET or element_of(element.type):
        raise DeclarationError(
            "is a list of lists, secrets, or optional values: use a list of plain values"
        )
    return element


_SIMPLE: dict[Any, type[ma.fields.Field[Any]]] = {
    bool: ma.fields.Boolean,
    int: ma.fields.Integer,
    float: ma.fields.Float,
    str: ma.fields.String,
    datetime: ma.fields.NaiveDateTime,
    date: ma.fields.Date,
    Kind.ENTITIES: FileUrl,
    Kind.FILE: FileUrl,
    Kind.PLUGIN_URL: PluginUrl,
    Kind.SECRET: SecretField,
}

_SAMPLES = {int: 1, float: 1.0, datetime: datetime.max, date: date.max}
_TEXTS = (str, Kind.SECRET)

ENTITY_TYPES = (CSV, JSON, JSON_LINES)
"""The mime types that entities come in."""


def make_field(wanted: Wanted, default: Any, described: str) -> ma.fields.Field[Any]:
    options = wanted.options
    choices = _choices(wanted.type)
    validators = list(_validators(wanted.type, options))
    if choices:
        validators.append(OneOf(choices))
    arguments: dict[str, Any] = {
        "metadata": _metadata(wanted, described, choices),
        "validate": validators or None,
    }
    if default is not inspect.Parameter.empty:
        arguments["load_default"] = (
            list(default) if isinstance(default, tuple) else default
        )
    elif wanted.optional:
        arguments["load_default"] = None
    else:
        arguments["required"] = True
    if wanted.optional:
        arguments["allow_none"] = True
    if wanted.type is Kind.SECRET and arguments.get("load_default") is not None:
        raise DeclarationError(
            "is a Secret with a default, which everyone could read: remove the default"
        )
    field = _construct(wanted, choices, arguments)
    if default is not inspect.Parameter.empty:
        _require_valid_default(field, wanted, default)
    return field


def _construct(
    wanted: Wanted, choices: Sequence[Any], arguments: dict[str, Any]
) -> ma.fields.Field[Any]:
    if choices:
        is_text = isinstance(choices[0], str)
        if wanted.optional:
            return (OptionalText if is_text else OptionalNumber)(**arguments)
        return (ma.fields.String if is_text else ma.fields.Integer)(**arguments)
    if isinstance(wanted.type, type) and issubclass(wanted.type, Enum):
        return EnumField(wanted.type, **arguments)
    if (element := element_of(wanted.type)) is not None:
        inner = make_field(element, inspect.Parameter.empty, "")
        inner.required = False  # it is the list that has to be there
        return ma.fields.List(inner, **arguments)
    if wanted.type is str and wanted.optional:
        return OptionalText(**arguments)
    if wanted.type not in _SIMPLE:
        name = getattr(wanted.type, "__name__", None) or str(wanted.type)
        raise DeclarationError(
            f"has the type {name}, which forms do not support: use {TYPES}"
        )
    return _SIMPLE[wanted.type](**arguments)


def _choices(wanted: Any) -> tuple[Any, ...]:
    """Return the values of a ``Literal``."""
    if get_origin(wanted) is not Literal:
        return ()
    choices = get_args(wanted)
    if {type(each) for each in choices} not in ({str}, {int}):
        raise DeclarationError(
            "has a Literal that is neither of strings nor of integers: use one of these kinds, "
            "or an Enum"
        )
    return choices


def _metadata(wanted: Wanted, described: str, choices: Sequence[Any]) -> dict[str, Any]:
    """Return the metadata of a field: what the form shows, and what hosts choose by."""
    options = wanted.options
    is_data = wanted.type in (Kind.ENTITIES, Kind.FILE)
    if not is_data and (options.data_type or options.content_types):
        element = element_of(wanted.type)
        if element is not None and element.type in (Kind.ENTITIES, Kind.FILE):
            raise DeclarationError(
                "has a data_type or content_types, which belong to the files in the list: write "
                f"list[Annotated[{element.type.name.capitalize()}, Field(...)]]"
            )
        raise DeclarationError(
            "has a data_type or content_types, which only File and Entities have: remove them"
        )
    if isinstance(options.content_types, str):
        raise DeclarationError(
            f"has a string as content_types: write [{options.content_types!r}]"
        )
    metadata: dict[str, Any] = {
        "label": options.label,
        "description": options.description or described,
        "input_type": options.input_type,
        "data_content_types": list(options.content_types),
        "attributes_of": options.attributes_of,
        **_data_types(options.data_type),
    }
    if wanted.type is Kind.ENTITIES:
        metadata.setdefault("data_input_type", "entity/list")
        metadata["data_content_types"] = list(options.content_types or ENTITY_TYPES)
    if choices:
        metadata["input_type"] = options.input_type or "select"
    is_enum = isinstance(wanted.type, type) and issubclass(wanted.type, Enum)
    if wanted.optional and (choices or is_enum):
        metadata["options"] = {"": "", **{each: str(each) for each in choices}}
    given = {key: value for key, value in metadata.items() if value}
    return {**given, **(options.metadata or {})}


def _data_types(given: str | Sequence[str] | None) -> dict[str, Any]:
    """Return a data type for the form, and all of them for the metadata of the plugin.

    >>> _data_types(["custom/a", "custom/b"])
    {'data_input_type': 'custom/*', 'data_input_types': ['custom/a', 'custom/b']}
    """
    types = [given] if isinstance(given, str) else list(given or ())
    if len(types) < 2:
        return {"data_input_type": each for each in types}
    groups = {each.partition("/")[0] for each in types}
    common = f"{groups.pop()}/*" if len(groups) == 1 else "*"
    return {"data_input_type": common, "data_input_types": types}


def _validators(wanted: Any, options: Field) -> Iterator[Any]:
    """Yield the checks that an author asks for.

    Raises:
        DeclarationError: they make no sense for the type, or are never met.
    """
    low = _one_of(options, "ge", "gt")
    high = _one_of(options, "le", "lt")
    if low or high:
        if wanted not in _SAMPLES:
            raise DeclarationError(
                f"has a limit ({low or high}), which only numbers and dates have: remove it"
            )
        for each in filter(None, (low, high)):
            _require_comparable(wanted, each, getattr(options, each))
        limits = Range(
            min=getattr(options, low) if low else None,
            max=getattr(options, high) if high else None,
            min_inclusive=low != "gt",
            max_inclusive=high != "lt",
        )
        if limits.min is not None and limits.max is not None and limits.min > limits.max:
            raise DeclarationError(
                f"has the limits {low} and {high}, which no value meets"
            )
        yield limits
    if options.min_length is not None or options.max_length is not None:
        if wanted not in _TEXTS and element_of(wanted) is None:
            raise DeclarationError(
                "has a min_length or max_length, which only strings and lists have: remove them"
            )
        yield Length(min=options.min_length, max=options.max_length)
    if options.pattern is not None:
        if wanted not in _TEXTS:
            raise DeclarationError("has a pattern, which only strings have: remove it")
        try:
            # The page and its schema have only patterns that are anchored.
            anchored = re.compile(rf"{options.pattern}\Z")
            is_simple = simple_pattern(anchored) is not None
            yield _WholeText(anchored if is_simple else re.compile(options.pattern))
        except re.error as error:
            raise DeclarationError(
                f"has a pattern that is not a regular expression: {error}"
            ) from error
    if options.check is not None:
        yield partial(_checked, options.check)


def _checked(check: Callable[[Any], object], value: Any) -> None:
    try:
        check(value)
    except ValueError as error:
        raise ma.ValidationError(str(error)) from error


class _WholeText(Regexp):
    """Takes texts that match as a whole, as inputs of HTML do."""

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ma.ValidationError(self._format_error(value))
        return value


def _require_comparable(wanted: Any, name: str, limit: Any) -> None:
    """Refuse a limit that Python does not compare with the values, which have no time zone."""
    try:
        limit < _SAMPLES[wanted]
    except TypeError:
        raise DeclarationError(
            f"has the limit {name}={limit!r}, which cannot be compared with its values: write a "
            f"{wanted.__name__}{' without a time zone' if wanted is datetime else ''}"
        ) from None


def _one_of(options: Field, *names: str) -> str | None:
    given = [name for name in names if getattr(options, name) is not None]
    if len(given) > 1:
        raise DeclarationError(f"has both {' and '.join(given)}: remove one of them")
    return given[0] if given else None


def _require_valid_default(
    field: ma.fields.Field[Any], wanted: Wanted, default: Any
) -> None:
    if default is None:
        if not wanted.optional:
            raise DeclarationError("has the default None: add `| None` to its type")
        return
    try:
        sent_value(field, default)
    except ValueError as error:
        raise DeclarationError(
            f"has the default {default!r}, which is not valid: {error} Change one of them."
        ) from None


def sent_value(field: ma.fields.Field[Any], value: Any) -> Any:
    """Return a value of a field as a form sends it.

    Raises:
        ValueError: the field does not take it, or takes it for something else.
    """
    if value is None:
        return None
    if isinstance(value, tuple):
        value = list(value)
    try:
        sent = field.serialize("it", {"it": value})
        is_same = bool(field.deserialize(sent) == value)
    except ma.ValidationError as error:
        raise ValueError(" ".join(messages(error.messages))) from None
    except (TypeError, ValueError, AttributeError):
        is_same = False
    if not is_same or (
        isinstance(value, bool) and not isinstance(field, ma.fields.Boolean)
    ):
        raise ValueError("It does not have the type of the parameter.")
    return sent
