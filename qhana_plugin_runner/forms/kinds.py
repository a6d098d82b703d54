"""What a form does with each kind of field, and what each type of input can hold: two tables."""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from .fields import CSVList, EnumField, FileUrl, PluginUrl, SecretField
from .values import plain_text


@dataclass(frozen=True)
class FieldKind:
    """What a form does with the fields of some classes.

    Attributes:
        classes: The classes of the fields.
        input: The type of the input, or a function that finds it for a field.
        step: The ``step`` of an input whose values have an order.
        is_switch: A checkbox that is off has to send something, though browsers send nothing
            for it; such a box is never required, as that would mean to tick it.
        picks: What the choose button picks: ``data``, ``plugin``, or nothing.
        text: Writes a value of a field into an input.
        choices: Finds the values of a field: values, or pairs of value and label.
    """

    classes: tuple[type, ...]
    input: str | Callable[[Any], str] = "text"
    step: str | None = None
    is_switch: bool = False
    picks: str | None = None
    text: Callable[[Any, Any], str] = lambda _field, value: plain_text(value)
    choices: Callable[[Any], Iterable[Any]] | None = None

    def input_type(self, field: ma.fields.Field[Any]) -> str:
        """Return the type of input for a field of this kind."""
        return self.input if isinstance(self.input, str) else self.input(field)


def _time_input(field: Any) -> str:
    """Browsers send ISO format without a time zone; fields that want another one get text."""
    is_day = getattr(field, "format", None) == "%Y-%m-%d"
    if not is_day and getattr(field, "format", None) not in (None, "iso", "iso8601"):
        return "text"
    if isinstance(field, ma.fields.AwareDateTime) and field.default_timezone is None:
        return "text"
    if isinstance(field, ma.fields.Time):
        return "time"
    return "date" if is_day or isinstance(field, ma.fields.Date) else "datetime-local"


def _url_input(field: Any) -> str:
    """Browsers accept only absolute URLs in inputs of the type "url"."""
    return "text" if field.relative else "url"


def _list_text(field: Any, value: Any) -> str:
    if not isinstance(value, (list, tuple, set)):
        return plain_text(value)
    element = field.element_type
    return ",".join(kind_of(element).text(element, each) for each in value)


def _duration_text(field: Any, value: Any) -> str:
    is_duration = isinstance(value, dt.timedelta)
    return plain_text(field._serialize(value, "", None) if is_duration else value)


def _member_text(field: Any, value: Any) -> str:
    """Write the name of a member, which may be given by its value, too."""
    for member in field.enum_type if field.use_value else ():
        if str(member.value) == str(value):
            return str(member.name)
    return plain_text(value)


def _members(field: Any) -> list[tuple[Any, str]]:
    blank = [("", "")] if field.allow_none and not field.required else []
    return blank + [
        (
            field._serialize(member, "", None),
            member.value if isinstance(member.value, str) else member.name,
        )
        for member in field.enum
    ]


_KINDS = (
    FieldKind((Upload,), "file"),
    FieldKind((EnumField,), "select", text=_member_text),
    FieldKind((ma.fields.Enum,), "select", choices=_members),
    FieldKind((ma.fields.Boolean,), "checkbox", is_switch=True),
    FieldKind((ma.fields.Integer,), "number", step="1"),
    FieldKind((ma.fields.Number,), "number", step="any"),
    FieldKind((ma.fields.TimeDelta,), "number", step="any", text=_duration_text),
    FieldKind((ma.fields.Email,), "email"),
    FieldKind((FileUrl,), _url_input, picks="data"),
    FieldKind((PluginUrl,), _url_input, picks="plugin"),
    FieldKind((ma.fields.Url,), _url_input),
    FieldKind((ma.fields.DateTime, ma.fields.Date, ma.fields.Time), _time_input),
    FieldKind((ma.fields.Raw, ma.fields.Mapping, ma.fields.Nested), "textarea"),
    FieldKind((SecretField,), "password", text=lambda _field, _value: ""),
    FieldKind((CSVList,), text=_list_text),
    FieldKind((ma.fields.Field,)),
)
"""The first row that has a class of the field counts. A new kind of field is a row here."""


