"""All that a task's status shows, read without making objects of the rows.

Clients ask for the status over and over, so it is read by as few and as plain statements as it can.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    exists,
    func,
    select,
)

from ..db import DB, LARGEST_ID
from .tasks import TEMP_FILE, ProcessingTask, Step, TaskFile, TaskLink, TaskLogEntry

__all__ = ["TaskDetails", "read_connection", "read_task"]


class TaskDetails(NamedTuple):
    """A task as clients see it, in rows with the columns of the models as attributes.

    Attributes:
        task: the columns of :class:`~.tasks.ProcessingTask`
        log: the whole log
        steps: oldest first
        links: in the order they were saved
        outputs: likewise, without temporary and untyped files; empty until the task has ended
    """

    task: Row[Any]
    log: str
    steps: Sequence[Row[Any]] = ()
    links: Sequence[Row[Any]] = ()
    outputs: Sequence[Row[Any]] = ()


@contextmanager
def read_connection() -> Iterator[Connection]:
    """Yield a connection to read from, given back at the end of the block.

    Where the session is in a transaction it is that one's, which sees what was not committed.
    """
    if DB.session.registry.has() and DB.session().in_transaction():
        yield DB.session.connection()
    else:
        with DB.engine.connect() as connection:
            yield connection


def read_task(task_id: int) -> TaskDetails | None:
    """Return what there is to show of a task; ``None`` when there is no such task."""
    if not 0 < task_id <= LARGEST_ID:
        return None
    parameters = {"id": task_id}
    with read_connection() as connection:

        def rows(query: Select[Any], wanted: bool) -> Sequence[Row[Any]]:
            return connection.execute(query, parameters).all() if wanted else ()

        statements = _statements()
        # The task first: what has ended has all its files already.
        task = connection.execute(statements.task, parameters).first()
        if task is None:
            return None
        return TaskDetails(
            task,
            "\n".join(filter(None, (task.task_log, task.more_log))),
            rows(statements.steps, task.has_steps),
            rows(statements.links, task.has_links),
            rows(statements.outputs, task.has_outputs and task.finished_at is not None),
        )


class _Statements(NamedTuple):
    task: Select[Any]
    steps: Select[Any]
    links: Select[Any]
    outputs: Select[Any]


@cache  # to build a statement takes as long as to run it
def _statements() -> _Statements:
    task, step, link, file, entry = (
        model.__table__.c
        for model in (ProcessingTask, Step, TaskLink, TaskFile, TaskLogEntry)
    )
    wanted: BindParameter[int] = bindparam("id")
    owners = {
        "has_steps": step.id,
        "has_links": link.task_id,
        "has_outputs": file.task_id,
    }
    columns = [column for column in task if column.key not in ("parameters", "data")]
    flags = (
        exists().where(owner == task.id).label(name) for name, owner in owners.items()
    )
    is_output = (file.file_type != "", file.mimetype != "", file.file_type != TEMP_FILE)
    entries = select(entry.text).where(entry.task_id == wanted, entry.text != "")
    texts = entries.order_by(entry.id).subquery().c.text
    more_log = select(func.aggregate_strings(texts, "\n")).scalar_subquery()
    return _Statements(
        select(*columns, *flags, more_log.label("more_log")).where(task.id == wanted),
        select(*step).where(step.id == wanted).order_by(step.number),
        select(*link).where(link.task_id == wanted).order_by(link.id),
        select(*file).where(file.task_id == wanted, *is_output).order_by(file.id),
    )
