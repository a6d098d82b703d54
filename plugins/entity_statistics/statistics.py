"""The statistics themselves, in one pass over the entities."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MISSING = ("", "NA", "NaN", "nan", "null", "None")
"""Texts that stand for a missing value in files of common tools (R, pandas, databases)."""


def as_number(value: Any) -> int | float | None:
    """Return a finite number, also one written as text, or ``None`` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        for convert in (int, float):
            try:
                value = convert(value)
                break
            except ValueError:
                continue
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


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
        deviation = math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None
        return {
            "ID": self.name,
            "count": self.count,
            "missing": rows - self.count,
            "min": self.min if numeric else None,
            "max": self.max if numeric else None,
            "mean": self.mean if numeric else None,
            "standardDeviation": deviation if numeric else None,
            "distinct": len(self.distinct),
        }


def describe(entities: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entity with statistics for each column, in the order the columns appear.

    The standard deviation is that of a sample (divided by count - 1). Values that an entity
    lacks count as missing.
    """
    columns: dict[str, Column] = {}
    rows = 0
    for entity in entities:
        rows += 1
        for name, value in entity.items():
            column = columns.setdefault(name, Column(name))
            if value is not None and not (
                isinstance(value, str) and value.strip() in MISSING
            ):
                column.add(value)
    return [column.as_entity(rows) for column in columns.values()]
