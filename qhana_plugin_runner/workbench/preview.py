"""The first part of a file, prepared to be looked at.

Only files that this runner keeps are read; of a file that is kept elsewhere there is a link. What
a file is said to be is tried, and when it is not, its text is shown with the reason.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from flask_babel import gettext as _

from ..db.models.tasks import TaskFile
from ..plugin_utils._entity_errors import EntityError
from ..plugin_utils._entity_json import read_json, read_json_lines
from ..storage import STORE, ServedFileStore, StorageError
from .data_types import media_type

__all__ = ["MOST_ROWS", "MOST_TEXT", "Preview", "preview_of"]

MOST_ROWS = 1_000
"""Rows of a table; browsers draw these at once."""

MOST_TEXT = 256 * 1024
"""Characters of a text; more is nothing to read in a dialog."""

MOST_COLUMNS = 200
"""Columns of a table: embeddings have thousands, of which nobody sees anything."""

FRAMED = ("text/html", "application/xhtml+xml", "image/svg+xml", "application/pdf")
"""What browsers draw, and may have scripts in it: shown in a frame without any rights."""

JSON_LINES = ("application/x-lines+json", "application/x-ndjson", "application/jsonl")


@dataclass
class Preview:
    """What is shown of a file.

    Attributes:
        kind: ``table``, ``text``, ``markdown``, ``image``, ``frame`` or ``none``.
        text: of a text.
        columns: names of a table's columns.
        rows: of a table.
        is_cut: whether there is more in the file than is shown.
        problem: why it is not shown, or not as what it is said to be; for people.
    """

    kind: str
    text: str = ""
    columns: list[str] | None = None
    rows: list[list[str]] | None = None
    is_cut: bool = False
    problem: str = ""


def preview_of(file: TaskFile) -> Preview:
    """Return what is to be shown of a file of this runner."""
    kind = media_type(file.mimetype)
    try:
        store = STORE[file.storage_provider]
    except StorageError:
        return _nothing(_("The store that keeps this file is not installed here."))
    if not isinstance(store, ServedFileStore):
        return _nothing(_("This file is kept elsewhere; open it to see it."))
    if kind in FRAMED:
        return Preview("frame")
    if kind.startswith("image/"):
        return Preview("image")
    try:
        content = store.open(file)
    except StorageError:
        return _nothing(_("This file cannot be read at the moment."))
    with content:
        return _read(content, kind, file.file_type or "")


def _nothing(problem: str) -> Preview:
    return Preview("none", problem=problem)


def _read(content: BinaryIO, kind: str, data_type: str) -> Preview:
    is_json = kind == "application/json" or kind.endswith("+json")
    try:
        with _text_of(content) as text:
            if kind == "text/csv":
                return _csv_table(text)
            if kind in JSON_LINES:
                return _table(read_json_lines(text))
            if is_json and data_type.startswith("entity/"):
                return _table(read_json(text))
    except (EntityError, csv.Error) as error:
        content.seek(0)
        shown = _plain(content, is_json=False)
        shown.problem = _("This is not what it is said to be: %(reason)s", reason=error)
        return shown
    content.seek(0)
    shown = _plain(content, is_json)
    if kind == "text/markdown":
        shown.kind = "markdown"
    return shown


@contextmanager
def _text_of(content: BinaryIO) -> Iterator[io.TextIOWrapper]:
    content.seek(0)
    text = io.TextIOWrapper(content, "utf-8-sig", "replace", newline="")
    try:
        yield text
    finally:
        text.detach()  # else the file is closed with it


def _csv_table(text: Iterable[str]) -> Preview:
    rows = csv.reader(text)
    header = next(rows, [])
    return _filled(header, [row for row in islice(rows, MOST_ROWS + 1) if row])


def _table(entities: Iterator[Any]) -> Preview:
    """Return a table of entities: a column for each attribute that one of them has."""
    shown = list(islice(entities, MOST_ROWS + 1))
    if not all(isinstance(each, dict) for each in shown):
        raise EntityError("not each entity is an object.")
    columns = list(dict.fromkeys(str(key) for entity in shown for key in entity))
    return _filled(
        columns, [[_cell(each.get(name)) for name in columns] for each in shown]
    )


def _filled(columns: list[str], rows: list[list[str]]) -> Preview:
    is_cut = len(rows) > MOST_ROWS or len(columns) > MOST_COLUMNS
    columns = columns[:MOST_COLUMNS]
    return Preview(
        "table",
        columns=columns,
        rows=[row[:MOST_COLUMNS] for row in rows[:MOST_ROWS]],
        is_cut=is_cut,
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(content: BinaryIO, is_json: bool) -> Preview:
    data = content.read(4 * MOST_TEXT)
    text = data.decode("utf-8-sig", "replace")
    is_cut = len(data) == 4 * MOST_TEXT or len(text) > MOST_TEXT
    if is_json and not is_cut:
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            reason = _("This is not what it is said to be: %(reason)s", reason=error)
            return Preview("text", text=text, problem=reason)
    if "\0" in text:
        return _nothing(_("This is no text."))
    return Preview("text", text=text[:MOST_TEXT], is_cut=is_cut)
