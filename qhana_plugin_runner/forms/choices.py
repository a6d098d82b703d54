"""The values that a field offers."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

import marshmallow as ma
from marshmallow.validate import And, OneOf

from .kinds import kind_of
from .values import plain_text


class Option(NamedTuple):
    """One choice of a select or a datalist."""

    value: str
    label: str
    selected: bool = False


def get_datalist_from_schema(
    schema: ma.Schema, key: str, extras: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str] | None:
    """Return the texts that a text input suggests, ``None`` when there are none.

    Args:
        schema: The schema of a form.
        key: The field, by its Python name or its data key.
        extras: Python name -> metadata that overrides the metadata of the field.
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

    The ``datalist`` of its metadata, else the entry for its Python name in the attribute
    ``datalists`` of the schema, else its choices.
    """
    listed = metadata.get("datalist")
    listed = listed or (getattr(schema, "datalists", None) or {}).get(name)
    return _options(listed) if listed else find_choices(schema.fields[name])


def find_choices(
    field: ma.fields.Field[Any], metadata: Mapping[str, Any] | None = None
) -> list[Option]:
    """Return the values that a field can have, when these are few and known.

    Args:
        field: The field; the choices of a list are those of its elements.
        metadata: Takes precedence over the metadata of the field.
    """
    listed = (metadata or {}).get("options") or field.metadata.get("options")
    if callable(listed):
        return _options(listed())
    if listed:
        return _options(listed)
    if isinstance(field, ma.fields.List):
        return find_choices(field.inner)
    if choices := kind_of(field).choices:
        return _options(choices(field))
    for validator in flat_validators(field.validators):
        if isinstance(validator, OneOf):
            labels = list(validator.labels or ())
            return _options(
                (choice, labels[index] if index < len(labels) else choice)
                for index, choice in enumerate(validator.choices)
            )
    return []


def flat_validators(validators: Iterable[Any]) -> Iterator[Any]:
    """Yield validators, those inside of ``And`` one by one."""
    for validator in validators:
        if isinstance(validator, And):
            yield from flat_validators(validator.validators)
        else:
            yield validator


def _options(given: Any) -> list[Option]:
    """Read options given as a mapping value -> label, as pairs, as values or as an enum."""
    if isinstance(given, Mapping):
        given = given.items()
    pairs = (
        each if isinstance(each, (tuple, list)) and len(each) == 2 else (each, each)
        for each in given
    )
    return [Option(plain_text(value), plain_text(label)) for value, label in pairs]


def select_options(
    field: ma.fields.Field[Any], options: Iterable[Option], values: Iterable[Any]
) -> list[Option]:
    """Mark the options that the values stand for; enum members match by name or by value."""
    write = kind_of(field).text
    chosen = set()
    for value in values:
        chosen |= {plain_text(value), write(field, value)}
        if isinstance(value, Enum):
            chosen.add(plain_text(value.value))
    return [each._replace(selected=each.value in chosen) for each in options]
