"""How rows become a table: one by one, with a column for each attribute that a row has."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from shutil import copyfileobj
from tempfile import TemporaryFile
from types import NoneType
from typing import Any

from ..plugin_utils._entity_csv import read_csv, write_csv
from ..plugin_utils.entity_marshalling import ensure_dict

_DIALECT = "default"
_PLAIN = {str, int, bool, NoneType}
_PLAIN_OR_FLOAT = {*_PLAIN, float}


def plain_rows(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield mappings and named tuples as dictionaries of values that JSON and CSV know."""
    for row in rows:
        if type(row) is not dict:
            (row,) = ensure_dict([dict(row) if isinstance(row, Mapping) else row])
        types = set(map(type, row.values()))
        if types <= _PLAIN:
            yield row
        elif types <= _PLAIN_OR_FLOAT:
            yield {key: each if each == each else None for key, each in row.items()}
        else:
            yield {key: plain(each) for key, each in row.items()}


def write_table(rows: Iterable[Any], columns: Iterable[str], text: Any) -> None:
    """Write rows as CSV; a table without rows and columns is an empty file.

    Args:
        rows: mappings and named tuples, of which some may have more attributes than others.
        columns: the first ones, where they are known before the rows are.
        text: an empty file that can be read again: when a row has an attribute that the rows before
            it have not, they get an empty value in the end.
    """
    names = list(columns)
    dictionaries = plain_rows(rows)
    if not names and (first := next(dictionaries, None)) is not None:
        names, dictionaries = list(first), chain([first], dictionaries)
    header = list(names)

    def values() -> Iterator[list[Any]]:
        for row in dictionaries:
            if list(row) == names:
                yield list(row.values())
                continue
            if not row.keys() <= set(names):
                names.extend(name for name in row if name not in names)
            yield [row.get(name) for name in names]

    if names:
        write_csv(values(), header, text, _DIALECT)
    if len(names) > len(header):
        _widen(text, names)


def _widen(text: Any, names: list[str]) -> None:
    """Write a table again with more columns."""
    with TemporaryFile("w+", encoding="utf-8", newline="") as narrow:
        text.seek(0)
        copyfileobj(text, narrow)
        narrow.seek(0)
        text.seek(0)
        text.truncate()
        rows = read_csv(narrow, _DIALECT, list, False)
        next(rows)  # the header
        wide = (row + [""] * (len(names) - len(row)) for row in rows)
        write_csv(wide, names, text, _DIALECT)


def plain(value: Any) -> Any:
    """Return a value of numpy, pandas or the calendar as JSON and CSV know it.

    Missing values are ``None``, whatever a library calls them.
    """
    if value is None or isinstance(value, (str, int, list, dict)):
        return value
    if isinstance(value, float):
        return value if value == value else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if _is_missing(value):
        return None
    return value.isoformat() if isinstance(value, date) else value


def _is_missing(value: Any) -> bool:
    """Whether a value is a NaT, the NA of pandas, or another NaN."""
    pandas = sys.modules.get("pandas")
    return (pandas is not None and value is pandas.NA) or (value != value) is True
