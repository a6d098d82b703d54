"""The rows of a table as entities."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Column, types

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.attributes import AttributeMetadata

SEPARATOR = ";"
"""Stands between the values of arrays."""

_TYPES: tuple[tuple[type[Any], str], ...] = (
    (types.Boolean, "boolean"),
    (types.Integer, "integer"),
    (types.Numeric, "number"),
    (types.DateTime, "datetime"),
    (types.Date, "date"),
)


class Reading:
    """Reads the rows of a table.

    Args:
        execute: starts to read: rows of the values of the key, and of the columns.
        key: the columns of the primary key.
        columns: the columns that become attributes.
        limit: the number of rows.

    Attributes:
        header: the names of the attributes.
    """

    def __init__(
        self,
        execute: Callable[[], Iterable[Any]],
        key: Sequence[Column[Any]],
        columns: Sequence[Column[Any]],
        limit: int | None,
    ) -> None:
        self._execute, self._key, self._columns, self._limit = (
            execute,
            key,
            columns,
            limit,
        )
        self._kinds = [_kind_of(column.type) for column in columns]
        names = [column.name for column in columns]
        free = next(n for n in (f"ID_{k}" for k in range(2, 999)) if n not in names)
        self.header = ["ID", *(free if name == "ID" else name for name in names)]
        self._misfits: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._ambiguous: set[int] = set()
        self._without_key = self._repeated = 0

    def write(self, target: Path, task: Task) -> int:
        """Write the entities to a CSV file; return their number."""
        count = 0
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, dialect="default")
            writer.writerow(self.header)
            for row in task.track(self._execute(), total=self._limit, unit="rows"):
                count += 1
                writer.writerow(self._entity(count, row))
        return count

    def _entity(self, number: int, row: Sequence[Any]) -> list[str]:
        width = len(self._key)
        key = self._id(number, row[:width]) if width else str(number)
        values = []
        for name, kind, value in zip(self.header[1:], self._kinds, row[width:]):
            if kind in ("integer", "number") and isinstance(value, (str, bytes)):
                self._misfits[name] += 1
                self._examples.setdefault(name, f"{value!r:.60} of {key:.60}")
                value = None
            try:
                values.append(_text_of(value))
            except ValueError as error:
                raise ValueError(f"{name} of {key}: {error}") from None
        return [key, *values]

    def _id(self, number: int, values: Sequence[Any]) -> str:
        """Join the values of a key; of several texts with ``-`` in them, two may become the same."""
        if all(value is None or value == "" for value in values):  # SQLite permits it
            self._without_key += 1
            return f"row-{number}"
        key = "-".join(map(_text_of, values))
        if len(values) > 1 and any(isinstance(x, str) and "-" in x for x in values):
            self._repeated += hash(key) in self._ambiguous
            self._ambiguous.add(hash(key))
        return key

    def attributes(self) -> list[dict[str, Any]]:
        """Return what describes the attributes."""
        key = ", ".join(column.name for column in self._key) or "row"
        described = [AttributeMetadata("ID", "string", key)]
        for name, kind, column in zip(self.header[1:], self._kinds, self._columns):
            is_array = isinstance(column.type, types.ARRAY)
            described.append(
                AttributeMetadata(
                    name,
                    kind,
                    column.name,
                    column.comment or _note(column.type),
                    multiple=is_array,
                    ordered=is_array,
                    separator=SEPARATOR,
                )
            )
        return [each.to_dict() for each in described]

    def log(self) -> Iterator[str]:
        """Yield what people should know."""
        for name, count in self._misfits.items():
            yield (
                f"{name}: texts in a column of numbers, left empty: {count}, such as "
                f"{self._examples[name]}."
            )
        if self._without_key:
            yield f"Rows without a key, whose IDs are as row-7: {self._without_key}."
        if self._repeated:
            yield (
                f"Entities with the ID of another one: {self._repeated}; import the columns "
                f"{', '.join(column.name for column in self._key)} to tell them apart."
            )


def _kind_of(kind: types.TypeEngine[Any]) -> str:
    if isinstance(kind, types.ARRAY):
        kind = kind.item_type
    return next((name for each, name in _TYPES if isinstance(kind, each)), "string")


def _note(kind: types.TypeEngine[Any]) -> str:
    if isinstance(kind, types.LargeBinary):
        return "Bytes, as hexadecimal digits."
    return "JSON." if isinstance(kind, types.JSON) else ""


def _text_of(value: Any) -> str:
    """Write a value as entities have it.

    >>> from decimal import Decimal
    >>> [_text_of(each) for each in (None, True, Decimal("1E+2"), b"\\x0f", [1, None])]
    ['', 'true', '100', '0f', '1;']

    Raises:
        ValueError: an array holds the separator.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return value.hex()
        case list() | tuple():
            texts = [_text_of(each) for each in value]
            if any(SEPARATOR in text for text in texts):
                raise ValueError(
                    f"an array has a value with {SEPARATOR!r}, which separates them: leave the "
                    "column out"
                )
            return SEPARATOR.join(texts)
        case dict():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
