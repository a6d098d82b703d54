"""The transitions of a task, the only writers of its state.

Each is one compare-and-set ``UPDATE``, so that it happens once however many processes try, and
never undoes another one. The statements are built once: to build one takes longer than to run it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Executable,
    Float,
    Insert,
    Integer,
    Row,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm.util import identity_key
from sqlalchemy.pool import StaticPool

from ...db import DB
from ...db.db import UtcTimestamp, database_time
from ...db.models.secrets import TaskSecret
from ...db.models.tasks import ProcessingTask, Step, TaskLogEntry, storable
from ...db.statements import execute_compiled
from ...db.unsaved import has_unsaved_changes, is_in_transaction
from ...util.current_message import current_message
from ..changes import note_change
from ..outbox import enqueue
from ..signals import send_enqueued
from .ends import note_end
from .progress import write_held
from .states import OPEN, TaskState, sources_of


def _table(model: Any) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


# Tables and not models: the ORM would look for objects to bring up to date, which is done here.
_TASK, _STEP, _LOG = _table(ProcessingTask), _table(Step), _table(TaskLogEntry)
_SECRET = _table(TaskSecret)

_ID = bindparam("of_task", type_=Integer())

_HAS_ENTRIES = exists().where(_LOG.c.task_id == _ID)
_IS_OPEN_STEP = _STEP.c.cleared.is_not(True)


@dataclass(frozen=True)
class Transition:
    """What a transition did.

    Attributes:
        happened: ``False`` when the task had ended before; then nothing was changed.
        cleared_step: whether an open step was closed with the task.
    """

    happened: bool
    cleared_step: bool = False


def append_log(task_id: int, text: str) -> None:
    """Append lines to a task's log, whatever others append concurrently."""
    if text:
        lock_log(task_id)
        DB.session.execute(insert(_LOG).values(task_id=task_id, text=storable(text)))
        note_change(DB.session(), task_id)
        if loaded := DB.session.identity_map.get(identity_key(ProcessingTask, task_id)):
            DB.session.expire(loaded)


def lock_log(task_id: int) -> None:
    """Let nobody else append until the transaction ends, so that entries keep their order.

    Clients that follow a log ask for the entries behind the last one that they have. SQLite has
    one writer at a time, and knows no such lock.
    """
    if DB.engine.dialect.name != "sqlite":
        execute_compiled(_locking(), of_task=task_id)


@cache
def _locking() -> Executable:
    return select(_TASK.c.id).where(_TASK.c.id == _ID).with_for_update(key_share=True)


def mark_queued(task_id: int) -> None:
    """A message of the task is about to be sent.

    Commits, unless the session has changes that are for somebody else to commit.
    """
    statement = _moving(TaskState.QUEUED, TaskState.WAITING)
    if not is_in_transaction():
        # Without the session, which takes longer for one statement than the database.
        with DB.engine.begin() as connection:
            connection.execute(statement, {"of_task": task_id})
        return
    unsaved = has_unsaved_changes()
    _execute(statement, task_id)
    if not unsaved:
        DB.session.commit()


def mark_running(running: Mapping[int, float]) -> None:
    """Workers are at these tasks, for so many seconds; commits."""
    for task_id, seconds in sorted(running.items()):  # in one order for all workers
        _move(_beginning(), task_id, running_for=seconds)
    DB.session.commit()


def mark_waiting(task_id: int) -> None:
    """Nothing of the task is in flight any more; commits."""
    _move(_moving(TaskState.WAITING), task_id)
    DB.session.commit()


def restart(task_id: int, log: str, attempt: int, next_attempt: int) -> bool:
    """The work that was lost, or given up, is sent once more; commits.

    Args:
        task_id: the task
        log: what its log is to say
        attempt: the number of the attempt before
        next_attempt: that of the one which follows: the same if that one does not count

    Returns:
        whether the task is still open, and nobody else has done this
    """
    numbers = {"lost_attempt": attempt, "next_attempt": next_attempt}
    happened = _execute(_restarting(), task_id, **numbers) > 0
    if happened:
        append_log(task_id, log)
    DB.session.commit()
    return happened


def request_cancel(task_id: int) -> bool:
    """Ask a task to stop while something of it runs; commits.

    Returns:
        whether the task is still open
    """
    happened = _move(_moving(TaskState.CANCELLING), task_id)
    DB.session.commit()
    return happened


