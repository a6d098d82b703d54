"""The signals of tasks: plugins announce changes with them, and learn of the runner's own.

What a plugin announces leads to the outbox. Plugins mostly send a signal after they have committed
the change; then the call is committed at once. When the session holds changes that are not
committed, it is left to the commit of these, as the receiver would ask before there is something
to see. A rollback takes it back. What is not committed by the end of the app context is written
then: to tell of nothing new does no harm, but to miss a change does.
"""

import logging
from functools import cache

from blinker import Namespace
from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..db import DB
from ..db.unsaved import has_unsaved_changes
from .outbox import enqueue

TASK_SIGNALS = Namespace()
"""The signals of tasks: ``SIGNAL.send(app, task_id=...)`` tells the task's subscribers."""

TASK_STATUS_CHANGED = TASK_SIGNALS.signal("task-status-changed")
"""The task has ended."""

TASK_STEPS_CHANGED = TASK_SIGNALS.signal("task-steps-changed")
"""A step was added or cleared."""

TASK_DETAILS_CHANGED = TASK_SIGNALS.signal("task-details-changed")
"""Anything else that clients see has changed: log, progress, outputs, links."""

_OPEN = "qhana_enqueued"
"""In ``Session.info``: what was enqueued in the open transaction, as pairs of task and event."""

_logger = logging.getLogger(__name__)


def send_enqueued(task_id: int, *events: str) -> None:
    """Send the signals of changes whose calls were enqueued in the transaction of the change.

    All receivers get them but the runner's own, whose work is done.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    for name in events:
        signal, own = _SIGNALS[name]
        for receiver in signal.receivers_for(app):
            if receiver is not own:
                receiver(app, task_id=task_id)


def register_signals(app: Flask) -> None:
    """Lead the signals to the outbox, and look at the end of each context for what is left."""
    _listen()
    # Runs before the session is given up: later functions come first.
    app.teardown_appcontext(_save_what_is_left)


@cache  # signals and session belong to the process
def _listen() -> None:
    for signal, own in _SIGNALS.values():
        signal.connect(own)
    for name in ("after_commit", "after_soft_rollback"):
        event.listen(DB.session, name, _after_end)


def _status_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "status")


def _steps_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "steps")


def _details_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "details")


_SIGNALS = {
    "status": (TASK_STATUS_CHANGED, _status_changed),
    "steps": (TASK_STEPS_CHANGED, _steps_changed),
    "details": (TASK_DETAILS_CHANGED, _details_changed),
}


def _changed(task_id: int, event_type: str) -> None:
    session = DB.session()
    if has_unsaved_changes():
        session.flush()  # there may be subscriptions among them
        enqueue(task_id, event_type)
        session.info.setdefault(_OPEN, []).append((task_id, event_type))
    else:
        enqueue(task_id, event_type)
        session.commit()


def _after_end(session: Session, *_previous: object) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_OPEN, None)


def _save_what_is_left(_error: BaseException | None) -> None:
    left = DB.session().info.get(_OPEN) if DB.session.registry.has() else None
    if not left:
        return
    try:
        DB.session.rollback()
        for task_id, event_type in left:
            enqueue(task_id, event_type)
        DB.session.commit()
    except SQLAlchemyError:
        # An error here would keep the session from being given up.
        tasks = sorted({task_id for task_id, _event_type in left})
        _logger.exception("the subscribers of the tasks %s are not told", tasks)
