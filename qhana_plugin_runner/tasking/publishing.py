"""Messages about a task that a request sends leave when its view is done.

Plugins send the message of a task first and write to its row afterwards. A worker that is quick
would write to the row at the same time, and one of the two changes would be lost; or it would
not find the row at all. So these messages are held back until the answer is ready, or until the
view asks for a result.

A view that makes a row, and fails before it has sent anything for it, has nobody who goes on with
the task: it ends then, unless a step of it waits for a person.
"""

import logging
from collections.abc import Callable, Set
from typing import Any, NamedTuple

from flask import Flask, Response, has_request_context, request
from sqlalchemy.exc import SQLAlchemyError

from ..db import DB
from ..db.unsaved import has_unsaved_changes
from ..errors import TaskNotSaved
from ..util.error_text import name_and_text
from . import life_cycle
from .errors import BrokerUnavailable
from .life_cycle.rows import MADE, UNSAVED
from .owners import waits_for_step

__all__ = ["fail_unsent", "hold", "note_sending", "register_publishing", "release"]

_logger = logging.getLogger(__name__)

# In the environ, where it is found in whichever app context a view pushes.
_HELD = "qhana_plugin_runner.tasking.publishing"


# The tasks that messages were sent for; None stands for one that does not tell.
_SENT_FOR = "qhana_plugin_runner.sent_for"
_FAILED = "qhana_plugin_runner.failed"


class _Message(NamedTuple):
    task_ids: Set[int]
    send: Callable[[], Any]


def note_sending(task_ids: Set[int]) -> None:
    """A message is sent.

    Args:
        task_ids: the rows of the tasks that it is about; none when it does not tell
    """
    if has_request_context():
        sent_for: set[int | None] = request.environ.setdefault(_SENT_FOR, set())
        sent_for.update(task_ids or [None])


def hold(task_ids: Set[int], send: Callable[[], Any]) -> bool:
    """Keep a message for later.

    Args:
        task_ids: the rows of the tasks that the message is about
        send: sends the message

    Returns:
        whether it was kept; it is not where no request is being answered
    """
    if not has_request_context() or _HELD not in request.environ:
        return False
    request.environ[_HELD].append(_Message(task_ids, send))
    return True


def release() -> None:
    """Send what was held back, in the order in which it came.

    Raises:
        BrokerUnavailable: the broker does not answer; names the tasks of all messages that have
            not been sent
    """
    held = request.environ.get(_HELD) if has_request_context() else None
    while held:
        message = held.pop(0)
        note_sending(message.task_ids)
        try:
            message.send()
        except BrokerUnavailable as error:
            error.task_ids.update(message.task_ids, *(other.task_ids for other in held))
            note_sending(error.task_ids)
            held.clear()
            raise


def fail_unsent(error: BrokerUnavailable) -> None:
    """Fail the tasks whose messages could not be sent."""
    DB.session.rollback()
    for task_id in error.task_ids:
        try:
            reason = f"The task could not be started: {error}"
            life_cycle.fail(task_id, reason)
        except KeyError:
            # The plugin had not committed its row: nothing is left behind.
            _logger.info("task %s was never saved", task_id)


def _release_saved() -> None:
    """Send what was held back, but for messages about rows that were not committed.

    Raises:
        BrokerUnavailable: the broker does not answer.
        TaskNotSaved: there is such a message; the others have been sent.
    """
    held = request.environ.get(_HELD)
    if not held:
        return
    unsaved = request.environ.get(UNSAVED, set())
    missing = unsaved & set().union(*(message.task_ids for message in held))
    held[:] = [message for message in held if not missing & message.task_ids]
    release()
    if missing:
        raise TaskNotSaved(f"nothing is sent with db_id={min(missing)}")


def _end(task_id: int, reason: str) -> None:
    """End a task that waits for nobody, if its row is there."""
    log = (
        f"Task failed: the view that made it has failed ({reason}), "
        "and has not started anything."
    )
    try:
        DB.session.rollback()
        if not waits_for_step(task_id):
            life_cycle.expire(task_id, log)
    except KeyError:
        return  # it was deleted since
    except SQLAlchemyError as error:
        _logger.error("task %s waits, and nobody goes on with it: %s", task_id, error)


def register_publishing(app: Flask) -> None:
    """Publish the messages of a request after its response."""

    @app.before_request
    def start_holding() -> None:
        request.environ[_HELD] = []

    @app.after_request
    def send_now(response: Response) -> Response:
        try:
            if request.environ.get(_HELD) and has_unsaved_changes():
                # The view has ended without a commit: nobody would save them. They are not to
                # take with them what is noted of the messages.
                DB.session.rollback()
            _release_saved()
        except Exception as error:
            # As if the view had raised it: only views' errors are handled by Flask.
            response = app.make_response(app.handle_user_exception(error))
        finally:
            # What a stream sends while it is read leaves at once.
            request.environ.pop(_HELD, None)
            if response.status_code >= 500:
                request.environ[_FAILED] = f"HTTP {response.status_code}"
        return response

    @app.teardown_request
    def send_or_end_what_is_left(error: BaseException | None) -> None:
        """Do what is left to do when an error of a view has gone past the function above."""
        if request.environ.get(_HELD):
            try:
                _release_saved()
            except (BrokerUnavailable, TaskNotSaved) as unsent:
                app.logger.error("a task was not started: %s", unsent)
        if made := request.environ.pop(MADE, None):
            failed = request.environ.get(_FAILED)
            reason = failed if error is None else name_and_text(error)
            sent_for = request.environ.get(_SENT_FOR, set())
            if reason and None not in sent_for:
                for task_id in made.keys() - sent_for:
                    _end(task_id, reason)
