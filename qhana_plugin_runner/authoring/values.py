"""How values that a function returns become files."""

import mimetypes
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple

from ..plugin_utils.entity_marshalling import EntityError, ensure_dict, save_entities
from ..util import strict_json
from ..util.content_types import ANYTHING, CSV, JSON, JSON_LINES, guess_type, media_type
from .errors import OutputError

__all__ = ["Content", "as_json", "content_of", "file_name"]

_ENTITY_FILES = {media_type(each) for each in (CSV, JSON, JSON_LINES)}

_MEMORY = 1024 * 1024
"""Bytes of a file that are kept in memory before it moves to a temporary file."""


class Content(NamedTuple):
    """A value as a file: what to store, and its mime type."""

    file: Any
    content_type: str


def file_name(name: str, content_type: str) -> str:
    """Return the name of the file of an output.

    >>> file_name("clusters", "text/csv"), file_name("report.html", "text/html")
    ('clusters.csv', 'report.html')
    """
    kind = content_type.partition(";")[0].strip()
    guessed = guess_type(name)
    if kind == ANYTHING or (guessed and media_type(guessed) == media_type(kind)):
        return name
    if media_type(kind) == media_type(JSON_LINES):
        return f"{name}.jsonl"
    return name + (mimetypes.guess_extension(kind) or "")


@contextmanager
def content_of(value: Any, content_type: str | None) -> Iterator[Content]:
    """Give the content of a value as a file to be stored.

    Args:
        value: what the function gave.
        content_type: the mime type that is declared, if one is.

    Raises:
        OutputError: there is no way to write such a value in this type.
    """
    value, default = _made_plain(value, content_type)
    content_type = content_type or default
    if isinstance(value, str):
        yield Content(value, content_type or "text/plain")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield Content(bytes(value), content_type or ANYTHING)
    elif isinstance(value, Path):
        guessed = guess_type(value.name)
        _require_same(guessed, content_type)
        with value.open("rb") as file:
            yield Content(file, content_type or guessed or ANYTHING)
    elif hasattr(value, "read"):
        yield Content(value, content_type or ANYTHING)
    else:
        with SpooledTemporaryFile(_MEMORY, "w", encoding="utf-8", newline="") as text:
            _write(value, text, content_type or JSON)
            yield Content(text, content_type or JSON)


def _require_same(guessed: str | None, declared: str | None) -> None:
    """Refuse a table that is not in the form that is declared: no reader would understand it."""
    kinds = {media_type(guessed), media_type(declared)}
    if len(kinds) == 2 and kinds <= _ENTITY_FILES:
        raise OutputError(
            f"the file is {guessed}, but declared is {declared}: write it so, or declare "
            f"Output(..., {guessed!r})"
        )


def _write(value: Any, text: Any, content_type: str) -> None:
    kind = media_type(content_type)
    is_json = kind == media_type(JSON) or kind.endswith("+json")
    try:
        if isinstance(value, Iterable) and not isinstance(value, Mapping):
            rows = iter(value)
            head = [each for each in (next(rows, None),) if each is not None]
            if kind in _ENTITY_FILES and all(map(_is_row, head)):
                _write_rows(head, rows, text, content_type)
                return
            value = [*head, *rows]
        if is_json:
            text.write(strict_json.dumps(value, default=as_json))
            return
    except (EntityError, TypeError) as error:
        raise OutputError(f"it cannot be written as {content_type}: {error}") from error
    raise OutputError(
        f"{type(value).__name__} cannot be written as {content_type}: give a text, bytes, a "
        "Path, rows, a figure or a data frame"
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "_fields")


def _write_rows(
    head: list[Any], rest: Iterator[Any], text: Any, content_type: str
) -> None:
    """Write rows one by one; the columns of a CSV file are those of the first."""
    rows = _plain_rows(chain(head, rest))
    if media_type(content_type) != media_type(CSV):
        save_entities(rows, text, content_type)
    elif (first := next(rows, None)) is not None:
        entities = _of_one_table(chain([first], rows), first.keys())
        save_entities(entities, text, content_type, attributes=list(first))


def _plain_rows(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for row in ensure_dict(dict(r) if isinstance(r, Mapping) else r for r in rows):
        yield {key: _plain(each) for key, each in row.items()}


def _of_one_table(
    rows: Iterable[dict[str, Any]], columns: Set[str]
) -> Iterator[dict[str, Any]]:
    """Pass rows on; values without a column would be lost silently."""
    for number, row in enumerate(rows, start=1):
        if not row.keys() <= columns:
            extra = next(name for name in row if name not in columns)
            raise OutputError(
                f"row {number} has {extra!r}, which the first row has not, and so the CSV file "
                "has no column for it: give all rows the same names, or declare JSON"
            )
        yield row


def _plain(value: Any) -> Any:
    """Return a value of numpy, pandas or the calendar as JSON and CSV know it."""
    if value is None or isinstance(value, (str, int, float, list, dict)):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, date):
        return value.isoformat() if value == value else None  # NaT
    return value


def as_json(value: Any) -> Any:
    """Return what JSON has instead of a value of numpy, pandas or the calendar.

    Raises:
        TypeError: it has none.
    """
    plain = _plain(value)
    if plain is value and _is_row(value):
        return dict(value) if isinstance(value, Mapping) else value._asdict()
    if plain is value:
        raise TypeError(f"JSON has no {type(value).__name__}")
    return plain


def _picture(figure: Any, content_type: str) -> bytes:
    """Draw a figure of matplotlib."""
    formats = {"image/svg+xml": "svg", "application/pdf": "pdf", "image/jpeg": "jpg"}
    buffer = BytesIO()
    figure.savefig(buffer, format=formats.get(content_type, "png"), bbox_inches="tight")
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)  # it would keep all figures of the process
    return buffer.getvalue()


def _page(figure: Any, content_type: str) -> str:
    """Write a figure of plotly as a page that needs no network, or as its JSON."""
    is_json = media_type(content_type).endswith("json")
    return str(figure.to_json() if is_json else figure.to_html(include_plotlyjs=True))


def _pandas_rows(frame: Any, _content_type: str) -> Iterator[dict[str, Any]]:
    if type(frame.index).__name__ != "RangeIndex":
        frame = frame.reset_index()
    columns = list(map(str, frame.columns))
    return (dict(zip(columns, row)) for row in frame.itertuples(index=False, name=None))


def _polars_rows(frame: Any, _content_type: str) -> Iterator[dict[str, Any]]:
    rows: Iterator[dict[str, Any]] = frame.iter_rows(named=True)
    return rows


_LIBRARIES: dict[tuple[str, str], tuple[str, Callable[[Any, str], Any]]] = {
    ("matplotlib", "Figure"): ("image/png", _picture),
    ("plotly", "BaseFigure"): ("text/html", _page),
    ("pandas", "DataFrame"): (JSON, _pandas_rows),
    ("polars", "DataFrame"): (JSON, _polars_rows),
}
"""Package and class -> default mime type, and what makes a plain value; nothing is imported."""


def _made_plain(value: Any, content_type: str | None) -> tuple[Any, str | None]:
    for each in type(value).__mro__:
        key = (each.__module__.partition(".")[0], each.__name__)
        if key in _LIBRARIES:
            default, convert = _LIBRARIES[key]
            return convert(value, content_type or default), default
    return value, None
