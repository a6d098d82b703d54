"""Tells of each end of a task, once it is committed, to those in this process who listen."""

from functools import cache

from blinker import Signal
from flask import current_app
from sqlalchemy import Integer, Select, bindparam, select
from sqlalchemy.orm import Session

from ...db.after_commit import run_after_commit
from ...db.models.tasks import ProcessingTask

ENDED = Signal(
    "Sent with the app, and with ``plugin`` and ``state`` of a task that has ended."
)


def note_end(session: Session, task_id: int, plugin: str | None, state: str) -> None:
    """A task ends in the session's open transaction."""
    if ENDED.receivers:
        run_after_commit(session, _send, task_id, plugin, state)


def note_end_of(session: Session, task_id: int) -> None:
    """A task ends in the session's open transaction, which has written that."""
    if ENDED.receivers:
        row = session.execute(_end(), {"of_task": task_id}).one()
        note_end(session, task_id, row.plugin, row.state)


@cache
def _end() -> Select[str | None, str | None]:
    task = ProcessingTask
    is_it = task.id == bindparam("of_task", type_=Integer())
    return select(task.plugin, task.state).where(is_it)


def _send(_task_id: int, plugin: str | None, state: str) -> None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ENDED.send(app, plugin=plugin, state=state)
