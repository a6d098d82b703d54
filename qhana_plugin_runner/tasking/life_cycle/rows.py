"""What plugins write to the rows of tasks themselves goes the way of the transitions.

Plugins set ``task_status``, ``finished_at``, progress and log on an object that they may have
loaded long ago, and commit. Here, right before the session writes, such changes are taken off
the object and written with the conditions of the state machine: the first end stays, and an old
object does not undo what others have written since.
"""

from functools import cache
from typing import Any

from flask import has_request_context, request
from sqlalchemy import case, event, func, inspect, update
from sqlalchemy.orm import Session, SessionTransaction, object_session

from ...db import DB
from ...db.models.tasks import ProcessingTask, TaskLogEntry, storable
from ...db.statements import execute
from ...util.logging import plugin_of_request
from ..changes import note_change
from ..clients import note_client, require_few_tasks
from .ends import note_end
from .progress import PROGRESS, report
from .states import state_of_end
from .transitions import end_as_plugin, lock_log

MADE = "qhana_plugin_runner.made_tasks"
"""In the environ of a request: the ids of the rows that it has made, and committed."""

UNSAVED = "qhana_plugin_runner.unsaved_tasks"
"""In the environ of a request: the ids of those that it has made, and not committed."""

_NEW = "qhana_plugin_runner.new_tasks"

_END = ("task_status", "finished_at", "state")


@cache  # once for the process, whose session all apps share
def listen() -> None:
    """Send what plugins write to rows through the life cycle, and note the rows they make."""
    event.listen(DB.session, "before_flush", _write_through_life_cycle)
    event.listen(ProcessingTask, "after_insert", _note_made, propagate=True)
    event.listen(Session, "after_commit", _note_committed)
    event.listen(Session, "after_transaction_end", _forget_uncommitted)


def _write_through_life_cycle(session: Session, _context: Any, _instances: Any) -> None:
    for row in session.new:
        if isinstance(row, ProcessingTask):
            _complete(row)
    for row in session.dirty:
        # A file that was added to it is no change of the row.
        if isinstance(row, ProcessingTask) and session.is_modified(row, False):
            note_change(session, row.id)
            _take_over(row)
    entries = [row for row in session.new if isinstance(row, TaskLogEntry)]
    # In one order for all, so that two processes never wait for each other.
    for task_id in sorted({entry.task.id for entry in entries if entry.task.id}):
        lock_log(task_id)


def _note_made(_mapper: Any, connection: Any, task: ProcessingTask) -> None:
    if task.finished_at is not None and (session := object_session(task)):
        note_end(session, task.id, task.plugin, state_of_end(task.task_status))
    if has_request_context():
        require_few_tasks(task, connection)
        request.environ.setdefault(UNSAVED, set()).add(task.id)
        if session := object_session(task):
            session.info.setdefault(_NEW, []).append(task)


def _note_committed(session: Session) -> None:
    """Others may get the ids of rows that are rolled back: only what stays is noted."""
    if session.in_nested_transaction() or not has_request_context():
        return
    states = [inspect(task, raiseerr=True) for task in session.info.pop(_NEW, ())]
    ids = [state.identity[0] for state in states if state.persistent or state.detached]
    request.environ.setdefault(MADE, {}).update(dict.fromkeys(ids))
    request.environ.get(UNSAVED, set()).difference_update(ids)


def _forget_uncommitted(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_NEW, None)


def _complete(task: ProcessingTask) -> None:
    """Fill in a new row what the plugin does not know of."""
    if task.plugin is None:
        task.plugin = _plugin_of(task)
    if has_request_context():
        note_client(task)
    if task.log_start:
        task.log_start = storable(task.log_start)
    if task.finished_at is not None:
        task.state = state_of_end(task.task_status)


def _plugin_of(task: ProcessingTask) -> str | None:
    """Return the plugin whose view makes the row, or else the one that its name tells."""
    if plugin := plugin_of_request():
        return plugin
    prefix, dot, _name = (task.task_name or "").partition(".")
    return prefix if dot and "@" in prefix else None


def _take_over(task: ProcessingTask) -> None:
    # Before an end, after which nothing more is written.
    if progress := _taken(task, PROGRESS):
        report(task, progress)
    end = _taken(task, _END)
    if end:
        # The state is not for plugins to write.
        status = end.get("task_status", task.task_status)
        finished_at = end.get("finished_at", task.finished_at)
        if finished_at is not None:
            end_as_plugin(task.id, state_of_end(status), status, finished_at)
            DB.session.expire(task, [*_END, "began_at"])
        elif "task_status" in end:
            _write(task, ProcessingTask.finished_at.is_(None), task_status=status)
    history = _attributes(task).log_start.history
    if history.has_changes():
        _write_log(task, old=(history.deleted or [""])[0] or "")


def _attributes(task: ProcessingTask) -> Any:
    return inspect(task, raiseerr=True).attrs  # type: ignore[unreachable, unused-ignore]


def _taken(task: ProcessingTask, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what was changed of these attributes, and let the object forget it."""
    attributes = _attributes(task)
    changed = {
        name: getattr(task, name)
        for name in names
        if attributes[name].history.has_changes()
    }
    if changed:
        DB.session.expire(task, list(changed))
    return changed


def _write_log(task: ProcessingTask, old: str) -> None:
    """Write the first part of a log; when others have written to it since, behind theirs."""
    new = storable(task.log_start or "")
    DB.session.expire(task, ["log_start"])
    column = ProcessingTask.log_start
    value = case((func.coalesce(column, "") == old, new), else_=column + ("\n" + new))
    _write(task, log_start=value)


def _write(task: ProcessingTask, *conditions: Any, **values: Any) -> None:
    statement = update(ProcessingTask).where(ProcessingTask.id == task.id, *conditions)
    execute(statement.values(**values))
