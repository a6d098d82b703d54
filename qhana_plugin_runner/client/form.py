"""Inputs as a form sends them, checked with the JSON Schema of the form where there is one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from difflib import get_close_matches
from enum import Enum
from numbers import Number
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from .errors import InvalidInputs
from .multipart import FileInput, is_file

_LISTS = (list, tuple, set, frozenset, range)
_SENDABLE = (str, Number, Enum, date, time, Mapping, type(None))

_LIMITS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (ge, "at least"),
    "maximum": (le, "at most"),
    "exclusiveMinimum": (gt, "greater than"),
    "exclusiveMaximum": (lt, "less than"),
}


class DataInput(NamedTuple):
    """The kind of files that an input takes.

    Attributes:
        data_type: Such as ``entity/list``; ``*`` for any.
        content_types: The mime types.
    """

    data_type: str = "*"
    content_types: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DataInput:
        """Read it from metadata or a JSON Schema."""
        return cls(data.get("dataType") or "*", tuple(data.get("contentType") or ()))


class FormData(NamedTuple):
    """What a form sends.

    Attributes:
        fields: Names and texts; a list has a field for each element.
        files: The files that the form itself takes, by name.
    """

    fields: list[tuple[str, str]]
    files: list[tuple[str, FileInput]]


Upload = Callable[[FileInput, DataInput], str]
"""Uploads a file for an input and returns its URL."""


class Form:
    """The inputs of a plugin or of a step.

    Args:
        label: What the form is of, for messages.
        schema: The JSON Schema, if there is one.
        data_inputs: The inputs that take the URL of a file.
    """

    def __init__(
        self,
        label: str,
        schema: Mapping[str, Any] | None,
        data_inputs: Mapping[str, DataInput],
    ) -> None:
        self.label = label
        self._schema = schema or {}
        self._fields: Mapping[str, Mapping[str, Any]] = self._schema.get("properties", {})
        self._data_inputs = dict(data_inputs)
        for name, field in self._fields.items():
            if "dataInput" in field:
                self._data_inputs[name] = DataInput.from_json(field["dataInput"])

    def fill(self, values: Mapping[str, Any], upload: Upload) -> FormData:
        """Turn inputs into what the form sends, and upload the files among them.

        Args:
            values: By the names of the fields of the form.
            upload: For files that are given to data inputs.

        Raises:
            InvalidInputs: Inputs are missing, unknown, or of a type that no form can send.
        """
        values = {name: _plain(value) for name, value in values.items()}
        self._check(values)
        data = FormData([], [])
        for name, value in values.items():
            texts = []
            for each in self._elements(name, value):
                if not is_file(each):
                    texts.append(_text(each, self._choices(name)))
                elif name in self._data_inputs:
                    texts.append(upload(each, self._data_inputs[name]))
                else:
                    data.files.append((name, each))
            if isinstance(value, _LISTS) and "string" in self._types(name):
                texts = [",".join(texts)]
            data.fields.extend((name, text) for text in texts)
        return data

    def _check(self, values: Mapping[str, Any]) -> None:
        """Refuse what the runner would not understand; it checks the rest."""
        errors: dict[str, list[str]] = {}
        for name, value in values.items():
            problem = self._stranger(name, values) or self._problem(name, value)
            if problem:
                errors[name] = [problem]
        for name in self._schema.get("required", ()):
            if values.get(name) is None:
                errors.setdefault(name, ["Required."])
        if errors:
            raise InvalidInputs(errors, self.label)

    def _stranger(self, name: str, values: Mapping[str, Any]) -> str | None:
        """Say what is wrong with a name that the schema does not have.

        Plugins may take more than their schemas name, so only what looks like a slip is refused,
        and files, which are sent for inputs only that take them.
        """
        if not self._fields or self._is_known(name):
            return None
        missing = [field for field in self._fields if field not in values]
        if close := get_close_matches(name, missing, 1):
            return f"There is no such input. Did you mean {close[0]}?"
        has_files = any(map(is_file, self._elements(name, values[name])))
        if has_files or self._schema.get("additionalProperties") is False:
            return f"There is no such input. There are: {', '.join(self._fields)}."
        message = f"{self.label} names no input {name!r} and may ignore it"
        warnings.warn(message, stacklevel=5)
        return None

    def _problem(self, name: str, value: Any) -> str | None:
        """Say why a value cannot be sent."""
        is_binary = self._field(name).get("format") == "binary"
        takes_files = is_binary or name in self._data_inputs or not self._is_known(name)
        for each in self._elements(name, value):
            if is_file(each):
                if not takes_files:
                    return "It takes no file. Give the content as a text."
            elif not isinstance(each, _SENDABLE) and not hasattr(each, "as_input"):
                kind = type(each).__name__
                return f"A {kind} cannot be sent. Save it to a file, and give its Path."
            elif problem := self._violation(name, each):
                return problem
        return None

    def _violation(self, name: str, value: Any) -> str | None:
        """Say what the schema has against a value."""
        choices, field = self._choices(name), self._element(name)
        if choices and value != "" and _text(value, choices) not in choices:
            return f"Must be one of: {', '.join(filter(None, choices))}."
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return None
        for keyword, (is_right, words) in _LIMITS.items():
            if keyword in field and not is_right(value, field[keyword]):
                return f"Must be {words} {field[keyword]}."
        return None

    def _elements(self, name: str, value: Any) -> list[Any]:
        if value is None:
            # A field that is left out has its default, which may be another one.
            is_null = self._field(name).get("default") is None
            return [] if is_null or "null" not in self._types(name) else [""]
        if isinstance(value, _LISTS):
            return [_plain(each) for each in value] or [""]
        return [value]

    def _is_known(self, name: str) -> bool:
        return name in self._fields or name in self._data_inputs

    def _field(self, name: str) -> Mapping[str, Any]:
        return self._fields.get(name, {})

    def _element(self, name: str) -> Mapping[str, Any]:
        """Return what the schema says of a value, of a list of each element."""
        field = self._field(name)
        items = field.get("items")
        return items if isinstance(items, Mapping) else field

    def _choices(self, name: str) -> list[str]:
        return [_text(each) for each in self._element(name).get("enum") or ()]

    def _types(self, name: str) -> list[str]:
        types = self._field(name).get("type", [])
        return [types] if isinstance(types, str) else list(types)


def _plain(value: Any) -> Any:
    """Turn numbers and arrays of NumPy, and series of pandas, into Python's own."""
    return value.tolist() if callable(getattr(value, "tolist", None)) else value


def _text(value: Any, choices: Sequence[str] = ()) -> str:
    """Return a value as a form sends it; enums by name, or by value if that is a choice."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        by_value = choices and value.name not in choices
        return str(value.value) if by_value else value.name
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value.as_input) if hasattr(value, "as_input") else str(value)
