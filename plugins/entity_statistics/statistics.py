"""The statistics themselves, in one pass over the entities."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qhana_plugin_runner.plugin_utils.attributes import parse_float, parse_int

MISSING = ("", "NA", "NaN", "nan", "null", "None")
"""Texts that stand for a missing value in files of common tools (R, pandas, databases)."""


def as_number(value: Any) -> int | float | None:
    """Return a finite number, also one written as text, or ``None`` for anything else.

    What no ``float`` holds is a name rather than an amount.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = parse_float(value)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    try:
        return number if isinstance(value, float) else parse_int(value)
    except ValueError:
        return number


def is_missing(value: Any) -> bool:
    """Tell whether there is no value: ``None``, nothing but space, or "not a number"."""
    if isinstance(value, str):
        return value.strip() in MISSING
    return value is None or value != value


def _known(number: float | None) -> float | None:
    """Return ``None`` for what went beyond the numbers of ``float``."""
    return number if number is not None and math.isfinite(number) else None


@dataclass
class Column:
    """The statistics of one column.

    Mean and deviation are updated value by value (B. P. Welford, Technometrics 4, 1962), which
    keeps its digits where sums of squares lose them.
    """

    name: str
    count: int = 0
    numbers: int = 0
    min: float | None = None
    max: float | None = None
    mean: float = 0.0
    squares: float = 0.0
    distinct: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Take one value that is not missing into account."""
        self.count += 1
        self.distinct.add(
            value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        )
        number = as_number(value)
        if number is None:
            return
        self.numbers += 1
        self.min = number if self.min is None else min(self.min, number)
        self.max = number if self.max is None else max(self.max, number)
        delta = number - self.mean
        self.mean += delta / self.numbers
        self.squares += delta * (number - self.mean)

    def as_entity(self, rows: int) -> dict[str, Any]:
        """Return the statistics; those of numbers only when all values are numbers."""
        numeric = self.numbers == self.count > 0
        variance = _known(self.squares / (self.count - 1)) if self.count > 1 else None
        return {
            "ID": self.name,
            "count": self.count,
            "missing": rows - self.count,
            "min": self.min if numeric else None,
            "max": self.max if numeric else None,
            "mean": _known(self.mean) if numeric else None,
            "standardDeviation": (
                math.sqrt(variance) if numeric and variance is not None else None
            ),
            "distinct": len(self.distinct),
        }


def describe(
    entities: Iterable[Mapping[str, Any]], header: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return one entity with statistics for each column, in the order the columns appear.

    The standard deviation is that of a sample (divided by count - 1). Values that an entity
    lacks count as missing. The names in the header are columns even when there are no entities;
    it is read when the entities have been.
    """
    columns: dict[str, Column] = {}
    rows = 0
    for entity in entities:
        rows += 1
        for name, value in entity.items():
            column = columns.setdefault(name, Column(name))
            if not is_missing(value):
                column.add(value)
    for name in header:
        columns.setdefault(name, Column(name))
    return [column.as_entity(rows) for column in columns.values()]
