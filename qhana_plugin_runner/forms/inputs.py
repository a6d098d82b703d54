"""Which kind of input a field gets."""

from typing import Any

import marshmallow as ma

from .attributes import Attributes
from .checks import validation_attrs
from .choices import find_choices
from .kinds import kind_of

__all__ = ["get_input_attr_step", "get_input_type", "get_validation_attrs"]


def get_input_type(field: ma.fields.Field[Any]) -> str:
    """Return the type of input for a field: that of its metadata, else one for its class.

    Beside the types of ``<input>`` there are ``textarea``, ``select`` and
    ``text_with_datalist``.
    """
    chosen = field.metadata.get("input_type")
    if chosen:
        return str(chosen)
    if isinstance(field, ma.fields.List):
        return "select" if find_choices(field.inner) else get_input_type(field.inner)
    return kind_of(field).input_type(field)


def get_input_attr_step(field: ma.fields.Field[Any]) -> str | None:
    """Return the ``step`` of a field's input; ``None`` when it needs none."""
    step = field.metadata.get("step")
    if step is not None:
        return str(step)
    return (
        get_input_attr_step(field.inner)
        if isinstance(field, ma.fields.List)
        else kind_of(field).step
    )


def get_validation_attrs(field: ma.fields.Field[Any]) -> Attributes:
    """Return the attributes by which a browser checks what the field's validators check.

    ``required``, ``min``, ``max``, ``step``, ``minlength``, ``maxlength`` and ``pattern``, with
    the validator's own message as ``title``.
    """
    attributes = validation_attrs(field, get_input_type(field))
    step = get_input_attr_step(field)
    return Attributes(attributes, step=step) if step is not None else attributes
