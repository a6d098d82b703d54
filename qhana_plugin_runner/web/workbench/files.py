"""The outputs of tasks, as files to choose from, at a cost that does not grow with their number."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, select

from ...db import DB
from ...db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from .data_types import accepts, is_accepted

__all__ = [
    "FileFilter",
    "FilePage",
    "SCAN_LIMIT",
    "candidates",
    "find_files",
    "matching_files",
]

SCAN_LIMIT = 5_000
"""Files that are scanned for one page: some 30 ms, and enough that most pages are full."""

BATCH_SIZE = 500
"""Files that are read from the database at once."""

_IS_LISTED = and_(
    TaskFile.file_type != "",
    TaskFile.file_type != TEMP_FILE,
    TaskFile.mimetype != "",
    ProcessingTask.finished_at.is_not(None),
)
"""Clients see a file when its task has finished. See :attr:`TaskFile.is_output`."""


class FileFilter(NamedTuple):
    """Which files are wanted; an empty member stands for all.

    Attributes:
        data_type: Such as ``entity/list`` or ``entity/*``.
        content_types: Mime types, or patterns of such.
        text: A part of the file's name, or of the name of its plugin or task.
    """

    data_type: str = ""
    content_types: Sequence[str] = ()
    text: str = ""

    def matches(self, row: Row[Any]) -> bool:
        """Whether a file is wanted."""
        return (
            bool(row.is_listed)
            and accepts(self.data_type, row.file_type)
            and is_accepted(self.content_types, row.mimetype)
            and self._is_in(row.file_name, row.plugin, row.task_name)
        )

    def _is_in(self, *texts: str | None) -> bool:
        wanted = self.text.strip().casefold()
        return any(wanted in (text or "").casefold() for text in texts)


class FilePage(NamedTuple):
    """A part of a list of files.

    Attributes:
        files: Newest first.
        next: The id after which there may be more; ``None`` at the end of the list. A short page
            does not mean the end.
    """

    files: list[TaskFile]
    next: int | None


def find_files(wanted: FileFilter, after: int | None, limit: int) -> FilePage:
    """Return a page of the list of all outputs of finished tasks, newest first.

    Args:
        wanted: Which files.
        after: The id of the file after which to continue; ``None`` begins with the newest.
        limit: The maximum number of files.
    """
    found: list[int] = []
    scanned = 0
    for row in _newest_first(after):
        if len(found) == limit or scanned == SCAN_LIMIT:
            return FilePage(_load(found), after)
        scanned, after = scanned + 1, row.id
        if wanted.matches(row):
            found.append(row.id)
    return FilePage(_load(found), None)


def candidates() -> Select[*tuple[Any, ...]]:
    """Return a query for the columns that a filter needs."""
    return select(
        TaskFile.id,
        TaskFile.file_type,
        TaskFile.mimetype,
        TaskFile.file_name,
        ProcessingTask.plugin,
        ProcessingTask.task_name,
        _IS_LISTED.label("is_listed"),
    ).join(TaskFile.task)


def matching_files(wanted: FileFilter, query: Select[*tuple[Any, ...]]) -> list[TaskFile]:
    """Return the :func:`candidates` that are wanted, in their order."""
    rows = DB.session.execute(query).all()
    return _load(dict.fromkeys(row.id for row in rows if wanted.matches(row)))


def _newest_first(after: int | None) -> Iterator[Row[Any]]:
    while True:
        query = candidates().order_by(TaskFile.id.desc()).limit(BATCH_SIZE)
        if after is not None:
            query = query.where(TaskFile.id < after)
        rows = DB.session.execute(query).all()
        yield from rows
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1].id


def _load(ids: Iterable[int]) -> list[TaskFile]:
    """Return files with their tasks, in the order of the ids."""
    wanted = list(ids)
    if not wanted:
        return []
    query = select(TaskFile).where(TaskFile.id.in_(wanted))
    found = {file.id: file for file in DB.session.execute(query).scalars()}
    return [found[id_] for id_ in wanted if id_ in found]