def kind_of(field: ma.fields.Field[Any]) -> FieldKind:
    """Return the kind of a field; the kind of a list is that of its elements."""
    if isinstance(field, ma.fields.List):
        return kind_of(field.inner)
    field_class: Any = type(field)
    return _kind_of_class(field_class)


@lru_cache(maxsize=500)
def _kind_of_class(field_class: type[Any]) -> FieldKind:
    return next(kind for kind in _KINDS if issubclass(field_class, kind.classes))


@dataclass(frozen=True)
class InputKind:
    """What an input of some type can do.

    Attributes:
        is_text: It takes lengths and a pattern.
        is_ordered: It takes a range and a step.
        suggests: It shows a list of suggestions.
        hold: Writes a text as the input holds it; ``None`` when it cannot.
        instead: The input for a text that this one cannot hold.
    """

    is_text: bool = False
    is_ordered: bool = False
    suggests: bool = False
    hold: Callable[[Any, str], str | None] = lambda _field, text: text
    instead: str = "text"


def _as_line(_field: Any, text: str) -> str | None:
    return None if "\n" in text or "\r" in text else text


def _as_number(_field: Any, text: str) -> str | None:
    number = text.strip().removeprefix("+")
    is_number = re.fullmatch(r"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?", number)
    return number if is_number else None


def _as_date(field: Any, text: str) -> str | None:
    day, _, time = (_as_local_time(field, text) or "").partition("T")
    return day if time == "00:00:00" else None


def _as_time(_field: Any, text: str) -> str | None:
    try:
        return _iso_text(dt.time.fromisoformat(text.strip()))
    except ValueError:
        return None


def _as_local_time(field: Any, text: str) -> str | None:
    """Write a point in time without its time zone, if the field knows that one."""
    try:
        moment = dt.datetime.fromisoformat(text.strip())
        zone = getattr(field, "timezone", None) or getattr(
            field, "default_timezone", None
        )
        if moment.tzinfo and zone:
            moment = moment.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):  # there are no years before 1 and after 9999
        return None
    return _iso_text(moment)


def _iso_text(value: dt.datetime | dt.time) -> str | None:
    if value.tzinfo or value.microsecond % 1000:
        return None  # browsers know neither
    return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")


def _matching(pattern: str) -> Callable[[Any, str], str | None]:
    return lambda _field, text: text if re.fullmatch(pattern, text) else None


_LINE = InputKind(is_text=True, suggests=True, hold=_as_line, instead="textarea")
_ordered = partial(InputKind, is_ordered=True, suggests=True)

INPUTS = {
    **dict.fromkeys(("text", "text_with_datalist", "search", "tel"), _LINE),
    "url": InputKind(is_text=True, suggests=True),
    "email": InputKind(is_text=True, suggests=True),
    "password": InputKind(is_text=True),
    "textarea": InputKind(is_text=True),
    "number": _ordered(hold=_as_number),
    "range": _ordered(hold=_as_number),
    "date": _ordered(hold=_as_date),
    "time": _ordered(hold=_as_time),
    "datetime-local": _ordered(hold=_as_local_time),
    "month": _ordered(hold=_matching(r"[0-9]{4,}-[0-9]{2}")),
    "week": _ordered(hold=_matching(r"[0-9]{4,}-W[0-9]{2}")),
    "color": InputKind(hold=_matching("#[0-9a-fA-F]{6}")),
    **dict.fromkeys(("hidden", "checkbox", "radio", "select", "file"), InputKind()),
}
"""Types of inputs; browsers treat any other type as text."""


def input_kind(input_type: str) -> InputKind:
    """Return what a type of input can do."""
    return INPUTS.get(input_type, _LINE)
