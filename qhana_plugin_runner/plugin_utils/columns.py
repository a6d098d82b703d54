"""Entities by column: what of a table are numbers, and a fair sample of its rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from ._numerals import parse_float

_MISSING = frozenset(("", "na", "n/a", "nan", "none", "null"))

_T = TypeVar("_T")

_NO_ATTRIBUTES = ("ID", "href")


class Sample(NamedTuple):
    """Some of many items, in their order.

    Attributes:
        items: those that were drawn.
        total: how many there are.
    """

    items: list[Any]
    total: int


def sample_of(items: Iterable[_T], size: int, seed: int = 0) -> Sample:
    """Draw a sample in one pass; each item has the same chance. All, if there are no more.

    >>> sample_of("abc", 5)
    Sample(items=['a', 'b', 'c'], total=3)

    Args:
        items: read once, to the end.
        size: how many to draw.
        seed: of the random numbers.
    """
    drawn: list[tuple[int, _T]] = []
    random = Random(seed)
    number = -1
    for number, item in enumerate(items):
        if number < size:
            drawn.append((number, item))
        elif (place := int(random.random() * (number + 1))) < size:
            drawn[place] = (number, item)
    drawn.sort(key=lambda each: each[0])
    return Sample([item for _number, item in drawn], number + 1)


def is_missing(value: Any) -> bool:
    """Whether a value is none: empty, or one of the words that stand for it among numbers.

    >>> [is_missing(value) for value in (None, "", " NA", "nan", 0, "no")]
    [True, True, True, True, False, False]
    """
    if isinstance(value, str):
        return value.strip().casefold() in _MISSING
    return value is None or value != value


def number_of(value: Any) -> float | None:
    """Return a value as a finite number; ``None`` for all else, and for truth values.

    >>> number_of(" 1.5 "), number_of("nan"), number_of("a"), number_of(True)
    (1.5, None, None, None)
    """
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = parse_float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def attributes_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the attributes of entities but ``ID`` and ``href``, as they come.

    >>> attributes_of([{"ID": "1", "x": 1}, {"ID": "2", "y": 2}])
    ['x', 'y']
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in _NO_ATTRIBUTES]


def numeric_attributes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the attributes whose values are numbers in all rows where none is missing.

    >>> numeric_attributes([{"ID": "1", "x": "2", "y": "a"}, {"ID": "2", "x": "", "y": "3"}])
    ['x']
    """
    return [name for name in attributes_of(rows) if _is_numeric(rows, name)]


def _is_numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [value for row in rows if not is_missing(value := row.get(name))]
    return bool(values) and all(number_of(value) is not None for value in values)
