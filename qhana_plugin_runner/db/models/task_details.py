"""The data of a task status, read by one statement without creating ORM objects.

Clients request the status often.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal_column,
    select,
)

from ..db import DB, MAX_ID
from .tasks import TEMP_FILE, ProcessingTask, Step, TaskFile, TaskLink, TaskLogEntry

__all__ = ["TaskDetails", "read_connection", "read_file", "read_task"]

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

    task: Row[Any]
    log: str
    steps: Details
    links: Details
    outputs: Details


@contextmanager
def read_connection() -> Iterator[Connection]:
    """Yield a connection to read from, given back at the end of the block.

    It is the session's while that is in a transaction, and then sees uncommitted changes.
    """
    if DB.session.registry.has() and DB.session().in_transaction():
        yield DB.session.connection()
        return
    with DB.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            # Each statement is a transaction of its own: two round trips less to a server.
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


def read_task(task_id: int) -> TaskDetails | None:
    """Return the data of a task status; ``None`` when there is no such task."""
    if not 0 < task_id <= MAX_ID:
        return None
    with read_connection() as connection:
        statement = _task_statement(connection.dialect.name)
        task = connection.execute(statement, {"id": task_id}).first()
    if task is None:
        return None
    log = "\n".join(filter(None, (task.task_log, task.more_log)))
    outputs = task.outputs if task.finished_at is not None else ()
    details = (task.steps, task.links, outputs)
    return TaskDetails(task, log, *map(_as_rows, details))


def _as_rows(details: Sequence[dict[str, Any]] | None) -> Details:
    return [SimpleNamespace(**each) for each in details or ()]


def read_file(file_id: int) -> Row[Any] | None:
    """Return the columns of a file; ``None`` when there is no such file."""
    if not 0 < file_id <= MAX_ID:
        return None
    with read_connection() as connection:
        return connection.execute(_file_statement(), {"id": file_id}).first()


@cache  # to build a statement takes longer than to run it
def _file_statement() -> Select[Any]:
    file = TaskFile.__table__.c
    return select(*file).where(file.id == bindparam("id"))


class _Functions(NamedTuple):
    """Aggregate functions of a database."""

    join: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    as_object: Callable[..., ColumnElement[Any]]
    as_list: Callable[..., ColumnElement[Any]]


_FUNCTIONS = {
    "sqlite": _Functions(
        lambda text: func.group_concat(text, literal_column("char(10)")),
        func.json_object,
        func.json_group_array,
    ),
    "postgresql": _Functions(
        lambda text: func.string_agg(text, literal_column("chr(10)")),
        func.json_build_object,
        func.json_agg,
    ),
    "mariadb": _Functions(
        lambda text: func.group_concat(text.op("SEPARATOR")(literal_column("'\\n'"))),
        func.json_object,
        func.json_arrayagg,
    ),
}


@cache
def _task_statement(dialect: str) -> Select[Any]:
    """Return the statement that reads all of a task, its details as JSON."""
    task, step, link, file, entry = (
        model.__table__.c
        for model in (ProcessingTask, Step, TaskLink, TaskFile, TaskLogEntry)
    )
    functions = _FUNCTIONS.get(dialect, _FUNCTIONS["mariadb"])
    wanted: BindParameter[int] = bindparam("id")
    is_output = (file.file_type != "", file.mimetype != "", file.file_type != TEMP_FILE)
    texts = select(entry.text).where(entry.task_id == wanted, entry.text != "")
    text = texts.order_by(entry.id).subquery().c.text

    def rows(order: Column[Any], *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
        found = select(order.table).where(*conditions).order_by(order).subquery().c
        pairs = [part for column in found for part in (_quoted(column.key), column)]
        each = functions.as_object(*pairs, type_=JSON)
        return select(functions.as_list(each, type_=JSON)).scalar_subquery()

    return select(
        *(column for column in task if column.key not in ("parameters", "data")),
        select(functions.join(text)).scalar_subquery().label("more_log"),
        rows(step.number, step.id == wanted).label("steps"),
        rows(link.id, link.task_id == wanted).label("links"),
        rows(file.id, file.task_id == wanted, *is_output).label("outputs"),
    ).where(task.id == wanted)


def _quoted(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'")
