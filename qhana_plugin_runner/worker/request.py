"""Celery's record of a message in a worker, which tells the worker's monitor how it has failed."""

from collections.abc import Callable
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import Terminated, WorkerLostError
from celery.worker import state
from celery.worker.request import Request
from celery.worker.strategy import default

from ..tasking.messages import DELIVERY_ID, message_of
from ..util.current_message import working_on
from .monitor import Monitor

_KILLED = (WorkerLostError, Terminated, SystemExit, KeyboardInterrupt)
"""What Celery says, in the main process, of a task whose process has ended."""


class MonitoredRequest(Request):
    """A message that a worker has.

    What its process does not live to tell is told here, in the main process of the worker.
    """

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
        error = exc_info.exception
        error = error.exc if isinstance(error, ExceptionWithTraceback) else error
        if Monitor.current is not None and isinstance(error, _KILLED):
            # Else it was done, and what follows it is sent.
            if not self._success_was_stored():
                Monitor.current.process_ended(self, str(error))
                if self.request_dict.get(DELIVERY_ID) and self.task.attempts > 1:
                    self._leave_open()
        with working_on(message_of(self.request_dict)):
            return super().on_failure(exc_info, *args, **options)

    def _leave_open(self) -> None:
        """Let Celery tell nobody that this attempt has failed, such as a chord: another one follows.

        After the last one, the task itself ends, and so does all that is sent for it.
        """
        self._context.update(chord=None, chain=None, errbacks=None)

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        if Monitor.current is not None and not soft and not state.should_terminate:
            Monitor.current.timed_out(self, timeout)
        return super().on_timeout(soft, timeout)


def named_in_log(task: Any, app: Any, consumer: Any) -> Callable[..., Any]:
    """Return Celery's function that takes messages; its log lines name task and request."""
    take = default(task, app, consumer)

    def take_named(message: Any, *args: Any, **options: Any) -> Any:
        with working_on(message_of(message.headers)):
            return take(message, *args, **options)

    return take_named
