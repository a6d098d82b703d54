"""Values as the inputs of a form hold them.

A form is shown with what it sent before (texts) or with what a schema loaded (dates, members of
enums, ...); both become the same texts here.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any

import marshmallow as ma

from ..util import strict_json
from ..util.library_texts import translate_known


def plain_text(value: Any) -> str:
    """Write a value, whatever field it belongs to.

    >>> plain_text(True), plain_text(None), plain_text(datetime(2030, 1, 2, 3, 4))
    ('true', '', '2030-01-02T03:04:00')
    """
    match value:
        case str() if type(value) is str:
            return value
        case None:
            return ""
        case Enum():
            return value.name
        case bool():
            return "true" if value else "false"
        case datetime() | time():
            unit = "milliseconds" if value.microsecond else "seconds"
            return value.isoformat(timespec=unit)
        case date():
            return value.isoformat()
        case set() | frozenset():
            return strict_json.dumps(sorted(map(plain_text, value)), ensure_ascii=False)
        case Mapping() | list() | tuple():
            return strict_json.dumps(value, default=plain_text, ensure_ascii=False)
    return str(value)


def find_values(values: Any, key: str, many: bool) -> list[Any] | None:
    """Return what a mapping or MultiDict holds for a key, ``None`` when it is absent.

    Args:
        values: The mapping or MultiDict.
        key: The data key of a field.
        many: Whether the field is a list, so that each of several values counts.
    """
    if not values or key not in values:
        return None
    found = values.getlist(key) if hasattr(values, "getlist") else [values[key]]
    if not many:
        return list(found[:1])
    # A list that a schema has loaded is one value.
    return [
        part
        for each in found
        for part in (each if isinstance(each, (list, tuple, set, frozenset)) else [each])
    ]


def default_values(field: ma.fields.Field[Any], many: bool) -> list[Any]:
    """Return what an absent value loads as, so that the form shows what will be used."""
    default = field.load_default
    if default is ma.missing or default is None or callable(default):
        return []
    is_list = many and isinstance(default, (list, tuple, set))
    return list(default) if is_list else [default]


def messages(errors: Any, prefix: str = "") -> list[str]:
    """Flatten what marshmallow reports: texts, lists, or mappings from positions or keys.

    Texts of marshmallow itself are translated to the language of the request.

    >>> messages({0: ["Not a number."], "unit": {"name": ["Unknown."]}})
    ['1: Not a number.', 'unit: name: Unknown.']
    """
    if not errors:
        return []
    if isinstance(errors, Mapping):
        return [
            message
            for key, nested in errors.items()
            for message in messages(
                nested, f"{prefix}{key + 1 if isinstance(key, int) else key}: "
            )
        ]
    if isinstance(errors, str) or not isinstance(errors, Iterable):
        return [f"{prefix}{translate_known(str(errors))}"]
    return [message for each in errors for message in messages(each, prefix)]
