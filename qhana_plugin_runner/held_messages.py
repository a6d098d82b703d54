"""Messages about a task that a request sends leave when its view is done.

Plugins send the message of a task first and write to its row afterwards. A worker that is quick
would write to the row at the same time, and one of the two changes would be lost; or it would
not find the row at all. So these messages are held back until the answer is ready, or until the
view asks for a result.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask, Response, has_request_context, request

from .db import DB
from .db.unsaved import has_unsaved_changes
from .errors import BrokerUnavailable

__all__ = ["hold", "register_held_messages", "release"]

# In the environ, where it is found in whichever app context a view pushes.
_HELD = "qhana_plugin_runner.held_messages"


class _Message(NamedTuple):
    task_id: int
    send: Callable[[], Any]


def hold(task_id: int, send: Callable[[], Any]) -> bool:
    """Keep a message for later.

    Args:
        task_id: the row of the task that the message is about
        send: sends the message

    Returns:
        whether it was kept; it is not where no request is being answered
    """
    if not has_request_context() or _HELD not in request.environ:
        return False
    request.environ[_HELD].append(_Message(task_id, send))
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
        try:
            message.send()
        except BrokerUnavailable as error:
            error.task_ids |= {message.task_id, *(other.task_id for other in held)}
            held.clear()
            raise


def register_held_messages(app: Flask) -> None:
    """Hold messages back while requests are answered."""

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
            release()
        except Exception as error:
            # As if the view had raised it: only views' errors are handled by Flask.
            return app.make_response(app.handle_user_exception(error))
        finally:
            # What a stream sends while it is read leaves at once.
            request.environ.pop(_HELD, None)
        return response

    @app.teardown_request
    def send_the_rest(_error: BaseException | None) -> None:
        """In debug mode an error of a view goes past the function above."""
        try:
            release()
        except BrokerUnavailable as error:
            app.logger.error("tasks %s were not started: %s", error.task_ids, error)
