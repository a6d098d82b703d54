"""The values that a field offers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import marshmallow as ma
from marshmallow.validate import OneOf

from ..api.extra_fields import EnumField
from .checks import flat_validators
from .values import plain_text

__all__ = [
    "Option",
    "find_choices",
    "find_suggestions",
    "get_datalist_from_schema",
    "select_options",
]


@dataclass(frozen=True)
class Option:
    """One choice of a select or a datalist."""

    value: str
    label: str
    selected: bool = False


def get_datalist_from_schema(
    schema: ma.Schema | ma.fields.Field[Any], name: str | None = None
) -> list[Option]:
    """Return what a text input suggests: the ``datalist`` of the metadata, else the choices.

    Parameters:
        schema: the schema of a form, or one of its fields.
        name: the Python name of the field; not needed with a field.
    """
    if not isinstance(schema, ma.Schema):
        return find_suggestions(schema, schema.metadata)
    if name is None:
        raise TypeError(
            "get_datalist_from_schema needs the name of a field with a schema"
        )
    return find_suggestions(schema.fields[name], schema.fields[name].metadata)


def find_suggestions(
    field: ma.fields.Field[Any], metadata: Mapping[str, Any]
) -> list[Option]:
    """Return what an input with this metadata suggests."""
    listed = metadata.get("datalist")
    return _options(listed) if listed else find_choices(field, {})


def find_choices(
    field: ma.fields.Field[Any], metadata: Mapping[str, Any] | None = None
) -> list[Option]:
    """Return the values that a field can have, when these are few and known.

    Parameters:
        metadata: looked at before that of the field.
    """
    listed = (metadata or {}).get("options") or field.metadata.get("options")
    if listed:
        return _options(listed)
    if isinstance(field, ma.fields.List):
        return find_choices(field.inner)
    if isinstance(field, ma.fields.Enum):
        return _members(field)
    for validator in flat_validators(field.validators):
        if isinstance(validator, OneOf):
            labels = list(validator.labels or ())
            choices = [plain_text(choice) for choice in validator.choices]
            labels += choices[len(labels) :]
            return [Option(choice, str(label)) for choice, label in zip(choices, labels)]
    return []


def _members(field: ma.fields.Enum[Any]) -> list[Option]:
    # Without a blank option browsers choose the first one where a person should.
    blank = [Option("", "")] if field.required or field.allow_none else []
    return blank + [
        Option(
            plain_text(field._serialize(member, "", None)),
            member.value if isinstance(member.value, str) else member.name,
        )
        for member in field.enum
    ]


def _options(given: Any) -> list[Option]:
    """Read options given as a mapping value -> label, as pairs, as values or as an enum."""
    if isinstance(given, Mapping):
        pairs: Iterable[Any] = given.items()
    else:
        pairs = [
            each if isinstance(each, (tuple, list)) and len(each) == 2 else (each, each)
            for each in given
        ]
    return [Option(plain_text(value), plain_text(label)) for value, label in pairs]


def select_options(
    field: ma.fields.Field[Any], options: Iterable[Option], values: Iterable[Any]
) -> list[Option]:
    """Mark the options that the values stand for."""
    chosen = {spelling for value in values for spelling in _spellings(field, value)}
    return [replace(each, selected=each.value in chosen) for each in options]


def _spellings(field: ma.fields.Field[Any], value: Any) -> set[str]:
    """Return the texts for a value; members of enums are known by name or by value."""
    found = {plain_text(value)}
    if isinstance(value, Enum):
        found.add(plain_text(value.value))
    elif isinstance(field, EnumField) and field.use_value:
        found |= {
            member.name for member in field.enum_type if str(member.value) == str(value)
        }
    return found
