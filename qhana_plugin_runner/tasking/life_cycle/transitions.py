"""The transitions of a task, the only writers of its state.

Each is one compare-and-set ``UPDATE``, so that it happens once however many processes try, and
never undoes another one.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CursorResult,
    Delete,
    Insert,
    Update,
    and_,
    case,
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
from ...db.db import database_time
from ...db.models.tasks import ProcessingTask, Step, TaskLogEntry, storable
from ...db.unsaved import has_unsaved_changes
from ..changes import note_change
from ..outbox import tell
from .progress import write_held
from .states import State, sources_of

__all__ = [
    "RUNNING_FOR",
    "Transition",
    "append_log",
    "begin",
    "cancel",
    "fail",
    "give_up",
    "lose",
    "queue",
    "request_cancel",
    "restart",
    "succeed",
    "wait",
]

RUNNING_FOR: ContextVar[float | None] = ContextVar("running_for", default=None)
"""Seconds since a worker has begun with the task that is under way here."""


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
    """Append lines to a task's log, whatever others append at the same time."""
    if text:
        lock_log(task_id)
        _execute(insert(TaskLogEntry).values(task_id=task_id, text=storable(text)))
        note_change(task_id)
        _forget_loaded(task_id)


def lock_log(task_id: int) -> None:
    """Let nobody else append until the transaction ends, so that entries keep their order.

    Whoever follows a log asks for the entries behind the last one that he has. SQLite has but
    one writer at a time, and knows no such lock.
    """
    DB.session.execute(
        select(ProcessingTask.id).filter_by(id=task_id).with_for_update(key_share=True)
    )


def queue(task_id: int) -> None:
    """A message of the task is about to be sent.

    Commits, unless the session has changes that are for somebody else to commit.
    """
    unsaved = has_unsaved_changes()
    _move(task_id, State.QUEUED, only_from={State.WAITING})
    if not unsaved:
        DB.session.commit()


def begin(running: Mapping[int, float]) -> None:
    """Workers are at these tasks, for so many seconds; commits."""
    for task_id, seconds in sorted(running.items()):  # in one order for all workers
        _move(
            task_id,
            State.RUNNING,
            began_at=func.coalesce(ProcessingTask.began_at, database_time(-seconds)),
        )
    DB.session.commit()


def wait(task_id: int) -> None:
    """Nothing of the task is under way any more; commits."""
    _move(task_id, State.WAITING)
    DB.session.commit()


def restart(task_id: int, log: str, attempt: int) -> bool:
    """The work that was lost is sent anew; commits.

    Args:
        task_id: the task
        log: what is to be said of it
        attempt: the number of the attempt that was lost

    Returns:
        whether the task is still open, and nobody else has done this
    """
    happened = _move(
        task_id,
        State.QUEUED,
        also_from={State.QUEUED},
        only_attempt=attempt,
        attempt=attempt + 1,
    )
    if happened:
        append_log(task_id, log)
    DB.session.commit()
    return happened


def request_cancel(task_id: int) -> bool:
    """Somebody wants the task to stop while something of it is under way; commits.

    Returns:
        whether the task is still open
    """
    happened = _move(task_id, State.CANCELLING, also_from={State.CANCELLING})
    DB.session.commit()
    return happened


def succeed(task_id: int, log: str = "") -> Transition:
    """End a task with success: progress is complete, an open step is closed.

    A task that is to be cancelled is cancelled instead.

    Raises:
        KeyError: there is no such task.
    """
    task = ProcessingTask
    reached = case(
        (task.progress_value != 0, task.progress_target), else_=task.progress_value
    )
    return _finish(task_id, State.SUCCEEDED, log, progress_value=reached)


def fail(task_id: int, log: str) -> Transition:
    """End a task with failure.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, State.FAILED, log)


def give_up(task_id: int, log: str) -> Transition:
    """End a task with failure, unless it goes on: only one that waits.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, State.FAILED, log, {State.WAITING})


def lose(task_id: int, log: str) -> Transition:
    """End a task with failure, because its work was lost.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, State.LOST, log)


def cancel(task_id: int, log: str = "The task was cancelled.") -> Transition:
    """End a task because somebody wanted it.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, State.CANCELLED, log)


def end_as_plugin(
    task_id: int, state: State, status: str | None, finished_at: datetime
) -> bool:
    """End a task as a plugin has ended it by its row; does not commit.

    Objects of the session keep what they have: one of them is about to be written.
    """
    happened = _write_end(task_id, state, status, finished_at=finished_at)
    if happened:
        tell(task_id, "status", "details")
    return happened