def succeed(task_id: int, log: str = "", unless_cancelling: bool = False) -> Transition:
    """End a task with success: progress is complete, an open step is closed.

    Args:
        task_id: the task
        log: appended to its log
        unless_cancelling: leave a task that is to be cancelled alone; else it is cancelled

    Raises:
        KeyError: there is no such task.
    """
    only_from = OPEN - {TaskState.CANCELLING} if unless_cancelling else OPEN
    return _finish(task_id, TaskState.SUCCEEDED, log, only_from)


def fail(task_id: int, log: str) -> Transition:
    """End a task with failure.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, TaskState.FAILED, log)


def expire(task_id: int, log: str) -> Transition:
    """End a task with failure, unless it goes on: only one that waits.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, TaskState.FAILED, log, frozenset({TaskState.WAITING}))


def mark_lost(task_id: int, log: str) -> Transition:
    """End a task with failure, because its work was lost.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, TaskState.LOST, log)


def cancel(task_id: int, log: str = "The task was cancelled.") -> Transition:
    """End a task because it was asked to stop.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, TaskState.CANCELLED, log)


def end_as_plugin(
    task_id: int, state: TaskState, status: str | None, finished_at: datetime
) -> None:
    """End a task as a plugin has ended it by its row; does not commit.

    Objects of the session keep what they have: one of them is about to be written.
    """
    if _end(task_id, state, status, finished_at=finished_at) is not None:
        enqueue(task_id, "status", "details")


def _finish(
    task_id: int, state: TaskState, log: str, only_from: frozenset[TaskState] = OPEN
) -> Transition:
    """Write the end, unless there is one already, commit, and send the signals of it."""
    status = "SUCCESS" if state is TaskState.SUCCEEDED else "FAILURE"
    if log:
        # Else the two statements that write it could see different logs, and both do.
        lock_log(task_id)
    ended = _end(task_id, state, status, log, only_from)
    happened, cleared = ended is not None, False
    if ended is not None:
        if log and ended.has_entries:
            _execute(_appending_entry(), task_id, new_log=storable(log))
        if ended.has_step and state is TaskState.SUCCEEDED:
            cleared = _execute(_clearing_step(), task_id) > 0
        enqueue(task_id, "status", "details", *(["steps"] if cleared else []))
    elif DB.session.scalar(select(_TASK.c.id).where(_TASK.c.id == task_id)) is None:
        raise KeyError(f"there is no task with id {task_id!r}")
    DB.session.commit()
    if not happened:
        return Transition(False)
    if not _is_kept(task_id):
        return _finish(task_id, state, log, only_from)
    send_enqueued(task_id, "status", "details", *(["steps"] if cleared else []))
    return Transition(True, cleared)


def _is_kept(task_id: int) -> bool:
    """Whether an end that was committed is there.

    It is, but for a database in memory, as tests of plugins have: all threads share its one
    connection, and so one of them may have rolled back what another was about to commit.
    """
    if not isinstance(DB.engine.pool, StaticPool):
        return True
    query = select(_TASK.c.finished_at).where(_TASK.c.id == task_id)
    return DB.session.scalar(query) is not None


def _end(
    task_id: int,
    state: TaskState,
    status: str | None,
    log: str = "",
    only_from: frozenset[TaskState] = OPEN,
    finished_at: datetime | None = None,
) -> Row[Any] | None:
    """Write the end of a task, and return what else is there of it; ``None`` if it has ended before."""
    write_held(task_id)
    values: dict[str, Any] = {"end_status": status}
    message = current_message()
    if message.task_id == task_id and (seconds := message.running_for) is not None:
        values["running_for"] = seconds
    if finished_at is not None:
        values["end_time"] = finished_at
    if log:
        values["new_log"] = storable(log)
    statement = _ending(state, only_from, *(name in values for name in _OPTIONAL))
    if not _move(statement, task_id, **values):
        return None
    ended = execute_compiled(_ended(), of_task=task_id).one()
    if ended.has_secrets:
        _execute(_removing_secrets(), task_id)
    note_end(DB.session(), task_id, ended.plugin, ended.state)
    return ended


_OPTIONAL = ("running_for", "end_time", "new_log")


