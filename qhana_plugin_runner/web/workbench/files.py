"""The outputs of tasks, as files to choose from, at a cost that does not grow with their number."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, select

from ...db import DB
from ...db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from .data_types import accepts, is_accepted

__all__ = ["LOOKED_AT", "FileFilter", "FilePage", "candidates", "chosen", "find_files"]

LOOKED_AT = 5_000
"""Files that are looked at for one page: some 30 ms, and enough that most pages are full."""

AT_ONCE = 500
"""Files that are read from the database at once."""

_IS_LISTED = and_(
    TaskFile.file_type != "",
    TaskFile.file_type != TEMP_FILE,
    TaskFile.mimetype != "",
    ProcessingTask.finished_at.is_not(None),
)
"""Clients see the file: outputs appear when their task ends. See :attr:`TaskFile.is_output`."""


class FileFilter(NamedTuple):
    """Which files are wanted; what is empty stands for all.

    Attributes:
        data_type: such as ``entity/list`` or ``entity/*``.
        content_types: mime types, or patterns of such.
        text: a part of the file's name, or of the name of its plugin or task.
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
        files: newest first.
        next: the id behind which there may be more; ``None`` at the end of the list. A page that
            is short does not end it.
    """

    files: list[TaskFile]
    next: int | None


def find_files(wanted: FileFilter, behind: int | None, limit: int) -> FilePage:
    """Return a page of the list of all outputs of tasks that have ended, newest first.

    Args:
        wanted: which files
        behind: the id of the file behind which to go on; ``None`` begins with the newest
        limit: how many files at most
    """
    found: list[int] = []
    looked_at = 0
    for row in _newest_first(behind):
        if len(found) == limit or looked_at == LOOKED_AT:
            return FilePage(_load(found), behind)
        looked_at, behind = looked_at + 1, row.id
        if wanted.matches(row):
            found.append(row.id)
    return FilePage(_load(found), None)


def candidates() -> Select[*tuple[Any, ...]]:
    """Return a query for what a filter has to know of files."""
    return select(
        TaskFile.id,
        TaskFile.file_type,
        TaskFile.mimetype,
        TaskFile.file_name,
        ProcessingTask.plugin,
        ProcessingTask.task_name,
        _IS_LISTED.label("is_listed"),
    ).join(TaskFile.task)


def chosen(wanted: FileFilter, query: Select[*tuple[Any, ...]]) -> list[TaskFile]:
    """Return those of some :func:`candidates` that are wanted, in their order."""
    rows = DB.session.execute(query).all()
    return _load(dict.fromkeys(row.id for row in rows if wanted.matches(row)))


def _newest_first(behind: int | None) -> Iterator[Row[Any]]:
    while True:
        query = candidates().order_by(TaskFile.id.desc()).limit(AT_ONCE)
        if behind is not None:
            query = query.where(TaskFile.id < behind)
        rows = DB.session.execute(query).all()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        behind = rows[-1].id


def _load(ids: Iterable[int]) -> list[TaskFile]:
    """Return files with their tasks in the order of their ids here."""
    wanted = list(ids)
    if not wanted:
        return []
    query = select(TaskFile).where(TaskFile.id.in_(wanted))
    found = {file.id: file for file in DB.session.execute(query).scalars()}
    return [found[id_] for id_ in wanted if id_ in found]
