"""The signals of tasks, with which plugins announce changes, lead to the outbox.

Plugins mostly send a signal after they have committed the change; then what is to be told is
committed at once. When the session holds changes that are not committed, it is left to the
commit of these, as the receiver would ask before there is something to see. A rollback takes it
back. What nobody has committed by the end of the app context is written then: to tell of
nothing new does no harm, but to miss a change does.
"""

import logging

from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..db import DB
from ..db.unsaved import has_unsaved_changes
from .outbox import tell, was_told
from .signals import TASK_DETAILS_CHANGED, TASK_STATUS_CHANGED, TASK_STEPS_CHANGED

__all__ = ["connect_signals"]

_OPEN = "qhana_told"
"""In ``Session.info``: what was told in the transaction under way, as pairs of task and event."""

_logger = logging.getLogger(__name__)


def connect_signals(app: Flask) -> None:
    """Listen to the signals, and look at the end of each context for what was not committed.

    The signals belong to the process: for a second app nothing more is connected.
    """
    TASK_STATUS_CHANGED.connect(_status_changed)
    TASK_STEPS_CHANGED.connect(_steps_changed)
    TASK_DETAILS_CHANGED.connect(_details_changed)
    # Runs before the session is given up: later functions come first.
    app.teardown_appcontext(_save_what_is_left)


def _status_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "status")


def _steps_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "steps")


def _details_changed(_app: Flask, *, task_id: int, **_kwargs: object) -> None:
    _changed(task_id, "details")


def _changed(task_id: int, event_type: str) -> None:
    if was_told():
        return
    session = DB.session()
    if has_unsaved_changes():
        session.flush()  # there may be subscriptions among them
        tell(task_id, event_type)
        session.info.setdefault(_OPEN, []).append((task_id, event_type))
    else:
        tell(task_id, event_type)
        session.commit()


@event.listens_for(DB.session, "after_commit")
@event.listens_for(DB.session, "after_soft_rollback")
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
            tell(task_id, event_type)
        DB.session.commit()
    except SQLAlchemyError:
        # An error here would keep the session from being given up.
        tasks = sorted({task_id for task_id, _event_type in left})
        _logger.exception("the subscribers of the tasks %s are not told", tasks)
