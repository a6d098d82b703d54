"""What a task prints, and the part of it that somebody does not have yet."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB
from .tasks import ProcessingTask, goes_with_task, storable

MAX_CONSOLE = 1024 * 1024
"""Bytes of UTF-8 of each task that are kept: the last ones."""

ROW = 32 * 1024
"""Characters in one row at most: rows that are too old are removed as a whole."""


class TaskConsole(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A part of what a task has printed.

    The primary key keeps two processes that work on the same task from writing to the same
    place: one of them tries again, behind the other.

    Attributes:
        task_id: the task.
        start: the number of bytes before, counting those that were removed, or never kept.
        size: the number of bytes of the text.
        text: one or more lines.
    """

    __tablename__ = "TaskConsole"

    task_id: Mapped[int] = mapped_column(
        sa.ForeignKey(ProcessingTask.id), primary_key=True
    )
    start: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    size: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)


goes_with_task(TaskConsole.task_id)


class ConsolePart(NamedTuple):
    """A part of what a task has printed.

    Attributes:
        text: the lines, and a note where some are missing.
        start: where it begins, in bytes.
        end: where it ends.
        is_last: whether the task had ended when the part was read.
    """

    text: str
    start: int
    end: int
    is_last: bool


def append_console(
    connection: sa.Connection, task_id: int, text: str, skipped: int = 0
) -> None:
    """Write what a task has printed, and remove what is too old; the caller commits.

    Args:
        connection: to the database
        task_id: the task
        text: what it has printed since
        skipped: how many bytes before the text are not kept

    Raises:
        sqlalchemy.exc.IntegrityError: another process writes at this moment, or there is no
            such task.
    """
    end = 0
    for piece in _pieces(storable(text)):
        size = len(piece.encode())
        values = {"of_task": task_id, "skip": skipped, "bytes": size, "piece": piece}
        end = connection.execute(_appending(), values).scalar_one() + size
        skipped = 0
    if end > MAX_CONSOLE:
        table = TaskConsole
        old = (table.task_id == task_id) & (table.start < end - MAX_CONSOLE)
        connection.execute(sa.delete(table).where(old))


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of whole lines, unless a line is too long."""
    start = 0
    while start < len(text):
        limit = start + ROW
        end = limit if limit >= len(text) else text.rfind("\n", start, limit) + 1 or limit
        yield text[start:end]
        start = end


@cache  # to build a statement takes longer than to run it
def _appending() -> sa.Insert:
    table: Any = TaskConsole.__table__
    before = table.alias()
    of_task = sa.bindparam("of_task", type_=table.c.task_id.type)
    end = sa.select(before.c.start + before.c.size).where(before.c.task_id == of_task)
    end = end.order_by(before.c.start.desc()).limit(1)
    start = sa.func.coalesce(end.scalar_subquery(), sa.literal(0, sa.BigInteger()))
    row = sa.select(
        of_task,
        start + sa.bindparam("skip", type_=sa.BigInteger()),
        sa.bindparam("bytes", type_=table.c.size.type),
        sa.bindparam("piece", type_=sa.Text()),
    )
    columns = ["task_id", "start", "size", "text"]
    statement: sa.Insert = sa.insert(table).from_select(columns, row)
    return statement.returning(table.c.start)


def console_behind(task_id: int, start: int) -> ConsolePart | None:
    """Return what a task has printed behind a place; ``None`` when there is no such task."""
    # Whether the task has ended is read first: what is written before the end is then read, too.
    query = sa.select(ProcessingTask.finished_at.is_not(None)).filter_by(id=task_id)
    has_ended = DB.session.execute(query).scalar()
    if has_ended is None:
        return None
    return _read(_rows(task_id).where(TaskConsole.start >= start), start, has_ended)


def console_end(task_id: int, size: int) -> ConsolePart:
    """Return the end of what a task has printed.

    Args:
        task_id: the task
        size: how many bytes; a little more when they end within a row
    """
    table = TaskConsole
    end = sa.select(sa.func.max(table.start + table.size)).filter_by(task_id=task_id)
    rows = _rows(task_id).where(table.start + table.size > end.scalar_subquery() - size)
    return _read(rows, None, False)


def _rows(task_id: int) -> sa.Select[Any]:
    table: Any = TaskConsole
    query = sa.select(table.start, table.size, table.text).filter_by(task_id=task_id)
    return query.order_by(table.start)


def _read(rows: sa.Select[Any], start: int | None, is_last: bool) -> ConsolePart:
    found = DB.session.execute(rows).all()
    if start is None:
        start = found[0].start if found else 0
    texts, end = [], start
    for row in found:
        if row.start > end:
            texts.append(f"[{row.start - end} bytes are left out here]\n")
        texts.append(row.text)
        end = row.start + row.size
    return ConsolePart("".join(texts), start, end, is_last)
