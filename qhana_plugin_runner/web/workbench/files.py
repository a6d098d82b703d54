"""The outputs of tasks, as files to choose from, at a cost that does not grow with their number."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, func, literal, select, tuple_, union_all
from sqlalchemy.orm import selectinload

from ...db import DB
from ...db.db import MAX_ID
from ...db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from .data_types import ANY, accepts, is_accepted

SCAN_LIMIT = 5_000
"""Files that are scanned for one page: some 30 ms, and enough that most pages are full."""

BATCH_SIZE = 500
"""Files that are read from the database at once."""

MAX_TYPES = 50
"""Data types that are read one by one; a pattern of more is not worth it."""

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
    for row in _newest_first(_types_of(wanted.data_type), after):
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


def data_types() -> list[str]:
    """Return the data types of all files; goes from one to the next in their index."""
    column = TaskFile.file_type
    found = select(func.min(column).label("type")).cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.type)
    found = found.union_all(
        select(following.scalar_subquery()).where(found.c.type.is_not(None))
    )
    every = DB.session.execute(select(found.c.type)).scalars()
    return [each for each in every if each and each != TEMP_FILE]


def _types_of(wanted: str) -> list[str] | None:
    """Return the data types that are wanted, ``None`` for all or too many of them."""
    if accepts(wanted, ANY):
        return None
    found = [each for each in data_types() if accepts(wanted, each)]
    return found if len(found) <= MAX_TYPES else None


def _newest_first(types: list[str] | None, after: int | None) -> Iterator[Row[Any]]:
    after = MAX_ID if after is None else after
    while types is None or types:
        query = candidates().order_by(TaskFile.id.desc()).limit(BATCH_SIZE)
        if types is None:
            query = query.where(TaskFile.id < after)
        else:
            query = query.where(TaskFile.id.in_(_newest_of(types, after)))
        rows = DB.session.execute(query).all()
        yield from rows
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1].id


def _newest_of(types: list[str], after: int) -> list[int]:
    """Return the ids of the next files of some data types, from the index of each."""
    column, parts = TaskFile.file_type, []
    for each in types:
        bounds: list[Any] = [column == each, TaskFile.id < after]
        if DB.engine.name == "postgresql":
            # With an equality, it may go through all files by their id.
            place = tuple_(column, TaskFile.id) < tuple_(literal(each), literal(after))
            bounds = [column >= each, place]
        query = select(TaskFile.id.label("id")).where(*bounds)
        query = query.order_by(column.desc(), TaskFile.id.desc()).limit(BATCH_SIZE)
        parts.append(select(query.subquery().c.id))
    found = union_all(*parts).subquery().c.id
    query = select(found).order_by(found.desc()).limit(BATCH_SIZE)
    return list(DB.session.execute(query).scalars())


def _load(ids: Iterable[int]) -> list[TaskFile]:
    """Return files with their tasks, in the order of the ids."""
    wanted = list(ids)
    if not wanted:
        return []
    task = selectinload(TaskFile.task).load_only(
        ProcessingTask.plugin, ProcessingTask.task_name
    )
    query = select(TaskFile).where(TaskFile.id.in_(wanted)).options(task)
    found = {file.id: file for file in DB.session.execute(query).scalars()}
    return [found[id_] for id_ in wanted if id_ in found]
