"""Checks that a browser makes before a form is sent.

A browser must not refuse what the server accepts, so a check that HTML cannot express is left out.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

import marshmallow as ma
from marshmallow.validate import Length, Range, Regexp

from .attributes import Attributes
from .choices import find_choices, flat_validators
from .kinds import input_kind, kind_of
from .values import plain_text

_NEVER_REQUIRED = ("hidden", "select")
"""A browser that finds these empty refuses to send the form without showing the reason."""


def get_input_type(field: ma.fields.Field[Any]) -> str:
    """Return the type of input for a field: that of its metadata, else one for its class.

    Besides the types of ``<input>`` there are ``textarea``, ``select`` and
    ``text_with_datalist``.
    """
    if chosen := field.metadata.get("input_type"):
        return str(chosen)
    if isinstance(field, ma.fields.List):
        return "select" if find_choices(field.inner) else get_input_type(field.inner)
    return kind_of(field).input_type(field)


def get_input_attr_step(field: ma.fields.Field[Any]) -> str | None:
    """Return the ``step`` of a field's input; ``None`` when it needs none."""
    step = field.metadata.get("step")
    if step is not None:
        return str(step)
    if isinstance(field, ma.fields.List):
        return get_input_attr_step(field.inner)
    return kind_of(field).step


def get_validation_attrs(field: ma.fields.Field[Any]) -> Attributes:
    """Return the attributes by which a browser checks what the field's validators check.

    ``required``, ``min``, ``max``, ``step``, ``minlength``, ``maxlength`` and ``pattern``, with
    the validator's own message as ``title``.
    """
    attributes = validation_attrs(field, get_input_type(field))
    step = get_input_attr_step(field)
    return Attributes(attributes, step=step) if step is not None else attributes


def validation_attrs(field: ma.fields.Field[Any], input_type: str) -> Attributes:
    """Return the attributes for a field that is shown as a certain type of input."""
    attributes = Attributes()
    is_switch = input_type == "checkbox" and kind_of(field).is_switch
    if field.required and input_type not in _NEVER_REQUIRED and not is_switch:
        attributes["required"] = True
    checked = field.inner if isinstance(field, ma.fields.List) else field
    validators = list(flat_validators(checked.validators))
    if not validators:
        return attributes
    kind = input_kind(input_type)
    if kind.is_ordered:
        _add_range(attributes, validators, isinstance(checked, ma.fields.Integer))
    if kind.is_text:
        _add_length(attributes, validators)
        if input_type != "textarea":
            _add_pattern(attributes, validators)
    return attributes


def _add_range(attributes: Attributes, validators: Iterable[Any], whole: bool) -> None:
    lowest, highest = [], []
    for validator in validators:
        if not isinstance(validator, Range):
            continue
        low, high = validator.min, validator.max
        if whole and low is not None:
            low = math.ceil(low) if validator.min_inclusive else math.floor(low) + 1
        if whole and high is not None:
            high = math.floor(high) if validator.max_inclusive else math.ceil(high) - 1
        lowest += [] if low is None else [low]
        highest += [] if high is None else [high]
    if lowest:
        attributes["min"] = plain_text(max(lowest))
    if highest:
        attributes["max"] = plain_text(min(highest))


def _add_length(attributes: Attributes, validators: Iterable[Any]) -> None:
    lengths = [each for each in validators if isinstance(each, Length)]
    shortest = [each.min if each.equal is None else each.equal for each in lengths]
    longest = [each.max if each.equal is None else each.equal for each in lengths]
    if any(shortest):
        attributes["minlength"] = max(filter(None, shortest))
    if any(length is not None for length in longest):
        attributes["maxlength"] = min(length for length in longest if length is not None)


def _add_pattern(attributes: Attributes, validators: Iterable[Any]) -> None:
    expressions = [each for each in validators if isinstance(each, Regexp)]
    # An input has one pattern; one of several checks would mislead.
    pattern = html_pattern(expressions[0].regex) if len(expressions) == 1 else None
    if pattern is not None:
        attributes["pattern"] = pattern
        if expressions[0].error != Regexp.default_message:
            attributes["title"] = expressions[0].error


_SIMPLE_PATTERN = re.compile(
    r"""
    (?: \^ | \\A )?
    ( (?:
        (?: [A-Za-z0-9 _:,;=@\#-]                                   # a character
          | \\ [.*+?()|^$/]                                         # one that is escaped
          | \[ \^? (?: [A-Za-z0-9]-[A-Za-z0-9] | [A-Za-z0-9 _./*+] )+ -? \] )   # a set
        (?: [*+?] | \{ [0-9]+ (?: ,[0-9]* )? \} )?                  # how often
    )* )
    (?: \$ | \\Z )
    """,
    re.VERBOSE | re.ASCII,
)
"""Expressions that match whole texts and mean the same in Python and in JavaScript."""


def html_pattern(regex: re.Pattern[Any]) -> str | None:
    r"""Return the ``pattern`` of an input for an expression that a server applies.

    Returns:
        ``None`` for all but simple expressions: then only the server checks.

    >>> html_pattern(re.compile(r"^[a-z./-]+\.txt$"))
    '[a-z\\.\\/\\-]+\\.txt'
    >>> html_pattern(re.compile(r"\w+")) is None
    True
    """
    pattern = simple_pattern(regex)
    if pattern is None:
        return None
    # Browsers compile patterns with the flag "v", which wants punctuation in sets escaped.
    return re.sub(
        r"\[.+?\]", lambda part: re.sub(r"[./*+]|-(?=\])", r"\\\g<0>", part[0]), pattern
    )


def simple_pattern(regex: re.Pattern[Any]) -> str | None:
    """Return an expression for whole texts without the marks of their beginning and end.

    Returns:
        ``None`` for all but simple expressions, which mean the same everywhere.
    """
    if regex.flags != re.UNICODE:
        return None
    found = _SIMPLE_PATTERN.fullmatch(regex.pattern)
    return found[1] if found else None
