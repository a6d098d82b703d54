"""Inputs as a form sends them, checked with the JSON Schema of the form where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, time
from difflib import get_close_matches
from enum import Enum
from numbers import Number
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from .errors import InvalidInputs
from .multipart import FileInput, is_file

__all__ = ["DataInput", "Form", "FormData", "Upload"]

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
                    texts.append(_text(each, self._field(name).get("enum")))
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
        problems = {name: self._problem(name, value) for name, value in values.items()}
        errors = {name: [problem] for name, problem in problems.items() if problem}
        for name in self._schema.get("required", ()):
            if values.get(name) is None:
                errors.setdefault(name, ["Required."])
        if errors:
            raise InvalidInputs(errors, self.label)

    def _problem(self, name: str, value: Any) -> str | None:
        if self._fields and name not in {*self._fields, *self._data_inputs}:
            close = get_close_matches(name, self._fields, 1)
            known = f"Did you mean {close[0]}?" if close else f"There are: {self._names}."
            return f"There is no such input. {known}"
        takes_files = (
            name in self._data_inputs or self._field(name).get("format") == "binary"
        )
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
        field = self._field(name)
        field = field.get("items", field)
        choices = field.get("enum")
        if choices and value not in (None, "") and _text(value, choices) not in choices:
            return f"Must be one of: {', '.join(map(str, filter(None, choices)))}."
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

    @property
    def _names(self) -> str:
        return ", ".join(self._fields)

    def _field(self, name: str) -> Mapping[str, Any]:
        return self._fields.get(name, {})

    def _types(self, name: str) -> list[str]:
        types = self._field(name).get("type", [])
        return [types] if isinstance(types, str) else list(types)


def _plain(value: Any) -> Any:
    """Turn numbers and arrays of NumPy, and series of pandas, into Python's own."""
    return value.tolist() if callable(getattr(value, "tolist", None)) else value


def _text(value: Any, choices: list[Any] | None = None) -> str:
    """Return a value as a form sends it; enums by name, or by value if that is a choice."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        by_value = value.name not in (choices or [value.name])
        return str(value.value) if by_value else value.name
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value.as_input) if hasattr(value, "as_input") else str(value)