@cache
def _ending(
    state: TaskState,
    only_from: frozenset[TaskState],
    has_begun: bool,
    has_time: bool,
    has_log: bool,
) -> Update:
    task = _TASK.c
    is_cancelled = task.state == TaskState.CANCELLING.value
    status = bindparam("end_status", type_=task.task_status.type)
    values: dict[str, Any] = {
        "finished_at": (
            bindparam("end_time", type_=UtcTimestamp()) if has_time else database_time()
        ),
        "state": case((is_cancelled, TaskState.CANCELLED.value), else_=state.value),
        "task_status": case((is_cancelled, "FAILURE"), else_=status),
    }
    if has_begun:
        values["began_at"] = func.coalesce(task.began_at, _begun())
    if state is TaskState.SUCCEEDED and not has_time:
        value, target = task.progress_value, task.progress_target
        values["progress_value"] = case((value != 0, target), else_=value)
    if has_log:
        before, line = task.task_log, bindparam("new_log", type_=Text())
        is_empty = func.coalesce(func.length(before), 0) == 0
        whole = case((is_empty, line), else_=before + ("\n" + line))
        values["task_log"] = case((~_HAS_ENTRIES, whole), else_=before)
    statement = update(_TASK).where(task.id == _ID, task.finished_at.is_(None))
    if only_from != OPEN:
        # Rows that were made by a process of an earlier version have none.
        statement = statement.where(or_(_is_in(only_from), task.state.is_(None)))
    return statement.values(values)


def _is_in(states: Iterable[TaskState]) -> ColumnElement[bool]:
    return _TASK.c.state.in_(
        [literal(state) for state in sorted(s.value for s in states)]
    )


def _begun() -> Any:
    return database_time(-bindparam("running_for", type_=Float()))


@cache
def _moving(to: TaskState, only_from: TaskState | None = None) -> Update:
    """Return the statement that moves a task to a state that is no end, where that is legal."""
    is_legal: Any = _is_in({only_from} if only_from else sources_of(to))
    if to is not TaskState.QUEUED:
        # Rows that were made by a process of an earlier version have none.
        is_legal = or_(is_legal, _TASK.c.state.is_(None))
    is_open = _TASK.c.finished_at.is_(None)
    return (
        update(_TASK).where(_TASK.c.id == _ID, is_open, is_legal).values(state=to.value)
    )


@cache
def _beginning() -> Update:
    began_at = func.coalesce(_TASK.c.began_at, _begun())
    return _moving(TaskState.RUNNING).values(began_at=began_at)


@cache
def _restarting() -> Update:
    attempt = func.coalesce(_TASK.c.attempt, 1)
    is_this_one = attempt == bindparam("lost_attempt", type_=Integer())
    following = bindparam("next_attempt", type_=Integer())
    return _moving(TaskState.QUEUED).where(is_this_one).values(attempt=following)


@cache
def _appending_entry() -> Insert:
    """Append to a log that has entries; one that has none holds the text already."""
    text = bindparam("new_log", type_=Text())
    entry = select(_ID, text).where(_HAS_ENTRIES)
    return insert(_LOG).from_select(["task_id", "text"], entry)


@cache
def _ended() -> Select[Any]:
    """Ask at once what most tasks have nothing of: a statement for each takes longer."""
    return select(
        _TASK.c.plugin,
        _TASK.c.state,
        exists().where(_SECRET.c.task_id == _ID).label("has_secrets"),
        _HAS_ENTRIES.label("has_entries"),
        exists().where(_STEP.c.id == _ID, _IS_OPEN_STEP).label("has_step"),
    ).where(_TASK.c.id == _ID)


@cache
def _removing_secrets() -> Delete:
    return delete(_SECRET).where(_SECRET.c.task_id == _ID)


@cache
def _clearing_step() -> Update:
    return update(_STEP).where(_STEP.c.id == _ID, _IS_OPEN_STEP).values(cleared=True)


def _move(statement: Update, task_id: int, **values: object) -> bool:
    """Move a task to another state, and wake those who wait for a change of it."""
    happened = _execute(statement, task_id, **values) > 0
    if happened:
        note_change(DB.session(), task_id)
    return happened


def _execute(statement: Executable, task_id: int, **values: object) -> int:
    """Run a statement about a task and return the number of rows that it changed."""
    return execute_compiled(statement, of_task=task_id, **values).rowcount
