"""What a form does with each kind of field, and what each type of input can hold: two tables."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from ..api.extra_fields import EnumField

__all__ = ["INPUTS", "FieldKind", "InputKind", "input_kind", "kind_of"]


@dataclass(frozen=True)
class FieldKind:
    """What a form does with the fields of some classes.

    Attributes:
        classes: of the fields.
        input: the type of the input, or a function that finds it for a field.
        step: of an input whose values have an order.
        is_switch: a checkbox that is off has to send something, though browsers send nothing
            for it; such a box is never required, as that would mean to tick it.
    """

    classes: tuple[type, ...]
    input: str | Callable[[Any], str] = "text"
    step: str | None = None
    is_switch: bool = False

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


_KINDS = (
    FieldKind((Upload,), "file"),
    FieldKind((EnumField, ma.fields.Enum), "select"),
    FieldKind((ma.fields.Boolean,), "checkbox", is_switch=True),
    FieldKind((ma.fields.Integer,), "number", step="1"),
    FieldKind((ma.fields.Number, ma.fields.TimeDelta), "number", step="any"),
    FieldKind((ma.fields.Email,), "email"),
    FieldKind((ma.fields.Url,), _url_input),
    FieldKind((ma.fields.DateTime, ma.fields.Date, ma.fields.Time), _time_input),
    FieldKind((ma.fields.Raw, ma.fields.Mapping, ma.fields.Nested), "textarea"),
    FieldKind((ma.fields.Field,)),
)
"""The first row of whose classes a field is counts."""


def kind_of(field: ma.fields.Field[Any]) -> FieldKind:
    """Return the kind of a field; that of a list is the one of its elements."""
    if isinstance(field, ma.fields.List):
        return kind_of(field.inner)
    return next(kind for kind in _KINDS if isinstance(field, kind.classes))


@dataclass(frozen=True)
class InputKind:
    """What a type of input can do.

    Attributes:
        is_text: knows lengths and patterns, and may have a button to choose a file or plugin.
        is_ordered: knows limits and steps.
        suggests: may have a list of suggestions.
        hold: returns a text as the input can hold it, or ``None`` when it cannot.
        instead: the input for a text that this one cannot hold.
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

INPUTS = {
    **dict.fromkeys(("text", "text_with_datalist", "search", "tel"), _LINE),
    "url": InputKind(is_text=True, suggests=True),
    "email": InputKind(is_text=True, suggests=True),
    "password": InputKind(is_text=True),
    "textarea": InputKind(is_text=True),
    "number": InputKind(is_ordered=True, suggests=True, hold=_as_number),
    "range": InputKind(is_ordered=True, suggests=True, hold=_as_number),
    "date": InputKind(is_ordered=True, suggests=True, hold=_as_date),
    "time": InputKind(is_ordered=True, suggests=True, hold=_as_time),
    "datetime-local": InputKind(is_ordered=True, suggests=True, hold=_as_local_time),
    "month": InputKind(
        is_ordered=True, suggests=True, hold=_matching(r"[0-9]{4,}-[0-9]{2}")
    ),
    "week": InputKind(
        is_ordered=True, suggests=True, hold=_matching(r"[0-9]{4,}-W[0-9]{2}")
    ),
    "color": InputKind(hold=_matching("#[0-9a-fA-F]{6}")),
    **dict.fromkeys(("hidden", "checkbox", "radio", "select", "file"), InputKind()),
}
"""What is known of the types of inputs; browsers treat any other type as text."""


def input_kind(input_type: str) -> InputKind:
    """Return what a type of input can do."""
    return INPUTS.get(input_type, _LINE)
