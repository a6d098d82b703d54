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
from contextlib import suppress
from typing import Any, NamedTuple

from flask import Response, has_request_context, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..db import DB
from ..db.transient import retry_transient
from ..errors import TaskNotSaved
from ..util.error_text import name_and_text
from ..util.flask_app import Environ, RunnerFlask
from . import life_cycle
from .errors import BrokerUnavailable
from .life_cycle.rows import MADE, UNSAVED
from .owners import waits_for_step

_logger = logging.getLogger(__name__)

# In the environ, where it is found in whichever app context a view pushes.
_HELD = "qhana_plugin_runner.tasking.publishing"


# The tasks that messages were sent for; None stands for one that does not tell.
_SENT_FOR = "qhana_plugin_runner.sent_for"
_FAILED = "qhana_plugin_runner.failed"

MAX_DATABASE_SECONDS = 5.0
"""For how long a message is tried to be sent when its task cannot be marked as queued."""


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


def release(is_view_done: bool = False) -> None:
    """Send what was held back, in the order in which it came.

    Args:
        is_view_done: whether nobody sends later what cannot be sent. Then the database is tried
            for a while, and where it or anything else fails, the tasks fail. A view is told, and
            may go on.

    Raises:
        BrokerUnavailable: the broker does not answer; names the tasks of all messages that have
            not been sent
    """
    held = request.environ.get(_HELD) if has_request_context() else None
    while held:
        message = held.pop(0)
        try:
            if is_view_done:
                # A message that has failed at the database is not registered any more.
                retry_transient(message.send, MAX_DATABASE_SECONDS)
            else:
                message.send()
        except Exception as error:
            unsent = message.task_ids.union(*(other.task_ids for other in held))
            if isinstance(error, BrokerUnavailable):
                error.task_ids |= unsent
                note_sending(error.task_ids)
                held.clear()
            elif is_view_done:
                held.clear()
                _fail(unsent, name_and_text(getattr(error, "orig", None) or error))
            raise
        note_sending(message.task_ids)


def fail_unsent(error: BrokerUnavailable) -> None:
    """Fail the tasks whose messages could not be sent."""
    _fail(error.task_ids, str(error))


def _fail(task_ids: Set[int], reason: str) -> None:
    for task_id in task_ids:
        try:
            DB.session.rollback()
            life_cycle.fail(task_id, f"The task could not be started: {reason}")
        except KeyError:
            # The plugin had not committed its row: nothing is left behind.
            _logger.info("task %s was never saved", task_id)
        except SQLAlchemyError as error:
            _logger.error("task %s waits, and nothing is sent for it: %s", task_id, error)


def _release_saved() -> None:
    """Send what was held back, but for messages about rows that were not committed.

    Raises:
        BrokerUnavailable: the broker does not answer.
        TaskNotSaved: there is such a message; the others have been sent.
    """
    held = request.environ.get(_HELD)
    if not held:
        return
    # The view has ended: what it has not committed nobody would save. It is not to be taken
    # along with what is noted of the messages, nor is an error of it that was swallowed.
    with suppress(DBAPIError):  # a connection that is gone has rolled back
        DB.session.rollback()
    unsaved = request.environ.get(UNSAVED, set())
    missing = unsaved & set().union(*(message.task_ids for message in held))
    held[:] = [message for message in held if not missing & message.task_ids]
    release(is_view_done=True)
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


def register_publishing(app: RunnerFlask) -> None:
    """Publish the messages of a request after its response."""

    def start_holding(environ: Environ) -> None:
        environ[_HELD] = []

    app.environ_funcs.append(start_holding)

    @app.after_request
    def send_now(response: Response) -> Response:
        environ = request.environ
        try:
            if environ.get(_HELD):
                _release_saved()
        except Exception as error:
            # As if the view had raised it: only views' errors are handled by Flask.
            response = app.make_response(app.handle_user_exception(error))
        finally:
            # What a stream sends while it is read leaves at once.
            environ.pop(_HELD, None)
            if response.status_code >= 500:
                environ[_FAILED] = f"HTTP {response.status_code}"
        return response

    @app.teardown_request
    def send_or_end_what_is_left(error: BaseException | None) -> None:
        """Do what is left to do when an error of a view has gone past the function above."""
        environ = request.environ
        if environ.get(_HELD):
            try:
                _release_saved()
            except Exception as unsent:
                app.logger.error("a task was not started: %s", unsent)
                if isinstance(unsent, BrokerUnavailable):
                    fail_unsent(unsent)
        if made := environ.pop(MADE, None):
            failed = environ.get(_FAILED)
            reason = failed if error is None else name_and_text(error)
            sent_for = environ.get(_SENT_FOR, set())
            if reason and None not in sent_for:
                for task_id in made.keys() - sent_for:
                    _end(task_id, reason)
