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
    schema: ma.Schema, key: str, extras: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str] | None:
    """Return the texts that a text input suggests, ``None`` when there are none.

    Parameters:
        schema: the schema of a form.
        key: the field, by its Python name or its data key.
        extras: Python name -> metadata that is laid over that of the field.
    """
    for name, field in schema.fields.items():
        if key in (name, field.data_key):
            metadata = {**field.metadata, **((extras or {}).get(name) or {})}
            found = find_suggestions(schema, name, metadata)
            return [each.value for each in found] or None
    return None


def find_suggestions(
    schema: ma.Schema, name: str, metadata: Mapping[str, Any]
) -> list[Option]:
    """Return what the input of a field suggests.

    The ``datalist`` of its metadata, else what the attribute ``datalists`` of the schema has for
    its Python name, else its choices.
    """
    listed = metadata.get("datalist") or (getattr(schema, "datalists", None) or {}).get(
        name
    )
    return _options(listed) if listed else find_choices(schema.fields[name], {})


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
    blank = [Option("", "")] if field.allow_none and not field.required else []
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
