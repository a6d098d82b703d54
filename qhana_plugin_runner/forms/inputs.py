"""Which kind of input a field gets."""

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from ..api.extra_fields import EnumField
from .attributes import Attributes
from .checks import validation_attrs
from .choices import find_choices

__all__ = ["get_input_attr_step", "get_input_type", "get_validation_attrs"]


def get_input_type(field: ma.fields.Field[Any]) -> str:
    """Return the type of input for a field: that of its metadata, else one for its class.

    Beside the types of ``<input>`` there are ``textarea``, ``select`` and
    ``text_with_datalist``.
    """
    chosen = field.metadata.get("input_type")
    if chosen:
        return str(chosen)
    match field:
        case ma.fields.List():
            return "select" if find_choices(field.inner) else get_input_type(field.inner)
        case Upload():
            return "file"
        case EnumField() | ma.fields.Enum():
            return "select"
        case ma.fields.Boolean():
            return "checkbox"
        case ma.fields.Number() | ma.fields.TimeDelta():
            return "number"
        case ma.fields.Email():
            return "email"
        case ma.fields.Url():
            # Browsers accept only absolute URLs in inputs of the type "url".
            return "text" if field.relative else "url"
        case ma.fields.DateTime() | ma.fields.Date() | ma.fields.Time():
            return _time_input_type(field)
        case ma.fields.Raw() | ma.fields.Mapping() | ma.fields.Nested():
            return "textarea"
    return "text"


def _time_input_type(field: ma.fields.Field[Any]) -> str:
    """Choose the input of a point in time.

    Browsers send ISO format without a time zone; fields that want something else get text.
    """
    if getattr(field, "format", None) not in (None, "iso", "iso8601", "%Y-%m-%d"):
        return "text"
    match field:
        case ma.fields.Time():
            return "time"
        case ma.fields.Date():
            return "date"
        case ma.fields.AwareDateTime() if field.default_timezone is None:
            return "text"
    return "datetime-local"


def get_input_attr_step(field: ma.fields.Field[Any]) -> str:
    """Return the ``step`` of a field's input; the empty text when it needs none."""
    step = field.metadata.get("step")
    if step is not None:
        return str(step)
    if isinstance(field, ma.fields.List):
        return get_input_attr_step(field.inner)
    if isinstance(field, ma.fields.Integer):
        return "1"
    if isinstance(field, (ma.fields.Number, ma.fields.TimeDelta)):
        return "any"
    return ""


def get_validation_attrs(field: ma.fields.Field[Any]) -> Attributes:
    """Return the attributes by which a browser checks what the field's validators check.

    ``required``, ``min``, ``max``, ``minlength``, ``maxlength`` and ``pattern``, with the
    validator's own message as ``title``.
    """
    return validation_attrs(field, get_input_type(field))
