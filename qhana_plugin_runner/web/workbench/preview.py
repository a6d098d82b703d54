"""The first part of a file, prepared for display.

Only files that this runner stores are read. A file is read as its declared type, with the entity
readers of plugins; if that fails, its text is shown with the reason.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, TextIO, cast

from flask_babel import gettext as _

from ...db.models.tasks import TaskFile
from ...plugin_utils._entity_csv import read_csv
from ...plugin_utils._entity_errors import EntityEncodingError, EntityError
from ...plugin_utils._entity_json import read_json, read_json_lines
from ...plugin_utils._entity_text import decoded
from ...storage import STORE, StorageError
from ...util import strict_json
from ...util.content_types import (
    CSV,
    JSON,
    JSON_LINES,
    charset_of,
    content_type_of,
    media_type,
)


class Limits(NamedTuple):
    """How much of a file is shown.

    Attributes:
        rows: Rows of a table; browsers draw a thousand at once.
        columns: Columns of a table; embeddings have thousands.
        text: Characters of a text; nobody reads more at once than these.
    """

    rows: int = 1_000
    columns: int = 200
    text: int = 256 * 1024


FULL = Limits()
BRIEF = Limits(rows=8, columns=20, text=1_500)
"""For pages that show many files."""

PEEKED = 64
"""Characters at the beginning of JSON that tell a list."""

FRAMED = ("text/html", "application/xhtml+xml", "image/svg+xml", "application/pdf")
"""Types that browsers draw and that may have scripts: shown in a sandboxed frame."""


@dataclass
class Preview:
    """The preview of a file.

    Attributes:
        kind: ``table``, ``text``, ``markdown``, ``image``, ``frame`` or ``none``.
        text: The text, if it is one.
        columns: The names of a table's columns.
        rows: The rows of a table.
        is_cut: Whether the file has more than is shown.
        problem: Why it is not shown, or not as its declared type; for people.
    """

    kind: str
    text: str = ""
    columns: list[str] | None = None
    rows: list[list[str]] | None = None
    is_cut: bool = False
    problem: str = ""


def preview_of(file: TaskFile, limits: Limits = FULL) -> Preview:
    """Return the preview of a file of this runner."""
    content_type = content_type_of(file.mimetype, file.file_name)
    kind = media_type(content_type)
    try:
        store = STORE.serving(file)
    except StorageError:
        return _nothing(_("The file store of this file is not installed here."))
    if store is None:
        return _nothing(_("This file is stored elsewhere. Open it to view it."))
    if kind in FRAMED:
        return Preview("frame")
    if kind.startswith("image/"):
        return Preview("image")
    try:
        content = store.open(file)
    except StorageError:
        return _nothing(_("This file cannot be read right now."))
    with content:
        is_entities = (file.file_type or "").startswith("entity/")
        return _read(content, content_type, is_entities, limits)


def _nothing(problem: str) -> Preview:
    return Preview("none", problem=problem)


def _read(
    content: BinaryIO, content_type: str | None, is_entities: bool, limits: Limits
) -> Preview:
    kind, charset = media_type(content_type), charset_of(content_type)
    try:
        if kind == CSV:
            with _text_of(content, charset, False) as text:
                return _csv_table(text, limits)
        if kind == media_type(JSON_LINES):
            with _text_of(content, charset, True) as text:
                return _table(read_json_lines(text), limits)
        if is_entities and _is_json(kind):
            with _text_of(content, charset, True) as text:
                return _table(read_json(text), limits)
    except EntityError as error:
        shown = _plain(content, None, charset, limits.text)
        shown.problem = _mismatch(error)
        return shown
    if _is_json(kind) and (rows := _rows_of(content, charset, limits)):
        return rows
    shown = _plain(content, kind, charset, limits.text)
    if kind == "text/markdown":
        shown.kind = "markdown"
    return shown


def _mismatch(error: Exception) -> str:
    text = _("The content does not match the declared type: %(reason)s", reason=error)
    return str(text)


def _rows_of(content: BinaryIO, charset: str | None, limits: Limits) -> Preview | None:
    """Return a table if the content is a list of objects, whatever its data type."""
    try:
        with _text_of(content, charset, True) as text:
            if not text.read(PEEKED).lstrip().startswith("["):
                return None
        with _text_of(content, charset, True) as text:
            found = _table(read_json(text), limits)
    except (EntityError, ValueError):
        return None
    return found if found.columns else None


def _is_json(kind: str | None) -> bool:
    return kind == JSON or (kind or "").endswith("+json")


@contextmanager
def _text_of(
    content: BinaryIO, charset: str | None, is_json: bool, errors: str = "strict"
) -> Iterator[io.TextIOWrapper]:
    content.seek(0)
    stream = io.BufferedReader(cast(io.RawIOBase, content))
    try:
        text = decoded(stream, charset, is_json, errors)
        try:
            yield text
        finally:
            text.detach()
    finally:
        stream.detach()  # else the file is closed with it


def _csv_table(text: TextIO, limits: Limits) -> Preview:
    header: list[str] = []

    def keep_header(names: list[str]) -> list[str]:
        header.extend(names)
        return names

    rows = read_csv(text, "default", None, keep_header)
    shown = [list(row) for row in islice(rows, limits.rows + 1)]
    return _filled(header, shown, limits)


def _table(entities: Iterator[Any], limits: Limits) -> Preview:
    """Return a table of entities: a column for each attribute that one of them has."""
    shown = list(islice(entities, limits.rows + 1))
    if not all(isinstance(each, dict) for each in shown):
        raise EntityError("not every entity is an object.")
    columns = list(dict.fromkeys(str(key) for entity in shown for key in entity))
    rows = [[_cell(each.get(name)) for name in columns] for each in shown]
    return _filled(columns, rows, limits)


def _filled(columns: list[str], rows: list[list[str]], limits: Limits) -> Preview:
    is_cut = len(rows) > limits.rows or len(columns) > limits.columns
    columns = columns[: limits.columns]
    return Preview(
        "table",
        columns=columns,
        rows=[row[: limits.columns] for row in rows[: limits.rows]],
        is_cut=is_cut,
    )


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return strict_json.dumps(value, ensure_ascii=False)


def _plain(
    content: BinaryIO, kind: str | None, charset: str | None, limit: int
) -> Preview:
    is_json = _is_json(kind)
    try:
        with _text_of(content, charset, is_json, "replace") as file:
            text = file.read(limit + 1)
    except EntityEncodingError:  # the charset is unknown
        with _text_of(content, None, is_json, "replace") as file:
            text = file.read(limit + 1)
    is_cut = len(text) > limit
    if is_json and not is_cut:
        try:
            text = strict_json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            return Preview("text", text=text, problem=_mismatch(error))
    if "\0" in text:
        return _nothing(_("Not a text file."))
    return Preview("text", text=text[:limit], is_cut=is_cut)