def _finish(
    task_id: int,
    state: State,
    log: str,
    only_from: set[State] | None = None,
    **values: object,
) -> Transition:
    """Write the end, unless there is one already, and commit."""
    while True:
        transition = _try_to_finish(task_id, state, log, only_from, **values)
        if not transition.happened or _is_kept(task_id):
            return transition


def _is_kept(task_id: int) -> bool:
    """Whether an end that was committed is there.

    It is, but for a database in memory, as tests of plugins have: all threads share its one
    connection, and so one of them may have rolled back what another was about to commit.
    """
    if not isinstance(DB.engine.pool, StaticPool):
        return True
    query = select(ProcessingTask.finished_at).filter_by(id=task_id)
    return DB.session.execute(query).scalar() is not None


def _try_to_finish(
    task_id: int, state: State, log: str, only_from: set[State] | None, **values: object
) -> Transition:
    status = "SUCCESS" if state is State.SUCCEEDED else "FAILURE"
    if log:
        # Else the two statements below could see different logs, and both write to it.
        lock_log(task_id)
        values["log_start"] = case(
            (~_has_entries(task_id), _with_line(log)), else_=ProcessingTask.log_start
        )
    happened = _write_end(task_id, state, status, only_from=only_from, **values)
    cleared = False
    if happened:
        if log:
            _append_behind_entries(task_id, log)
        if state is State.SUCCEEDED:
            steps = update(Step).where(Step.id == task_id, Step.cleared.is_not(True))
            cleared = _execute(steps.values(cleared=True)) > 0
        tell(task_id, "status", "details", *(["steps"] if cleared else []))
    elif not DB.session.execute(select(ProcessingTask.id).filter_by(id=task_id)).first():
        raise KeyError(f"there is no task with id {task_id!r}")
    DB.session.commit()
    return Transition(happened, cleared)


def _write_end(
    task_id: int,
    state: State,
    status: str | None,
    only_from: set[State] | None = None,
    **values: object,
) -> bool:
    write_held(task_id)
    is_cancelled = ProcessingTask.state == State.CANCELLING
    began_at: Any = ProcessingTask.began_at
    if (seconds := RUNNING_FOR.get()) is not None:
        began_at = func.coalesce(began_at, database_time(-seconds))
    return _move(
        task_id,
        state,
        only_from=only_from,
        also_from={State.CANCELLING},
        **{
            "finished_at": database_time(),
            "began_at": began_at,
            **values,
            "state": case((is_cancelled, State.CANCELLED.value), else_=state.value),
            "task_status": case((is_cancelled, "FAILURE"), else_=status),
        },
    )


def _has_entries(task_id: int) -> Any:
    return exists().where(TaskLogEntry.task_id == task_id)


def _with_line(text: str) -> Any:
    log = ProcessingTask.log_start
    clean = storable(text)
    return case(
        (func.coalesce(func.length(log), 0) == 0, clean), else_=log + ("\n" + clean)
    )


def _append_behind_entries(task_id: int, text: str) -> None:
    """Append to a log that has entries; one that has none holds the text already."""
    entry = select(literal(task_id), literal(storable(text))).where(_has_entries(task_id))
    _execute(insert(TaskLogEntry).from_select(["task_id", "text"], entry))


def _move(
    task_id: int,
    to: State,
    *,
    only_from: set[State] | None = None,
    also_from: set[State] | None = None,
    only_attempt: int | None = None,
    **values: object,
) -> bool:
    """Move a task to a state from where that is legal; return whether it was moved."""
    task = ProcessingTask
    sources = only_from or (sources_of(to) | (also_from or set()))
    allowed: Any = task.state.in_(sorted(source.value for source in sources))
    if to is not State.QUEUED:
        # Rows that were made by a process of an earlier version have none.
        allowed = or_(allowed, task.state.is_(None))
    if only_attempt is not None:
        allowed = and_(allowed, func.coalesce(task.attempt, 1) == only_attempt)
    statement = update(task).where(
        task.id == task_id, task.finished_at.is_(None), allowed
    )
    happened = _execute(statement.values(**{"state": to.value, **values})) > 0
    if happened and to is not State.QUEUED:  # what led to that is published already
        note_change(task_id)
    return happened


def _forget_loaded(task_id: int) -> None:
    """Let objects of the session read the row again when they are looked at."""
    if loaded := DB.session.identity_map.get(identity_key(ProcessingTask, task_id)):
        DB.session.expire(loaded)


def _execute(statement: Update | Insert | Delete) -> int:
    """Run a statement and return the number of rows that it changed."""
    result = DB.session.execute(
        statement, execution_options={"synchronize_session": False}
    )
    assert isinstance(result, CursorResult)  # all that change rows give one
    return result.rowcount
