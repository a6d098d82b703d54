"""What a browser can check before a form is sent.

A browser must not refuse what the server accepts; so what HTML cannot say is left out.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import marshmallow as ma
from marshmallow.validate import And, Length, Range, Regexp

from .attributes import Attributes
from .kinds import input_kind, kind_of
from .patterns import html_pattern
from .values import plain_text

__all__ = ["flat_validators", "validation_attrs"]

_NEVER_REQUIRED = ("hidden", "select")
"""A browser that finds them empty refuses to send the form, and shows nobody why."""


def validation_attrs(field: ma.fields.Field[Any], input_type: str) -> Attributes:
    """Return the attributes for a field that is shown as a certain type of input."""
    attributes = Attributes()
    is_switch = input_type == "checkbox" and kind_of(field).is_switch
    if field.required and input_type not in _NEVER_REQUIRED and not is_switch:
        attributes["required"] = True
    checked = field.inner if isinstance(field, ma.fields.List) else field
    validators = list(flat_validators(checked.validators))
    kind = input_kind(input_type)
    if kind.is_ordered:
        attributes.update(
            _range_attrs(validators, isinstance(checked, ma.fields.Integer))
        )
    if kind.is_text:
        attributes.update(_length_attrs(validators))
        if input_type != "textarea":
            attributes.update(_pattern_attrs(validators))
    return attributes


def flat_validators(validators: Iterable[Any]) -> Iterator[Any]:
    """Yield validators, those inside of ``And`` one by one."""
    for validator in validators:
        if isinstance(validator, And):
            yield from flat_validators(validator.validators)
        else:
            yield validator


def _range_attrs(validators: Iterable[Any], whole: bool) -> Attributes:
    lowest: list[Any] = []
    highest: list[Any] = []
    for validator in validators:
        if not isinstance(validator, Range):
            continue
        low, high = validator.min, validator.max
        if low is not None:
            if whole:
                low = math.ceil(low) if validator.min_inclusive else math.floor(low) + 1
            lowest.append(low)
        if high is not None:
            if whole:
                high = (
                    math.floor(high) if validator.max_inclusive else math.ceil(high) - 1
                )
            highest.append(high)
    attributes = Attributes()
    if lowest:
        attributes["min"] = plain_text(max(lowest))
    if highest:
        attributes["max"] = plain_text(min(highest))
    return attributes


def _length_attrs(validators: Iterable[Any]) -> Attributes:
    lengths = [validator for validator in validators if isinstance(validator, Length)]
    shortest = [v.min if v.equal is None else v.equal for v in lengths]
    longest = [v.max if v.equal is None else v.equal for v in lengths]
    attributes = Attributes()
    if any(shortest):
        attributes["minlength"] = max(length for length in shortest if length)
    if any(length is not None for length in longest):
        attributes["maxlength"] = min(length for length in longest if length is not None)
    return attributes


def _pattern_attrs(validators: Iterable[Any]) -> Attributes:
    expressions = [validator for validator in validators if isinstance(validator, Regexp)]
    patterns = [html_pattern(validator.regex) for validator in expressions]
    if len(patterns) != 1 or patterns[0] is None:
        return Attributes()  # an input has one pattern; a part of the check would mislead
    attributes = Attributes(pattern=patterns[0])
    if expressions[0].error != Regexp.default_message:
        attributes["title"] = expressions[0].error
    return attributes
