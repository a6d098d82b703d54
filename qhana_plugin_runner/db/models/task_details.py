"""The data of a task status, read without creating ORM objects, by one statement if possible.

Clients request the status often.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..db import DB, MAX_ID
from ..prepared import Prepared, read_connection
from .tasks import TEMP_FILE, ProcessingTask, Step, TaskFile, TaskLink, TaskLogEntry

Details = Sequence[SimpleNamespace]


class TaskDetails(NamedTuple):
    """The data of a task status; rows have the columns of their models as attributes.

    Attributes:
        task: the columns of :class:`~.tasks.ProcessingTask`, without parameters and data
        log: the whole log
        steps: oldest first
        links: in the order they were saved
        outputs: likewise, without temporary and untyped files; empty until the task has ended
    """

    task: Any
    log: str
    steps: Details
    links: Details
    outputs: Details


def read_task(task_id: int) -> TaskDetails | None:
    """Return the data of a task status; ``None`` when there is no such task."""
    if not 0 < task_id <= MAX_ID:
        return None
    is_joined = DB.engine.dialect.name in _FUNCTIONS
    read = _read_joined if is_joined else _read_parts
    task, more_log, steps, links, outputs = read(task_id)
    if task is None:
        return None
    log = "\n".join(filter(None, (task.task_log, more_log)))
    details = (steps, links, outputs if task.finished_at is not None else ())
    return TaskDetails(task, log, *map(_as_rows, details))


def _read_joined(task_id: int) -> Sequence[Any]:
    found = _JOINED.all(id=task_id)
    return (found[0], *found[0][-4:]) if found else [None] * 5


def _read_parts(task_id: int) -> Sequence[Any]:
    """Read the task first: when it has ended by then, its outputs are complete."""
    task, texts, *details = _statements()
    values = {"id": task_id}
    with read_connection() as connection:
        return (
            connection.execute(task, values).first(),
            "\n".join(connection.execute(texts, values).scalars()),
            *(connection.execute(each, values).mappings().all() for each in details),
        )


def _as_rows(details: Sequence[Mapping[str, Any]] | None) -> Details:
    return [SimpleNamespace(**each) for each in details or ()]


def read_file(file_id: int) -> Any | None:
    """Return the columns of a file; ``None`` when there is no such file."""
    if not 0 < file_id <= MAX_ID:
        return None
    found = _FILE.all(id=file_id)
    return found[0] if found else None


def _file_statement(_dialect: str) -> sa.Select[Any]:
    file = TaskFile.__table__.c
    return sa.select(*file).where(file.id == sa.bindparam("id"))


_FILE = Prepared(_file_statement)


class _Functions(NamedTuple):
    """Aggregate functions of a database."""

    join: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
    as_object: Callable[..., sa.ColumnElement[Any]]
    as_list: Callable[..., sa.ColumnElement[Any]]


_FUNCTIONS = {
    "sqlite": _Functions(
        lambda text: sa.func.group_concat(text, sa.literal_column("char(10)")),
        sa.func.json_object,
        sa.func.json_group_array,
    ),
    "postgresql": _Functions(
        lambda text: sa.func.string_agg(text, sa.literal_column("chr(10)")),
        sa.func.json_build_object,
        sa.func.json_agg,
    ),
}
"""Those of other databases may cut long results, as ``group_concat`` of MariaDB does."""


@cache
def _statements() -> tuple[sa.Select[Any], ...]:
    """Return what reads a task, the texts of its log, its steps, its links and its outputs."""
    task, step, link, file, entry = (
        model.__table__.c
        for model in (ProcessingTask, Step, TaskLink, TaskFile, TaskLogEntry)
    )
    wanted: sa.BindParameter[int] = sa.bindparam("id")
    columns = (column for column in task if column.key not in ("parameters", "data"))
    texts = sa.select(entry.text).where(entry.task_id == wanted, entry.text != "")
    is_output = (file.file_type != "", file.mimetype != "", file.file_type != TEMP_FILE)
    return (
        sa.select(*columns).where(task.id == wanted),
        texts.order_by(entry.id),
        sa.select(*step).where(step.id == wanted).order_by(step.number),
        sa.select(*link).where(link.task_id == wanted).order_by(link.id),
        sa.select(*file).where(file.task_id == wanted, *is_output).order_by(file.id),
    )


def _joined_statement(dialect: str) -> sa.Select[Any]:
    """Return the statement that reads all of a task, its details as JSON."""
    functions = _FUNCTIONS[dialect]
    task, texts, *details = _statements()

    def rows(found: sa.Select[Any]) -> sa.ScalarSelect[Any]:
        columns = found.subquery().c
        pairs = [part for column in columns for part in (_quoted(column.key), column)]
        each = functions.as_object(*pairs, type_=sa.JSON)
        return sa.select(functions.as_list(each, type_=sa.JSON)).scalar_subquery()

    log = sa.select(functions.join(texts.subquery().c.text)).scalar_subquery()
    parts = (log, *map(rows, details))
    return task.add_columns(*(part.label(f"part_{n}") for n, part in enumerate(parts)))


_JOINED = Prepared(_joined_statement)


def _quoted(name: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{name}'")
