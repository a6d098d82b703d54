"""Tells of each end of a task, once it is committed, to those in this process who listen."""

from blinker import Signal
from flask import current_app
from sqlalchemy.orm import Session

from ...db.after_commit import run_after_commit

ENDED = Signal(
    "Sent with the app, and with ``plugin`` and ``state`` of a task that has ended."
)


def note_end(session: Session, task_id: int, plugin: str | None, state: str) -> None:
    """A task ends in the session's open transaction."""
    if ENDED.receivers:
        run_after_commit(session, _send, task_id, plugin, state)


def _send(_task_id: int, plugin: str | None, state: str) -> None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ENDED.send(app, plugin=plugin, state=state)
